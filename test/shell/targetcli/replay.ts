/** Plays a session recorded with targetcli through our shell and tells where they differ. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Document } from '../../../src/objects/document.ts';
import type { TreeNode } from '../../../src/objects/node.ts';
import { pathOf, viewChildren } from '../../../src/objects/tree.ts';
import { promptText } from '../../../src/shell/render.ts';
import { runOnce } from '../../../src/shell/session.ts';
import { Shell } from '../../../src/shell/shell.ts';
import { MemoryClient } from '../memory_client.ts';
import { MemoryOutput } from '../memory_output.ts';
import { parseTranscript } from '../transcript.ts';
import type { Entry, Transcript } from '../transcript.ts';
import { isTreeLine, lonely, normalise, reduce, treeLine } from './reduce.ts';
import type { Lonely } from './reduce.ts';

export const FIXTURES = join(import.meta.dirname, '../../fixtures/targetcli');

export interface Difference extends Lonely {
  readonly file: string;
  readonly lineNumber: number;
  readonly prompt: string;
  readonly command: string;
}

export interface Replay {
  readonly commands: number;
  readonly differences: readonly Difference[];
}

function prepare(transcript: Transcript): MemoryClient {
  const client = new MemoryClient();
  client.addresses = ['127.0.0.1', '127.0.0.2', '10.0.2.15', '::1'];
  for (const [what, path = '', size = '0', mode] of transcript.setup) {
    if (what === 'file' || what === 'block')
      client.files.set(path, {
        type: what,
        size: Number(size),
        readonly: mode === 'ro',
        ...(mode === 'mounted' && { problem: 'is already in use: mounted' }),
      });
    else throw new Error(`Unknown setup line: ${what}`);
  }
  return client;
}

/** Their refusal leaves the tree as it was; then ours is put back too, to go on alike. */
const isRefusal = (lines: readonly string[]) =>
  lines.some((line) => /^(Error: |<traceback|<exit status 1)/.test(line));

/** Tree lines that say the same in another width; connectors depend on the siblings. */
function otherLayout(theirs: readonly string[], ours: readonly string[]): Lonely {
  const plain = (line: string) => line.replaceAll('|', ' ');
  const known = new Map(ours.filter(isTreeLine).map((line) => [treeLine(line), plain(line)]));
  const other = theirs.filter((line) => {
    const drawn = isTreeLine(line) ? known.get(treeLine(line)) : undefined;
    return drawn !== undefined && drawn !== plain(line);
  });
  return { theirs: other, ours: other.map((line) => known.get(treeLine(line)) ?? '') };
}

class Player {
  readonly #client: MemoryClient;
  readonly #out: MemoryOutput;
  readonly #home: string;
  #shell: Shell;
  readonly #file: string;
  readonly #once: boolean;

  constructor(file: string, transcript: Transcript, home: string) {
    this.#file = file;
    this.#once = file.startsWith('oneshot');
    this.#home = home;
    this.#client = prepare(transcript);
    this.#out = new MemoryOutput(this.#once ? {} : { columns: 80 });
    this.#shell = this.#open();
  }

  #open(): Shell {
    return new Shell({ client: this.#client, home: this.#home, out: this.#out });
  }

  async play(entry: Entry): Promise<Difference | undefined> {
    const expected = entry.expected.split('\n').slice(0, -1);
    const input = this.#named(entry.input, expected);
    const prompt = await this.#goTo(entry);
    const before = this.#client.document;
    const printed = await this.#run(input);
    if (isRefusal(expected)) await this.#putBack(before);
    // The fixtures are without prose already.
    const theirs = normalise(expected, this.#home);
    const ours = normalise(reduce(printed), this.#home);
    const found = lonely(theirs, ours);
    const layout = otherLayout(expected, printed);
    const all = {
      theirs: [...prompt.theirs, ...found.theirs, ...layout.theirs],
      ours: [...prompt.ours, ...found.ours, ...layout.ours],
    };
    if (all.theirs.length + all.ours.length === 0) return undefined;
    return {
      file: this.#file,
      lineNumber: entry.lineNumber,
      prompt: entry.prompt,
      command: entry.input,
      ...all,
    };
  }

  /** A name that targetcli made up is given to ours. */
  #named(input: string, expected: readonly string[]): string {
    const made = /Created target (\S+)\.$/.exec(expected[0] ?? '')?.[1];
    return made !== undefined && /(^|iscsi )create$/.test(input) ? `${input} ${made}` : input;
  }

  async #run(input: string): Promise<readonly string[]> {
    this.#out.take();
    if (!this.#once) {
      const { exit } = await this.#shell.runLine(input);
      if (exit) await this.#shell.saveOnExit();
      return this.#out.take().split('\n').slice(0, -1);
    }
    const status = await runOnce(this.#shell, input.split(' '));
    const stderr = this.#out.errors === '' ? '' : ', stderr';
    const text = this.#out.take();
    this.#shell = this.#open();
    return [...text.split('\n').slice(0, -1), `<exit status ${status}${stderr}>`];
  }

  /** Where targetcli stood: what ours did otherwise before must not count twice. */
  async #goTo(entry: Entry): Promise<Lonely> {
    const shell = this.#shell;
    if (this.#once || shell.prompt.trimEnd() === `${entry.prompt}>`)
      return { theirs: [], ours: [] };
    const ours = shell.prompt.trimEnd();
    const view = await shell.mirror.view();
    const length = shell.store.preferences.prompt_length;
    const search = (node: TreeNode): string | undefined => {
      const path = pathOf(node);
      if (promptText(path, length).trimEnd() === `${entry.prompt}>`) return path;
      for (const child of viewChildren(view, node)) {
        const found = search(child);
        if (found !== undefined) return found;
      }
      return undefined;
    };
    const path = search(shell.root);
    if (path !== undefined) shell.moveTo(path);
    return { theirs: [`prompt ${entry.prompt}>`], ours: [`prompt ${ours}`] };
  }

  async #putBack(document: Document): Promise<void> {
    if (this.#client.document === document) return;
    this.#client.document = document;
    this.#client.revision += 1;
    this.#shell.mirror.drop();
    await this.#shell.mirror.view();
  }
}

export async function replay(file: string): Promise<Replay> {
  const transcript = parseTranscript(readFileSync(join(FIXTURES, file), 'utf8'));
  const home = mkdtempSync(join(tmpdir(), 'lunsmith-replay-'));
  try {
    const player = new Player(file, transcript, home);
    const differences: Difference[] = [];
    for (const entry of transcript.entries) {
      const difference = await player.play(entry);
      if (difference !== undefined) differences.push(difference);
    }
    return { commands: transcript.entries.length, differences };
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}
