/**
 * Each case of libiscsi's suite against a fresh LUN, compared with expected.json: what passes, what
 * the tool skips and why, what is known to fail. Any difference fails, in either direction.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { have } from '../support/programs.ts';
import { iscsiUrl } from '../support/served_target.ts';
import { testsPeer, testTarget } from '../support/test_target.ts';
import { judge, listCases, runCase, TOOL, type CaseResult } from './iscsi_test_cu.ts';

/** `pass`, `skip: reason`, `silent skip: reason`, or a failure with its known cause. */
type Expected = string | KnownFailure;
interface KnownFailure {
  readonly fail: string;
  /** The source file of every assertion that may fail. */
  readonly only: string;
}
interface Expectations {
  /** Families in which nothing may be known to fail. */
  readonly required: readonly string[];
  /** Required families that the tool's version does not have, and what covers them instead. */
  readonly absent: Readonly<Record<string, string>>;
  readonly cases: Readonly<Record<string, Expected>>;
}

const reasonOf = (expected: Expected | undefined): string =>
  typeof expected === 'object' ? expected.fail : (expected ?? '').replace(/^(silent )?skip: /, '');

/** What differs from the expectation, or nothing. */
function compare(expected: Expected | undefined, { outcome, detail }: CaseResult): string {
  if (expected === undefined) return 'not listed in expected.json';
  if (typeof expected === 'string') {
    // What the tool skips without a word looks like a pass from here.
    const wanted = expected.split(':', 1)[0]?.replace('silent skip', 'pass');
    return outcome === wanted ? '' : `${outcome} instead of ${expected}:\n${detail}`;
  }
  const failed = detail.split('\n').filter((line) => /^\d+\. /.test(line));
  const known = failed.length > 0 && failed.every((line) => line.includes(expected.only));
  return outcome === 'fail' && known ? '' : `${outcome} instead of a known failure:\n${detail}`;
}

const LUN_MEGABYTES = 100;
const present = have(path.basename(TOOL)) || TOOL.includes('/');
const expectations = JSON.parse(
  readFileSync(path.join(import.meta.dirname, 'expected.json'), 'utf8'),
) as Expectations;
const cases = present ? await listCases() : [];
const familyOf = (name: string) => name.slice(0, name.indexOf('.'));
const families = [...new Set(cases.map(familyOf))];
const chosen = process.env['LUNSMITH_TEST_FAMILIES']?.split(',');
/** A file that gets each case's outcome, to write expected.json from. */
const record = process.env['LUNSMITH_TEST_RECORD'];

describe('the judge of iscsi-test-cu', () => {
  const summary = (passed: number, failed: number) =>
    `               tests      1      1      ${passed}      ${failed}        0\n`;

  test('a case that prints [SKIPPED] is a skip although the tool counts it passed', () => {
    const text = `    [SKIPPED] Not removable.\n${summary(1, 0)}`;
    expect(judge(text, false)).toEqual({ outcome: 'skip', detail: '[SKIPPED] Not removable.' });
  });

  test("the tool's own look for reservations around a case is no skip of the case", () => {
    const message = '    [SKIPPED] PERSISTENT RESERVE IN is not implemented.\n';
    const banner = 'CUnit - A unit testing framework for C\n';
    expect(judge(message + banner + message + summary(1, 0), false).outcome).toBe('pass');
    expect(judge(message + banner + message + message + summary(1, 0), false).outcome).toBe('skip');
    expect(judge(banner + message + summary(1, 0), false).outcome).toBe('skip');
  });

  test('a failed assertion, a missing summary and a timeout are failures', () => {
    expect(judge(summary(0, 1), false).outcome).toBe('fail');
    expect(judge('Failed to log in', false)).toEqual({
      outcome: 'fail',
      detail: 'Failed to log in',
    });
    expect(judge(summary(1, 0), true).outcome).toBe('fail');
  });

  test('a clean summary is a pass', () => {
    expect(judge(summary(1, 0), false).outcome).toBe('pass');
  });
});

describe.runIf(present)('expected.json', () => {
  test('lists each case of the installed tool', () => {
    expect(cases.filter((name) => expectations.cases[name] === undefined)).toEqual([]);
  });

  test('each required family is there or named as absent', () => {
    const known = (family: string) =>
      families.includes(family) || expectations.absent[family] !== undefined;
    expect(expectations.required.filter((family) => !known(family))).toEqual([]);
  });

  test('no case of a required family fails, but for the one that is broken itself', () => {
    const failing = Object.entries(expectations.cases)
      .filter(([name]) => expectations.required.includes(familyOf(name)))
      .filter(([, expected]) => typeof expected === 'object');
    expect(failing.map(([name]) => name)).toEqual(['iSCSITMF.LUNResetSimpleAsync']);
  });

  for (const [family, why] of Object.entries(expectations.absent)) {
    if (!families.includes(family) && chosen === undefined)
      test(family, (context) => context.skip(why));
  }
});

if (!present) test('iscsi-test-cu', (context) => context.skip('libiscsi-bin is not installed'));

describe.runIf(present)('libiscsi', () => {
  const served = testTarget();
  beforeAll(() => served.start());
  /** The CHAP cases want a login, and some of them a user name that looks like a number. */
  const chapUrl = async (name: string) => {
    const prefix = /HexName/.test(name) ? '0x' : /Base64Name/.test(name) ? '0b' : '';
    const login = { user: `${prefix}${name.replace('.', '')}`, password: 'chapsecret123' };
    const lun = await served.createLun(name.replace('.', ''), LUN_MEGABYTES, login);
    return iscsiUrl(lun, login);
  };
  afterAll(() => served.stop());

  for (const family of families.filter((name) => chosen?.includes(name) ?? true)) {
    describe(family, () => {
      let urls: string[] = [];
      beforeAll(async () => {
        if (family === 'iSCSICHAP') return;
        const url = iscsiUrl(await served.createLun(family, LUN_MEGABYTES));
        urls = family === 'MultipathIO' ? [url, url] : [url];
      });

      for (const name of cases.filter((one) => familyOf(one) === family)) {
        test(name, async (context) => {
          if (family === 'iSCSICHAP') urls = [await chapUrl(name)];
          const { outcome, detail } = await runCase(name, urls);
          if (record !== undefined) {
            appendFileSync(record, `${name}\t${outcome}\t${detail.replaceAll('\n', ' | ')}\n`);
          }
          if (testsPeer) return;
          const problem = compare(expectations.cases[name], { outcome, detail });
          expect(problem).toBe('');
          if (expectations.cases[name] !== 'pass') context.skip(reasonOf(expectations.cases[name]));
        });
      }
    });
  }
});
