import { describe, expect, test } from 'vitest';
import { setIn, type Document } from '../../../../src/objects/document.ts';
import { FULL_DOCUMENT, OTHER_TARGET_NAME } from '../../../fixtures/documents.ts';
import { after, get, info, messages, run, set, summary, walk } from './runner.ts';

const DISK = '/backstores/fileio/disk2';
const ALUA = `${DISK}/alua`;
const BACKUP = `${ALUA}/backup`;
const LUN = `/iscsi/${OTHER_TARGET_NAME}/tpg1/luns/lun0`;
const groupsOf = (document: Document) => document.backstores.fileio['disk2']?.alua;
const lunOf = (document: Document) =>
  document.iscsi.targets[OTHER_TARGET_NAME]?.tpgs['1']?.luns['0'];

describe('alua of a storage object', () => {
  test('counts its groups; the default one is always among them', () => {
    expect(summary(FULL_DOCUMENT, '/backstores/fileio/disk1/alua')).toBe('? ALUA Groups: 1');
    expect(summary(FULL_DOCUMENT, ALUA)).toBe('? ALUA Groups: 2');
    const names = (path: string) => {
      const node = walk(FULL_DOCUMENT, path);
      return node.kind.children(FULL_DOCUMENT, node).map(({ name }) => name);
    };
    expect(names('/backstores/ramdisk/ram0/alua')).toEqual(['default_tg_pt_gp']);
    expect(names(ALUA)).toEqual(['backup', 'default_tg_pt_gp']);
  });

  test('create makes a group that says nothing yet', async () => {
    const outcome = await run(FULL_DOCUMENT, ALUA, 'create', { name: 'grp1', tag: '1' });
    expect(outcome.messages).toEqual([{ level: 'info', text: 'Created ALUA TPG grp1.' }]);
    expect(outcome.created).toBe(`${ALUA}/grp1`);
    expect(groupsOf(outcome.document!)?.['grp1']).toEqual({ tg_pt_gp_id: 1, attributes: {} });
  });

  test.each([
    [{ name: 'backup', tag: '9' }, 'This ALUATargetPortGroup already exists in configFS'],
    [{ name: 'default_tg_pt_gp', tag: '9' }, 'already exists in configFS'],
    [{ name: 'x', tag: '99999' }, 'The TPG Tag must be between 1 and 65535'],
    [{ name: 'x', tag: '0' }, 'The TPG Tag must be between 1 and 65535'],
    [{ name: 'x', tag: 'abc' }, 'The TPG Tag must be between 1 and 65535'],
    [{ name: 'x', tag: '7' }, 'group backup of fileio/disk2 has the tag 7 already: 1 is free'],
    [{ name: 'a b', tag: '9' }, "An ALUA group's name cannot contain"],
    [{ name: '', tag: '9' }, 'An ALUA group needs a name'],
  ])('create %j is refused', async (typed, message) => {
    await expect(run(FULL_DOCUMENT, ALUA, 'create', typed)).rejects.toThrow(message);
  });

  test('create stops at the number that a storage object may have', async () => {
    const ids = Array.from({ length: 256 }, (_, i) => i + 1);
    const groups = ids.map((id) => [`g${id}`, { tg_pt_gp_id: id, attributes: {} }] as const);
    const at = ['backstores', 'fileio', 'disk1', 'alua'];
    const full = setIn(FULL_DOCUMENT, at, Object.fromEntries(groups));
    const path = '/backstores/fileio/disk1/alua';
    await expect(run(full, path, 'create', { name: 'x', tag: '999' })).rejects.toThrow(
      'at most 256 ALUA groups',
    );
  });

  test('delete moves the LUNs of the group to the default one and says which', async () => {
    const outcome = await run(FULL_DOCUMENT, ALUA, 'delete', { name: 'backup' });
    expect(outcome.messages.map(({ text }) => text)).toEqual([
      'Deleted ALUA TPG backup.',
      `In default_tg_pt_gp (Active/optimized) now: ${LUN}`,
    ]);
    expect(lunOf(outcome.document!)).toEqual({ storage_object: 'fileio/disk2' });
    expect(Object.keys(groupsOf(outcome.document!) ?? {})).toEqual(['default_tg_pt_gp']);
  });

  test('the last group that says something leaves nothing behind', async () => {
    const calm = set(FULL_DOCUMENT, `${ALUA}/default_tg_pt_gp`, 'alua', { nonop_delay_msecs: 100 });
    const none = await after(calm, ALUA, 'delete', { name: 'backup' });
    expect(none.backstores.fileio['disk2']).not.toHaveProperty('alua');
  });

  test('delete says nothing of LUNs where there are none', async () => {
    const made = await after(FULL_DOCUMENT, ALUA, 'create', { name: 'x', tag: '1' });
    expect(await messages(made, ALUA, 'delete', { name: 'x' })).toEqual(['Deleted ALUA TPG x.']);
  });

  test.each([
    ['default_tg_pt_gp', 'Can not delete default_tg_pt_gp'],
    ['grp9', 'Invalid ALUA group name'],
    ['bakup', 'Invalid ALUA group name; did you mean backup?'],
    ['constructor', 'Invalid ALUA group name'],
  ])('delete %s is refused', async (name, message) => {
    await expect(run(FULL_DOCUMENT, ALUA, 'delete', { name })).rejects.toThrow(message);
  });

  test('renaming the storage object keeps groups and memberships', async () => {
    const renamed = await after(FULL_DOCUMENT, DISK, 'rename', { new_name: 'new' });
    expect(renamed.backstores.fileio['new']?.alua).toEqual(groupsOf(FULL_DOCUMENT));
    expect(lunOf(renamed)?.alua_tg_pt_gp_name).toBe('backup');
  });
});

describe('an ALUA group', () => {
  test('shows its state, green only where it serves', () => {
    const inState = (state: number) =>
      summary(set(FULL_DOCUMENT, BACKUP, 'alua', { alua_access_state: state }), BACKUP);
    expect([0, 1, 2, 3, 14].map(inState)).toEqual([
      '+ ALUA state: Active/optimized',
      '+ ALUA state: Active/non-optimized',
      '? ALUA state: Standby',
      '? ALUA state: Unavailable',
      '? ALUA state: Offline',
    ]);
  });

  test('info is what targetcli says, sorted', () => {
    expect(info(FULL_DOCUMENT, BACKUP)).toEqual([
      'alua_access_state: 2',
      'alua_access_status: 2',
      'alua_access_type: 3',
      'alua_support_active_nonoptimized: 1',
      'alua_support_active_optimized: 1',
      'alua_support_offline: 1',
      'alua_support_standby: 1',
      'alua_support_transitioning: 1',
      'alua_support_unavailable: 1',
      'alua_write_metadata: 0',
      'implicit_trans_secs: 0',
      'name: backup',
      'nonop_delay_msecs: 100',
      'preferred: 1',
      'tg_pt_gp_id: 7',
      'trans_delay_msecs: 0',
    ]);
  });

  test('its members are LUNs, by their paths', () => {
    const node = walk(FULL_DOCUMENT, BACKUP);
    const view = { document: FULL_DOCUMENT, runtime: undefined as never };
    expect(node.kind.live?.(view, node, 'alua')).toEqual({ members: LUN });
  });

  test('a state set by hand has come about by the administrator', () => {
    const path = `${ALUA}/default_tg_pt_gp`;
    const changed = set(FULL_DOCUMENT, path, 'alua', { alua_access_state: 1 });
    expect(get(changed, path, 'alua')).toMatchObject({
      alua_access_state: 1,
      alua_access_status: 2,
    });
    const explicit = { alua_access_state: 1, alua_access_status: 0 };
    const given = set(FULL_DOCUMENT, path, 'alua', explicit);
    expect(get(given, path, 'alua')).not.toHaveProperty('alua_access_status');
    // The same state again is no change.
    const same = set(FULL_DOCUMENT, path, 'alua', { alua_access_state: 0 });
    expect(get(same, path, 'alua')).toEqual({ nonop_delay_msecs: 50 });
  });

  test.each([
    [{ alua_access_state: 4 }, 'LBA dependent (4) is not served'],
    [{ alua_access_type: 2 }, undefined],
    [{ alua_access_state: 3, alua_access_type: 2 }, undefined],
    [{ alua_support_standby: false }, 'alua_access_state=2 (Standby) needs'],
    [{ alua_support_standby: false, alua_access_state: 0 }, undefined],
    [{ tg_pt_gp_id: 8 }, 'Unknown parameter tg_pt_gp_id'],
    [{ members: 'x' }, 'Unknown parameter members'],
    [{ alua_write_metadata: true }, 'saveconfig keeps the states'],
  ])('set %j', (values, refusal) => {
    const change = () => set(FULL_DOCUMENT, BACKUP, 'alua', values);
    if (refusal === undefined) expect(change).not.toThrow();
    else expect(change).toThrow(refusal);
  });

  test.each([
    [0, 'lets nobody change the state: set alua_access_type=1 with it'],
    [2, 'lets initiators only change the state: set alua_access_type=3 with it'],
  ])('while alua_access_type=%d the administrator may not change the state', (type, message) => {
    const path = BACKUP;
    const closed = set(FULL_DOCUMENT, path, 'alua', { alua_access_type: type });
    const change = () => set(closed, path, 'alua', { alua_access_state: 0 });
    expect(change).toThrow(`Cannot change ALUA state: alua_access_type=${type} ${message}`);
    const both = { alua_access_state: 0, alua_access_type: 3 };
    expect(get(set(closed, path, 'alua', both), path, 'alua')).toMatchObject({ preferred: true });
  });
});

describe('the group of a LUN', () => {
  test('is changed at the LUN', () => {
    expect(get(FULL_DOCUMENT, LUN, 'alua')).toEqual({ alua_tg_pt_gp_name: 'backup' });
    const moved = set(FULL_DOCUMENT, LUN, 'alua', { alua_tg_pt_gp_name: 'default_tg_pt_gp' });
    expect(lunOf(moved)).toEqual({ storage_object: 'fileio/disk2' });
    const back = set(moved, LUN, 'alua', { alua_tg_pt_gp_name: 'backup' });
    expect(back).toEqual(FULL_DOCUMENT);
    // As in LIO: nothing is the default group.
    expect(lunOf(set(back, LUN, 'alua', { alua_tg_pt_gp_name: '' }))).toEqual(lunOf(moved));
  });

  test('must be one of the storage object', () => {
    const join = (name: string) => () =>
      set(FULL_DOCUMENT, LUN, 'alua', { alua_tg_pt_gp_name: name });
    expect(join('bakup')).toThrow('no ALUA group bakup; did you mean backup?');
    expect(join('grp9')).toThrow('/backstores/fileio/disk2/alua create grp9 TAG makes it');
  });

  test('may be any of them, by TAB', () => {
    const node = walk(FULL_DOCUMENT, LUN);
    expect(node.kind.words?.(FULL_DOCUMENT, node, 'alua_tg_pt_gp_name')).toEqual([
      'default_tg_pt_gp',
      'backup',
    ]);
  });
});
