import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Shell } from '../../src/shell/shell.ts';
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

function prepare(transcript: Transcript): MemoryClient {
  const client = new MemoryClient();
  for (const [what, path = '', size = '0'] of transcript.setup) {
    if (what !== 'file' && what !== 'block') throw new Error(`Unknown setup line: ${what}`);
    client.files.set(path, { type: what, size: Number(size) });
  }
  return client;
}

interface Played {
  readonly lineNumber: number;
  readonly expected: string;
  readonly actual: string;
}

async function play(transcript: Transcript): Promise<readonly Played[]> {
  const out = new MemoryOutput({ columns: 80 });
  const shell = new Shell({ client: prepare(transcript), home, out });
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
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.transcript'));

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
});
