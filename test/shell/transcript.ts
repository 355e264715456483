/**
 * Transcripts: whole sessions as a terminal of 80 columns shows them. A line that begins with a
 * prompt is typed; what follows it, up to the next prompt, is the exact output expected.
 *
 *   #! file PATH BYTES     a file on the daemon's machine before the session starts
 *   #! block PATH BYTES    a block device
 *   #! session             the initiator of kit.ts is logged in
 *   #! run LINE            run before, what it prints is not shown
 *   ## anything            a comment, never an output
 *
 * Random parts are named: the serial of the n-th generated target is `<snN>`, a UUID `<uuidN>`;
 * typed lines may use the names.
 */
export interface Entry {
  /** Comment lines before it. */
  readonly comments: readonly string[];
  readonly lineNumber: number;
  readonly prompt: string;
  readonly input: string;
  readonly expected: string;
}

export interface Transcript {
  readonly setup: readonly (readonly string[])[];
  readonly entries: readonly Entry[];
}

const PROMPT = /^(\/\S*)> ?(.*)$/;

export function parseTranscript(text: string): Transcript {
  const setup: string[][] = [];
  const entries: { -readonly [K in keyof Entry]: Entry[K] }[] = [];
  let comments: string[] = [];
  text.split('\n').forEach((line, index) => {
    const typed = PROMPT.exec(line);
    const entry = entries.at(-1);
    if (line.startsWith('#!')) setup.push(line.slice(2).trim().split(/\s+/));
    else if (line.startsWith('##')) comments.push(line);
    else if (typed !== null) {
      const [, prompt = '', input = ''] = typed;
      entries.push({ comments, lineNumber: index + 1, prompt, input, expected: '' });
      comments = [];
    } else if (entry !== undefined) entry.expected += `${line}\n`;
  });
  const last = entries.at(-1);
  // The newline that ends the file is no output.
  if (last !== undefined) last.expected = last.expected.replace(/\n$/, '');
  return { setup, entries };
}

const SERIAL = /(?<=x8664:sn\.|x86_64:sn\.|:sn\.)[0-9a-f]{12}/g;
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/g;

/** Names for what is random, in the order of appearance. */
export class Names {
  readonly #known = new Map<string, string>();
  readonly #counts = new Map<string, number>();

  replace(text: string): string {
    const named = text
      .replace(SERIAL, (value) => this.#nameOf(value, 'sn'))
      .replace(UUID, (value) => this.#nameOf(value, 'uuid'));
    // A prompt that is shortened shows the end of a serial.
    return named.replace(/^(\/\S*)\.\.\.[0-9a-f]{1,11}\//gm, '$1...<sn>/');
  }

  restore(text: string): string {
    let plain = text;
    for (const [value, name] of this.#known) plain = plain.replaceAll(name, value);
    return plain;
  }

  #nameOf(value: string, kind: string): string {
    const known = this.#known.get(value);
    if (known !== undefined) return known;
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    const name = `<${kind}${count}>`;
    this.#known.set(value, name);
    return name;
  }
}
