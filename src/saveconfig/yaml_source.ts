/** YAML text with positions: what a problem points at, shown as a line with a caret. */
import {
  COLLECTION_STYLE,
  constructFromEvents,
  CORE_SCHEMA,
  EVENT_ID,
  getScalarValue,
  parseEvents,
  YAMLException,
  type Event,
  type MappingEvent,
  type SequenceEvent,
} from 'js-yaml';
import { ConfigError } from '../objects/errors.ts';

export type YamlPath = readonly (string | number)[];
export interface Problem {
  /** Of the value; with `atKey` its key is meant. */
  readonly path: YamlPath;
  readonly message: string;
  readonly atKey?: boolean;
}

type Scalar = Parameters<typeof getScalarValue>[1];
interface Place {
  readonly key?: number;
  readonly value: number;
}
interface Frame {
  readonly path: YamlPath;
  readonly kind: 'document' | 'mapping' | 'sequence';
  /** Of a mapping: the key whose value comes next. */
  key?: { readonly name: string; readonly offset: number } | undefined;
  index: number;
}

/** Problems shown at once; the rest is counted. */
const MAX_SHOWN = 20;
const MAX_LINE_SHOWN = 160;

/** What a merge leaves where both sides changed the same lines. */
const MERGE_MARKER = /^(?:<{7}|>{7})(?: |$)/m;
const MERGE_LEFT =
  'an unfinished merge: keep one side of the conflict, remove the lines <<<<<<<, =======, >>>>>>>';

/** One file's text and its YAML value. */
export class YamlSource {
  readonly file: string;
  readonly text: string;
  /** Undefined: nothing but blanks and comments. */
  readonly value: unknown;
  readonly #events: Event[];
  /** Of each event. */
  readonly #starts: readonly number[];
  /** Keys that a mapping holds already; the value is that of the last. */
  readonly #duplicates: readonly { readonly name: string; readonly offset: number }[];
  #places: Map<string, Place> | undefined;

  /** Throws ConfigError when the text is not YAML, or uses what a configuration does not need. */
  constructor(text: string, file: string) {
    this.text = text;
    this.file = file;
    try {
      this.#events = parseEvents(text, { filename: file });
      this.#starts = startsOf(this.#events);
      this.#refuseAliases();
      const documents = constructFromEvents(this.#events, {
        source: text,
        filename: file,
        schema: CORE_SCHEMA,
        maxAliases: 0,
        // Keys that are there twice are told together with all other problems.
        json: true,
      });
      if (documents.length > 1) {
        throw new ConfigError(`${file}: more than one YAML document (a line ---)`);
      }
      this.value = documents[0];
      this.#duplicates = duplicatesIn(text, this.#events, this.#starts);
    } catch (error) {
      if (!(error instanceof YAMLException)) throw error;
      const marker = MERGE_MARKER.exec(text);
      if (marker !== null) throw new ConfigError(this.#show(MERGE_LEFT, marker.index));
      throw new ConfigError(this.#show(error.reason, error.mark?.position ?? 0));
    }
  }

  /** The text is not right whatever it says: a key is there twice. */
  get broken(): boolean {
    return this.#duplicates.length > 0;
  }

  /** Every problem with its place, in the order of the file, as one ConfigError. */
  refuse(problems: readonly Problem[]): ConfigError {
    const found = problems.map(({ message, ...place }) => {
      return { offset: this.#offsetOf(place), message };
    });
    for (const { name, offset } of this.#duplicates) {
      found.push({ offset, message: `duplicate key ${JSON.stringify(name)}` });
    }
    found.sort((a, b) => a.offset - b.offset);
    const first = found.slice(0, MAX_SHOWN);
    const lines = first.map(({ offset, message }) => this.#show(message, offset));
    const more = found.length - first.length;
    if (more > 0) lines.push(`and ${more} more problems`);
    return new ConfigError(lines.join('\n'));
  }

  #offsetOf({ path, atKey }: Omit<Problem, 'message'>): number {
    this.#places ??= placesOf(this.text, this.#events, this.#starts);
    const exact = this.#places.get(JSON.stringify(path));
    if (exact !== undefined) return atKey ? (exact.key ?? exact.value) : exact.value;
    // What is missing is shown at the key of what it is missing from.
    for (let length = path.length - 1; length > 0; length--) {
      const place = this.#places.get(JSON.stringify(path.slice(0, length)));
      if (place !== undefined) return place.key ?? place.value;
    }
    return 0;
  }

  #refuseAliases(): void {
    for (const event of this.#events) {
      if (event.type !== EVENT_ID.ALIAS) continue;
      const reason = 'an alias (*): write the value out, or in quotes if the * belongs to it';
      throw new ConfigError(this.#show(reason, event.anchorStart - 1));
    }
  }

  /** `FILE:LINE:COLUMN: MESSAGE`, the line, and a caret under the column. */
  #show(message: string, offset: number): string {
    const before = this.text.slice(0, offset);
    const start = before.lastIndexOf('\n') + 1;
    const number = before.split('\n').length;
    const column = offset - start + 1;
    const end = this.text.indexOf('\n', start);
    const raw = this.text.slice(start, end < 0 ? undefined : end);
    const { line, secret } = withoutSecrets(raw);
    const shown = line.slice(0, MAX_LINE_SHOWN);
    const gutter = String(number);
    const indent = ' '.repeat(Math.min(column, shown.length + 1) - 1);
    const caret = `${' '.repeat(gutter.length)} | ${indent}^`;
    const reason = secret && !message.startsWith('unknown key') ? safeReason(message) : message;
    return `${this.file}:${number}:${column}: ${reason}\n${gutter} | ${shown}\n${caret}`;
  }
}

/** Errors reach logs and screens: what follows `password:` does not. */
function withoutSecrets(raw: string): { line: string; secret: boolean } {
  const flat = raw.replace(/[\t\r]/g, ' ');
  const match = /password["']?\s*:\s*/i.exec(flat);
  if (match === null) return { line: flat, secret: false };
  return { line: `${flat.slice(0, match.index + match[0].length)}********`, secret: true };
}

/** A syntax error may quote the text at which it stumbled. */
function safeReason(message: string): string {
  return /["'<!*&]/.test(message) ? 'cannot be read: write the value in double quotes' : message;
}

/** What is left empty stands nowhere in the text: it is shown where what comes before it begins. */
function startsOf(events: readonly Event[]): number[] {
  let start = 0;
  return events.map((event) => {
    if (event.type === EVENT_ID.SCALAR && event.valueStart >= 0) start = event.valueStart;
    if (event.type === EVENT_ID.MAPPING || event.type === EVENT_ID.SEQUENCE) start = event.start;
    return start;
  });
}

/** As the value has it; an empty one is null. */
function keyName(text: string, event: Scalar): string {
  return event.valueStart < 0 ? 'null' : getScalarValue(text, event);
}

/** A block of lines is pointed at by its key: its own first line says something else. */
function startOf(event: MappingEvent | SequenceEvent, frame: Frame | undefined): number {
  const block = event.style === COLLECTION_STYLE.BLOCK;
  return block && frame?.key !== undefined ? frame.key.offset : event.start;
}

/** Keys that stand in their mapping once more. */
function duplicatesIn(text: string, events: readonly Event[], starts: readonly number[]) {
  const found: { readonly name: string; readonly offset: number }[] = [];
  const stack: ({ readonly keys: Set<string>; expectsKey: boolean } | undefined)[] = [];
  const value = () => {
    const frame = stack.at(-1);
    if (frame !== undefined) frame.expectsKey = true;
  };
  for (const [at, event] of events.entries()) {
    const frame = stack.at(-1);
    if (event.type === EVENT_ID.POP) stack.pop();
    else if (event.type === EVENT_ID.DOCUMENT) stack.push(undefined);
    else if (event.type === EVENT_ID.MAPPING) {
      value();
      stack.push({ keys: new Set(), expectsKey: true });
    } else if (event.type === EVENT_ID.SEQUENCE) {
      value();
      stack.push(undefined);
    } else if (event.type === EVENT_ID.SCALAR && frame?.expectsKey === true) {
      const name = keyName(text, event);
      if (frame.keys.has(name)) found.push({ name, offset: starts[at] ?? 0 });
      frame.keys.add(name);
      frame.expectsKey = false;
    } else value();
  }
  return found;
}

/** Offsets of every value and key by path. */
function placesOf(
  text: string,
  events: readonly Event[],
  starts: readonly number[],
): Map<string, Place> {
  const places = new Map<string, Place>();
  const stack: Frame[] = [];
  const enter = (offset: number): YamlPath => {
    const frame = stack.at(-1);
    if (frame === undefined || frame.kind === 'document') {
      places.set('[]', { value: offset });
      return [];
    }
    const step = frame.kind === 'sequence' ? frame.index++ : (frame.key?.name ?? '');
    const path = [...frame.path, step];
    const key = frame.key?.offset;
    places.set(JSON.stringify(path), { value: offset, ...(key !== undefined && { key }) });
    frame.key = undefined;
    return path;
  };
  for (const [at, event] of events.entries()) {
    const frame = stack.at(-1);
    const start = starts[at] ?? 0;
    if (event.type === EVENT_ID.DOCUMENT) stack.push({ path: [], kind: 'document', index: 0 });
    else if (event.type === EVENT_ID.POP) stack.pop();
    else if (event.type === EVENT_ID.MAPPING) {
      stack.push({ path: enter(startOf(event, frame)), kind: 'mapping', index: 0 });
    } else if (event.type === EVENT_ID.SEQUENCE) {
      stack.push({ path: enter(startOf(event, frame)), kind: 'sequence', index: 0 });
    } else if (event.type === EVENT_ID.SCALAR) {
      if (frame?.kind === 'mapping' && frame.key === undefined) {
        frame.key = { name: keyName(text, event), offset: start };
      } else enter(start);
    }
  }
  return places;
}
