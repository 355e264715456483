/** Sessions recorded with the real targetcli, replayed: each difference has its reason. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { REASONS } from './targetcli/differences.ts';
import type { Reason } from './targetcli/differences.ts';
import { judge } from './targetcli/match.ts';
import type { Verdict } from './targetcli/match.ts';
import { FIXTURES, replay } from './targetcli/replay.ts';
import type { Difference } from './targetcli/replay.ts';

const FILES = ['main', 'children', 'help', 'oneshot'].map((name) => `${name}.transcript`);
const PAGE = join(import.meta.dirname, '../../docs/TARGETCLI.md');
const BEGIN = '<!-- differences: written by test/shell/targetcli_replay.test.ts -->\n';
const END = '<!-- end of differences -->\n';

const shown = ({ file, lineNumber, prompt, command, theirs, ours }: Difference) =>
  [
    `${file}:${lineNumber} ${prompt}> ${command}`,
    ...theirs.map((line) => `  targetcli: ${line}`),
    ...ours.map((line) => `  this shell: ${line}`),
  ].join('\n');

const section = ({ title, why }: Reason) => `### ${title}\n\n${wrapped(why)}\n`;

function wrapped(text: string): string {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1) ?? '';
    if (last !== '' && last.length + word.length >= 100) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines.join('\n');
}

describe('sessions of targetcli', () => {
  let commands = 0;
  let verdict: Verdict;
  beforeAll(async () => {
    const differences: Difference[] = [];
    for (const file of FILES) {
      const played = await replay(file);
      commands += played.commands;
      differences.push(...played.differences);
    }
    verdict = judge(differences, REASONS);
  }, 60_000);

  test('are replayed whole', () => {
    const lines = FILES.flatMap((file) => readFileSync(join(FIXTURES, file), 'utf8').split('\n'));
    expect(commands).toBe(lines.filter((line) => /^\/\S*>( |$)/.test(line)).length);
    expect(commands).toBeGreaterThan(1000);
  });

  test('differ in nothing that has no reason', () => {
    expect(verdict.unexplained.map(shown)).toEqual([]);
  });

  test('differ in all that has a reason', () => {
    expect(verdict.idle).toEqual([]);
  });

  test('differ as docs/TARGETCLI.md says', () => {
    const page = readFileSync(PAGE, 'utf8');
    const [before = '', rest = ''] = page.split(BEGIN);
    const [, after = ''] = rest.split(END);
    const text = `${before}${BEGIN}\n${REASONS.map(section).join('\n')}\n${END}${after}`;
    if (process.env['UPDATE_TRANSCRIPTS'] === '1') writeFileSync(PAGE, text);
    else expect(page).toBe(text);
  });
});
