import { describe, expect, test } from 'vitest';
import {
  applyCompletion,
  HistoryWalk,
  searchAfterKey,
  searchHistory,
} from '../../../src/shell/line_editor.ts';
import type { Search } from '../../../src/shell/line_editor.ts';

const LINES = ['ls', 'cd /iscsi', 'ls /backstores', 'pwd'];

describe('Up and Down', () => {
  test('walk back to the oldest and forth to what was typed', () => {
    const walk = new HistoryWalk(LINES);
    expect(walk.older('dra')).toBe('pwd');
    expect(walk.older('pwd')).toBe('ls /backstores');
    expect(walk.newer()).toBe('pwd');
    expect(walk.newer()).toBe('dra');
    expect(walk.newer()).toBeUndefined();
    for (let step = 0; step < 4; step += 1) walk.older('');
    expect(walk.older('')).toBeUndefined();
  });
});

describe('Ctrl-R', () => {
  const start: Search = { query: '', match: '', index: LINES.length, draft: 'dra' };
  const key = (name: string, ctrl = false) => ({ name, ctrl });
  const after = (search: Search, name: string, typed: string, ctrl = false) =>
    searchAfterKey(search, key(name, ctrl), typed, LINES);

  test('finds the newest line first', () => {
    expect(searchHistory(LINES, 'ls', LINES.length)).toEqual({ line: 'ls /backstores', index: 2 });
    expect(searchHistory(LINES, 'nonesuch', LINES.length)).toBeUndefined();
    expect(searchHistory(LINES, '', LINES.length)).toBeUndefined();
  });
  test('again finds older ones, and stays at the oldest', () => {
    const first = after(start, 's', 'ls') as Search;
    const second = after(first, 'r', 'ls', true) as Search;
    expect(second).toMatchObject({ match: 'ls', index: 0 });
    expect(after(second, 'r', 'ls', true)).toEqual(second);
  });
  test('Escape and Ctrl-G give back what was typed, an arrow takes the match', () => {
    const found = after(start, 's', 'ls') as Search;
    expect(after(found, 'escape', 'ls')).toBe('dra');
    expect(after(found, 'g', 'ls', true)).toBe('dra');
    expect(after(found, 'right', 'ls')).toBe('ls /backstores');
  });
  test('words that are nowhere match nothing', () => {
    expect(after(start, 'z', 'zzz')).toMatchObject({ query: 'zzz', match: '' });
  });
});

describe('TAB', () => {
  const candidate = (text: string, final: boolean) => ({ text, kind: 'path' as const, final });

  test('one candidate replaces the word, and a blank follows', () => {
    const completion = { start: 3, candidates: [candidate('/iscsi', true)] };
    expect(applyCompletion('cd /is', 6, completion)).toEqual({
      line: 'cd /iscsi ',
      cursor: 10,
      choices: [],
    });
  });
  test('in the middle of a line the rest stays', () => {
    const completion = { start: 0, candidates: [candidate('/iscsi', true)] };
    expect(applyCompletion('/is create', 3, completion)).toMatchObject({
      line: '/iscsi create',
      cursor: 6,
    });
  });
  test('several complete what they share and are shown', () => {
    const candidates = [candidate('size=', false), candidate('sparse=', false)];
    expect(applyCompletion('s', 1, { start: 0, candidates })).toEqual({
      line: 's',
      cursor: 1,
      choices: candidates,
    });
  });
  test('none changes nothing', () => {
    const quoted = [{ text: '"a b"', kind: 'parameter', final: true }] as const;
    const inQuotes = { start: 3, candidates: quoted };
    expect(applyCompletion('cd "a', 5, inQuotes)).toMatchObject({ line: 'cd "a b" ', cursor: 9 });
    expect(applyCompletion('cd "a"', 5, inQuotes)).toMatchObject({ line: 'cd "a b"', cursor: 7 });
    expect(applyCompletion('x', 1, { start: 1, candidates: [] })).toMatchObject({ line: 'x' });
  });
});
