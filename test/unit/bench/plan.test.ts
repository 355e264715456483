import { describe, expect, test } from 'vitest';
import { CASES, chosenCases, type Case } from '../../../bench/cases.mjs';
import { FILE_BYTES, filesOf } from '../../../bench/files.mjs';
import {
  caseSeconds,
  estimate,
  participants,
  stagesOf,
  targetsOf,
  type Part,
} from '../../../bench/plan.mjs';

const ALL = ['tgt', 'istgt', 'lunsmith', 'lunsmith2', 'minimal', 'echo'];
const settings = { rounds: 5, seconds: 0.5, targets: ALL };
const named = (only: string): Case[] => chosenCases({ only: [only], quick: false, all: false });
const one = (only: string): Case => {
  const [found] = named(`=${only}`);
  if (found === undefined) throw new Error(`no case ${only}`);
  return found;
};
const main = chosenCases({ only: [], quick: false, all: false });
const stage = (cases: readonly Case[], parts: readonly Part[] = []) => ({ cases, parts });

describe('stages', () => {
  test('1,000 LUNs are apart, and parts are beside the other cases', () => {
    const [others, many, ...rest] = stagesOf(main, ['witness', 'iser']);
    expect(rest).toEqual([]);
    expect(many?.cases.every(({ medium }) => medium === 'many')).toBe(true);
    expect(many?.parts).toEqual([]);
    expect(others?.cases.some(({ medium }) => medium === 'many')).toBe(false);
    // iSER is measured by daemons of its own.
    expect(others?.parts).toEqual(['witness']);
  });

  test('a part has a stage where no case has one for it', () => {
    const [first, second] = stagesOf(named('1,000 LUNs'), ['fairness']);
    expect(first).toEqual({ cases: [], parts: ['fairness'] });
    expect(second?.cases).toHaveLength(2);
    expect(stagesOf([], ['iser'])).toEqual([]);
  });

  test('start whoever a case or a part needs, of those that were asked for', () => {
    const deep = one('4 KiB random read, depth 32');
    expect(targetsOf(stage([deep]), ALL)).toEqual(['tgt', 'istgt', 'lunsmith', 'minimal', 'echo']);
    expect(targetsOf(stage([deep]), ['lunsmith', 'beside'])).toEqual(['lunsmith', 'beside']);
    expect(targetsOf(stage([], ['fairness']), ALL)).toEqual(['tgt', 'lunsmith']);
    expect(participants(deep, ['beside', 'tgt'])).toEqual(['tgt', 'beside']);
  });
});

describe('room', () => {
  const gib = (cases: readonly Case[], parts: readonly Part[], targets: readonly string[]) => {
    const { disk, memory } = filesOf(stage(cases, parts), targets);
    return [disk, memory].map((bytes) => Number((bytes / FILE_BYTES).toFixed(2)));
  };
  const file = [one('4 KiB random read, depth 32')];

  test('is one file for each medium that is used, of each set of files', () => {
    expect(gib(file, [], ALL)).toEqual([1, 0]);
    expect(gib(named('cold file'), [], ALL)).toEqual([2, 0]);
    expect(gib(named(', memory'), [], ALL)).toEqual([1, 1]);
    expect(gib([...named('cold file'), ...named(', memory')], [], [...ALL, 'beside'])).toEqual([
      4, 2,
    ]);
    expect(gib(named('=4 KiB random read, depth 32, 2 sessions'), [], ALL)).toEqual([2, 0]);
  });

  test('counts the media of --fairness, and the 1,000 files beside the one file', () => {
    expect(gib(file, ['fairness'], ALL)).toEqual([2, 1]);
    expect(gib([], ['fairness'], ALL)).toEqual([2, 1]);
    expect(gib(named('1,000 LUNs'), [], ALL)).toEqual([1.98, 0]);
  });
});

describe('the estimate', () => {
  const left = () => 5;

  test('is rounds times targets, and the logins of istgt one after the other', () => {
    const shallow = one('64 KiB random read, depth 8');
    const seconds = caseSeconds(shallow, 5, settings);
    expect(seconds).toBeGreaterThan(5 * 4 * 0.7);
    expect(seconds).toBeLessThan(5 * 4 * 0.7 + 3);
    const many = one('4 KiB random read, depth 8, 16 sessions');
    expect(caseSeconds(many, 5, settings) - seconds).toBeCloseTo(15);
    const without = { ...settings, targets: ['tgt', 'lunsmith'] };
    expect(caseSeconds(many, 5, without)).toBeLessThan(5 * 2 * 0.7 + 1);
  });

  test('of a resumed run is of the rounds that it lacks', () => {
    const whole = estimate(main, [], left, settings);
    const half = estimate(main, [], () => 2, settings);
    expect(half).toBeLessThan(whole / 2 + 60);
    expect(caseSeconds(CASES[0] as Case, 0, settings)).toBe(0);
    expect(estimate([], [], left, settings)).toBe(0);
  });

  test('counts each part', () => {
    const parts: Part[] = ['witness', 'iser', 'fairness'];
    const without = estimate(main, [], left, settings);
    for (const part of parts) {
      expect(estimate(main, [part], left, settings)).toBeGreaterThan(without + 20);
    }
  });
});
