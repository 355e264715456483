import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { TreeNode } from '../../src/objects/node.ts';
import { viewChildren } from '../../src/objects/tree.ts';
import { Shell } from '../../src/shell/shell.ts';
import { EXAMPLE, SESSION } from '../unit/shell/kit.ts';
import { Coverage } from './coverage.ts';
import { MemoryClient } from './memory_client.ts';
import { MemoryOutput } from './memory_output.ts';
import { Names, parseTranscript } from './transcript.ts';
import type { Transcript } from './transcript.ts';

const FOLDER = import.meta.dirname;
/** Rewrites the transcripts with what the shell really says: read the difference first. */
const UPDATE = process.env['UPDATE_TRANSCRIPTS'] === '1';

// Generated target names hold the machine's architecture.
Object.defineProperty(process, 'arch', { value: 'x64' });

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'lunsmith-shell-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const coverage = new Coverage();

/** A shell to which the machine and the tree of the setup lines belong. */
async function prepare(transcript: Transcript, out: MemoryOutput): Promise<Shell> {
  const client = new MemoryClient();
  const shell = new Shell({ client, home, out });
  for (const [what, ...words] of transcript.setup) {
    const [path = '', size = '0'] = words;
    if (what === 'file' || what === 'block') {
      client.files.set(path, { type: what, size: Number(size) });
    } else if (what === 'session') client.sessions = [SESSION];
    else if (what === 'run') expect((await shell.runLine(words.join(' '))).ok).toBe(true);
    else throw new Error(`Unknown setup line: ${what}`);
  }
  out.take();
  coverage.watch(shell);
  return shell;
}

/** One node of each kind that a tree can have. */
async function oneOfEachKind(shell: Shell): Promise<readonly TreeNode[]> {
  const view = await shell.mirror.view();
  const found = new Map<string, TreeNode>();
  const visit = (node: TreeNode) => {
    if (!found.has(node.kind.id)) found.set(node.kind.id, node);
    viewChildren(view, node).forEach(visit);
  };
  visit(shell.root);
  return [...found.values()];
}

interface Played {
  readonly lineNumber: number;
  readonly expected: string;
  readonly actual: string;
}

async function play(transcript: Transcript): Promise<readonly Played[]> {
  const out = new MemoryOutput({ columns: 80 });
  const shell = await prepare(transcript, out);
  const names = new Names();
  const played: Played[] = [];
  for (const entry of transcript.entries) {
    const prompt = names.replace(shell.prompt).trimEnd();
    const typed = `${prompt} ${entry.input}`.trimEnd();
    const { exit } = await shell.runLine(names.restore(entry.input));
    if (exit) await shell.saveOnExit();
    // The folder of the preferences differs from run to run.
    const output = names.replace(out.take()).replaceAll(home, '<home>');
    const expected = `${entry.prompt}> ${entry.input}`.trimEnd();
    played.push({
      lineNumber: entry.lineNumber,
      expected: `${expected}\n${entry.expected}`,
      actual: `${typed}\n${output}`,
    });
    if (exit) break;
  }
  return played;
}

describe('transcripts', () => {
  const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.transcript'))
    .sort();

  test('there are transcripts', () => {
    expect(files.length).toBeGreaterThan(0);
  });

  test.each(files)('%s', async (name) => {
    const file = join(FOLDER, name);
    const text = readFileSync(file, 'utf8');
    const transcript = parseTranscript(text);
    const played = await play(transcript);
    if (UPDATE) {
      const setup = transcript.setup.map((words) => `#! ${words.join(' ')}\n`);
      const body = played.map(({ actual }, index) => {
        const { comments = [] } = transcript.entries[index] ?? {};
        return [...comments, actual].join('\n');
      });
      writeFileSync(file, [...setup, ...body].join(''));
      return;
    }
    expect(played).toHaveLength(transcript.entries.length);
    for (const { lineNumber, expected, actual } of played) {
      expect(`line ${lineNumber}\n${actual}`).toBe(`line ${lineNumber}\n${expected}`);
    }
  });

  // Runs after the transcripts: it judges what they did.
  test('exercise each kind of node: each command, parameter, group, and an error', async () => {
    const client = new MemoryClient();
    client.files.set('/dev/sdb', { type: 'block', size: 2 ** 20 });
    const shell = new Shell({ client, home, out: new MemoryOutput() });
    for (const line of [...EXAMPLE, '/backstores/block create b1 /dev/sdb']) {
      expect((await shell.runLine(line)).ok).toBe(true);
    }
    client.sessions = [SESSION];
    shell.mirror.drop();
    const nodes = await oneOfEachKind(shell);
    expect(nodes.length).toBeGreaterThan(19);
    expect(nodes.flatMap((node) => coverage.missing(node, shell))).toEqual([]);
    // `help NAME` knows each attribute at the root, too.
    const groups = nodes.flatMap((node) => Object.values(node.kind.groups(node)));
    for (const name of groups.flatMap((group) => Object.keys(group))) {
      expect(await shell.runLine(`/ help ${name}`), name).toMatchObject({ ok: true });
    }
  });
});
