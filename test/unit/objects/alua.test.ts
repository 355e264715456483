import { describe, expect, test } from 'vitest';
import { ALUA_GROUPS_MAX, groupMembers, groupNames, stateText } from '../../../src/objects/alua.ts';
import { diff } from '../../../src/objects/diff.ts';
import { setIn, type AluaGroup, type Document } from '../../../src/objects/document.ts';
import { applyEdits, editsBetween } from '../../../src/objects/edits.ts';
import { describePlan, planLineText } from '../../../src/objects/plan_text.ts';
import { rebase } from '../../../src/objects/rebase.ts';
import { sparse } from '../../../src/objects/sparse.ts';
import { describeIssue, validate } from '../../../src/objects/validate.ts';
import { FULL_DOCUMENT, OTHER_TARGET_NAME } from '../../fixtures/documents.ts';

const DISK = ['backstores', 'fileio', 'disk2'];
const ALUA = [...DISK, 'alua'];
const LUN = ['iscsi', 'targets', OTHER_TARGET_NAME, 'tpgs', '1', 'luns', '0'];
const group = (tg_pt_gp_id: number, attributes = {}): AluaGroup => ({ tg_pt_gp_id, attributes });

const said = (path: readonly string[], value: unknown) =>
  (validate(setIn(FULL_DOCUMENT, path, value)).issues ?? []).map(describeIssue);
const linesTo = (wanted: Document) => describePlan(diff(FULL_DOCUMENT, wanted)).map(planLineText);

describe('groups of a storage object', () => {
  test.each([
    [[...ALUA, 'b'], group(0), 'The TPG Tag must be between 1 and 65535'],
    [[...ALUA, 'b'], group(65_536), 'The TPG Tag must be between 1 and 65535'],
    [[...ALUA, 'b'], group(1.5), 'The TPG Tag must be between 1 and 65535'],
    [[...ALUA, 'b'], group(7), 'tg_pt_gp_id 7 is taken by backup'],
    [[...ALUA, 'a/b'], group(8), "An ALUA group's name cannot contain /"],
    [[...ALUA, '..'], group(8), 'not possible as the name of an ALUA group'],
    [[...ALUA, 'b'], { tg_pt_gp_id: 8 }, 'attributes is missing'],
    [[...ALUA, 'b'], { ...group(8), id: 1 }, 'unknown key "id"'],
    [[...ALUA, 'default_tg_pt_gp'], group(1), "the default group's tg_pt_gp_id is 0"],
    [ALUA, [], 'a map is expected'],
    [[...ALUA, 'backup', 'attributes'], { alua_access_state: 4 }, 'not one of 0, 1, 2, 3, 14'],
    [[...ALUA, 'backup', 'attributes'], { alua_access_state: 15 }, 'out of range 0..14'],
    [[...ALUA, 'backup', 'attributes'], { alua_write_metadata: true }, 'keeps the states'],
    [
      [...ALUA, 'backup', 'attributes'],
      { alua_access_state: 2, alua_support_standby: false },
      'alua_access_state=2 (Standby) needs alua_support_standby=1: set that, or another state',
    ],
    [
      [...ALUA, 'backup', 'attributes'],
      { alua_support_active_optimized: false },
      'alua_access_state=0 (Active/optimized) needs alua_support_active_optimized=1',
    ],
    [
      [...ALUA, 'backup', 'attributes'],
      { trans_delay_msecs: 5, alua_support_transitioning: false },
      'trans_delay_msecs above 0 needs alua_support_transitioning=1',
    ],
    [LUN, { storage_object: 'fileio/disk2', alua_tg_pt_gp_name: 'bakcup' }, 'mean backup?'],
    [LUN, { storage_object: 'fileio/disk1', alua_tg_pt_gp_name: 'backup' }, 'disk1 has no ALUA'],
    [LUN, { storage_object: 'fileio/disk2', alua_tg_pt_gp_name: 7 }, 'not text'],
  ])('%j = %j is refused', (path, value, message) => {
    const found = said(path, value);
    expect(found.join('\n')).toContain(message);
    expect(found.join('\n')).toContain(path.slice(0, 3).join(' '));
  });

  test('deleting one that a LUN names is refused with the place of the LUN', () => {
    expect(said([...ALUA, 'backup'], undefined)).toEqual([
      `${LUN.join(' ')} alua_tg_pt_gp_name: storage object fileio/disk2 has no ALUA group "backup"`,
    ]);
  });

  test('there may be as many as stated, not one more', () => {
    const many = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`g${i}`, group(i + 1)]));
    const rest = { backup: group(65_535) };
    expect(said(ALUA, { ...rest, ...many(ALUA_GROUPS_MAX - 1) })).toEqual([]);
    expect(said(ALUA, { ...rest, ...many(ALUA_GROUPS_MAX) }).join()).toContain('at most 256');
  });

  test('the default one is first, and there without being written down', () => {
    const { disk1, disk2 } = FULL_DOCUMENT.backstores.fileio;
    expect(groupNames(disk1!)).toEqual(['default_tg_pt_gp']);
    expect(groupNames(disk2!)).toEqual(['default_tg_pt_gp', 'backup']);
  });

  test('their members are the LUNs that name them', () => {
    const use = { target: OTHER_TARGET_NAME, tag: '1', lun: '0' };
    expect(groupMembers(FULL_DOCUMENT, 'fileio/disk2', 'backup')).toEqual([use]);
    expect(groupMembers(FULL_DOCUMENT, 'fileio/disk2', 'default_tg_pt_gp')).toEqual([]);
    expect(groupMembers(FULL_DOCUMENT, 'fileio/disk1', 'default_tg_pt_gp')).toHaveLength(1);
  });

  test('states are called as LIO calls them', () => {
    expect([0, 1, 2, 3, 14, 15].map(stateText)).toEqual([
      'Active/optimized',
      'Active/non-optimized',
      'Standby',
      'Unavailable',
      'Offline',
      'Transitioning',
    ]);
  });
});

describe('what says nothing', () => {
  const plain = setIn(setIn(FULL_DOCUMENT, ALUA, undefined), LUN, {
    storage_object: 'fileio/disk2',
  });

  test.each([
    [ALUA, {}],
    [ALUA, { default_tg_pt_gp: group(0) }],
    [ALUA, { default_tg_pt_gp: group(0, { alua_access_state: 0, nonop_delay_msecs: 100 }) }],
    [LUN, { storage_object: 'fileio/disk2', alua_tg_pt_gp_name: 'default_tg_pt_gp' }],
  ])('%j = %j is left out', (path, value) => {
    expect(sparse(setIn(plain, path, value))).toEqual(plain);
  });

  test('what is sparse already is shared', () => {
    expect(sparse(FULL_DOCUMENT)).toBe(FULL_DOCUMENT);
  });
});

describe('a change', () => {
  const state = [...ALUA, 'backup', 'attributes', 'alua_access_state'];

  test('of a state is made in place and told as such', () => {
    const wanted = setIn(FULL_DOCUMENT, state, 3);
    expect(diff(FULL_DOCUMENT, wanted)).toMatchObject([
      { subject: 'storage_object', path: DISK, before: {}, after: {} },
    ]);
    expect(linesTo(wanted)).toEqual([
      '~ change /backstores/fileio/disk2 ALUA group backup alua_access_state: 2 -> 3',
    ]);
  });

  test('of a LUN to another group is made in place: no session loses it', () => {
    const wanted = setIn(FULL_DOCUMENT, LUN, { storage_object: 'fileio/disk2' });
    expect(diff(FULL_DOCUMENT, wanted)).toMatchObject([
      { subject: 'lun', path: LUN, before: {}, after: {} },
    ]);
    expect(linesTo(wanted)).toEqual([
      `~ change /iscsi/${OTHER_TARGET_NAME}/tpg1/luns/lun0 ` +
        'alua_tg_pt_gp_name: backup -> default_tg_pt_gp',
    ]);
  });

  test('of groups names those that come and go', () => {
    const groups = { other: group(9, { preferred: true }) };
    const without = setIn(FULL_DOCUMENT, LUN, { storage_object: 'fileio/disk2' });
    const [line] = linesTo(setIn(without, ALUA, groups));
    expect(line).toContain('ALUA group default_tg_pt_gp nonop_delay_msecs: 50 -> 100');
    expect(line).toContain('ALUA group backup: deleted');
    expect(line).toContain('ALUA group other: new, tag 9, ALUA group other preferred: 0 -> 1');
    const [renumbered] = linesTo(setIn(FULL_DOCUMENT, [...ALUA, 'backup', 'tg_pt_gp_id'], 8));
    expect(renumbered).toContain('ALUA group backup tg_pt_gp_id: 7 -> 8');
  });

  test('a new object and a new LUN say their groups', () => {
    const lines = describePlan(diff(setIn(FULL_DOCUMENT, ['iscsi', 'targets'], {}), FULL_DOCUMENT));
    expect(lines.map(planLineText).join('\n')).toContain('luns/lun0 (fileio/disk2, ALUA group');
    const bare = { ...FULL_DOCUMENT, backstores: { block: {}, fileio: {}, ramdisk: {} } };
    const made = describePlan(diff(bare, FULL_DOCUMENT)).map(planLineText).join('\n');
    expect(made).toContain(
      'ALUA group backup alua_access_state=2 alua_access_status=2 preferred=1',
    );
  });

  test('of one value is one edit; two shells change two values without a collision', () => {
    const mine = setIn(FULL_DOCUMENT, state, 3);
    const edits = editsBetween(FULL_DOCUMENT, mine);
    expect(edits).toEqual([{ path: state, value: 3 }]);
    expect(applyEdits(FULL_DOCUMENT, edits)).toEqual(mine);
    const theirs = setIn(FULL_DOCUMENT, [...ALUA, 'backup', 'attributes', 'preferred'], undefined);
    const { document } = rebase(FULL_DOCUMENT, mine, theirs);
    expect(document).toEqual(setIn(theirs, state, 3));
  });

  test('both of one value collide', () => {
    const to = (value: number) => setIn(FULL_DOCUMENT, state, value);
    expect(rebase(FULL_DOCUMENT, to(3), to(14)).collisions).toEqual([
      { path: state, mine: 3, theirs: 14 },
    ]);
  });
});
