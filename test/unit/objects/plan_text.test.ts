import { describe, expect, test } from 'vitest';
import { diff } from '../../../src/objects/diff.ts';
import { setIn, type Document } from '../../../src/objects/document.ts';
import type { SessionInfo } from '../../../src/objects/engine_port.ts';
import { describePlan, planText } from '../../../src/objects/plan_text.ts';
import { EMPTY_ACL, EMPTY_TPG, ramdisk, withTargets } from '../../fixtures/documents.ts';
import { SESSION } from '../shell/kit.ts';

const TARGET = SESSION.target;
const INITIATOR = SESSION.initiator;
const TPG = ['iscsi', 'targets', TARGET, 'tpgs', '1'];

const BASE: Document = withTargets(
  { ramdisk: { a: ramdisk(1), b: ramdisk(2) } },
  {
    [TARGET]: {
      tpgs: {
        1: {
          ...EMPTY_TPG,
          portals: { '0.0.0.0:3260': { iser: false } },
          luns: { 3: { storage_object: 'ramdisk/a' } },
          acls: {
            [INITIATOR]: { ...EMPTY_ACL, mapped_luns: { 3: { lun: 3, write_protect: false } } },
          },
        },
      },
    },
  },
);
const mappedLuns = SESSION.mappedLuns.map((lun) => ({
  ...lun,
  mappedLun: 3,
  storageObject: 'ramdisk/a',
}));
const sessions: readonly SessionInfo[] = [
  { ...SESSION, mappedLuns },
  { ...SESSION, sid: 4, mappedLuns },
];
const lines = (wanted: Document, open = sessions) =>
  planText(describePlan(diff(BASE, wanted), { sessions: open }));

describe('a plan as people read it', () => {
  test('a change says from what to what and when, a secret stays hidden', () => {
    const timeout = setIn(BASE, [...TPG, 'attributes', 'login_timeout'], 20);
    const wanted = setIn(timeout, [...TPG, 'auth', 'password'], 'verysecret12');
    expect(lines(wanted)).toEqual([
      `~ change /iscsi/${TARGET}/tpg1 ` +
        'login_timeout: 15 -> 20 (takes effect at next login), ' +
        'password: (unset) -> ******** (takes effect at next login)',
    ]);
  });

  test('a creation says what it is made of', () => {
    const wanted = setIn(BASE, ['backstores', 'ramdisk', 'c'], ramdisk(3));
    expect(lines(wanted)).toEqual(['+ create /backstores/ramdisk/c (64.0MiB)']);
  });

  test('a deletion says how many sessions lose what, and what goes with it', () => {
    const noLun = setIn(BASE, [...TPG, 'luns', '3'], undefined);
    const wanted = setIn(noLun, [...TPG, 'acls', INITIATOR, 'mapped_luns', '3'], undefined);
    expect(lines(wanted)).toEqual([
      `- delete /iscsi/${TARGET}/tpg1/acls/${INITIATOR}/mapped_lun3 ` +
        '(2 sessions will lose LUN 3)',
      `- delete /iscsi/${TARGET}/tpg1/luns/lun3 (2 sessions will lose LUN 3)`,
    ]);
    expect(lines(setIn(BASE, ['iscsi', 'targets', TARGET], undefined))).toEqual([
      `- delete /iscsi/${TARGET} ` +
        '(with 1 portal, 1 mapped LUN, 1 ACL, 1 LUN, 1 TPG; 2 sessions will end)',
    ]);
  });

  test('a deleted ramdisk loses its data, and so does one that is made anew', () => {
    const gone = setIn(BASE, ['backstores', 'ramdisk', 'b'], undefined);
    expect(lines(gone)).toEqual(['- delete /backstores/ramdisk/b (its data is lost)']);
    const other = lines(setIn(BASE, ['backstores', 'ramdisk', 'a'], ramdisk(9)));
    expect(other[0]).toContain('~ replace /backstores/ramdisk/a');
    expect(other[0]).toContain('its data is lost; 2 sessions will see another disk');
  });

  test('a renamed storage object loses nothing, and no session sees another disk', () => {
    const { a, b } = BASE.backstores.ramdisk;
    const renamed = setIn(BASE, ['backstores', 'ramdisk'], { new_name: a, b });
    const wanted = setIn(renamed, [...TPG, 'luns', '3', 'storage_object'], 'ramdisk/new_name');
    const text = lines(wanted).join('\n');
    expect(text).toContain('- delete /backstores/ramdisk/a (renamed to ramdisk/new_name)');
    expect(text).not.toMatch(/lost|another disk|sessions/);
  });

  test('of thousands of creations each has its line', () => {
    const many = Object.fromEntries(
      Array.from({ length: 3000 }, (_, n) => [`r${n}`, ramdisk(n + 10)]),
    );
    const wanted = setIn(BASE, ['backstores', 'ramdisk'], { ...BASE.backstores.ramdisk, ...many });
    expect(lines(wanted)).toHaveLength(3000);
  });
});
