import { describe, expect, test } from 'vitest';
import { setIn, type Document } from '../../../../src/objects/document.ts';
import type { SessionInfo } from '../../../../src/objects/engine_port.ts';
import {
  FULL_DOCUMENT,
  IDLE_RUNTIME,
  INITIATOR_NAME,
  OTHER_INITIATOR_NAME,
  SMALL_DOCUMENT,
  TARGET_NAME,
} from '../../../fixtures/documents.ts';
import { contextOf, fileOf, get, info, messages, run, set, summary, walk } from './runner.ts';

const TPG = `/iscsi/${TARGET_NAME}/tpg1`;
const ACLS = `${TPG}/acls`;
const ACL = `${ACLS}/${INITIATOR_NAME}`;
const NEW = 'iqn.1994-05.com.redhat:client9';
const tpgAt = ['iscsi', 'targets', TARGET_NAME, 'tpgs', '1'];
const tpgOf = (document: Document | undefined) => document?.iscsi.targets[TARGET_NAME]?.tpgs['1'];

describe('acls create', () => {
  test('maps every LUN under its own number', async () => {
    const outcome = await run(FULL_DOCUMENT, ACLS, 'create', { wwn: NEW });
    expect(outcome.messages.map(({ text }) => text)).toEqual([
      `Created Node ACL for ${NEW}`,
      'Created mapped LUN 0.',
      'Created mapped LUN 5.',
      'Created mapped LUN 256.',
    ]);
    expect(outcome.created).toBe(`${ACLS}/${NEW}`);
    expect(tpgOf(outcome.document)?.acls[NEW]?.mapped_luns['256']).toEqual({
      lun: 256,
      write_protect: false,
    });
  });

  test('maps nothing when told so', async () => {
    const typed = { wwn: NEW, add_mapped_luns: 'false' };
    expect(await messages(FULL_DOCUMENT, ACLS, 'create', typed)).toHaveLength(1);
    const preferences = { auto_add_mapped_luns: false };
    expect(await messages(FULL_DOCUMENT, ACLS, 'create', { wwn: NEW }, { preferences })).toEqual([
      `Created Node ACL for ${NEW}`,
    ]);
  });

  test('keeps the name in lower case, and refuses bad and taken ones', async () => {
    const create = (wwn: string) => messages(FULL_DOCUMENT, ACLS, 'create', { wwn });
    expect((await create('IQN.1994-05.com.redhat:UPPER'))[0]).toBe(
      'Created Node ACL for iqn.1994-05.com.redhat:upper',
    );
    await expect(create('badwwn')).rejects.toThrow('WWN not valid as: iqn, naa, eui');
    await expect(create(INITIATOR_NAME.toUpperCase())).rejects.toThrow(
      'This NodeACL already exists in configFS',
    );
  });

  test('suggests initiators that are logged in without an ACL', async () => {
    const sessions = [sessionOf('iqn.2024-01.com.example:Stranger'), sessionOf(INITIATOR_NAME)];
    const context = contextOf(FULL_DOCUMENT, ACLS, { runtime: { ...IDLE_RUNTIME, sessions } });
    const suggest = context.node.kind.commands['create']?.params['wwn']?.suggest;
    expect(await suggest?.(context)).toEqual(['iqn.2024-01.com.example:stranger']);
  });
});

describe('acls delete', () => {
  test('deletes the one, and refuses an unknown one', async () => {
    const outcome = await run(FULL_DOCUMENT, ACLS, 'delete', { wwn: INITIATOR_NAME });
    expect(outcome.messages[0]?.text).toBe(`Deleted Node ACL ${INITIATOR_NAME}.`);
    expect(Object.keys(tpgOf(outcome.document)?.acls ?? {})).toEqual([OTHER_INITIATOR_NAME]);
    await expect(run(FULL_DOCUMENT, ACLS, 'delete', { wwn: NEW })).rejects.toThrow(
      /^No such NodeACL in configfs: /,
    );
  });
});

describe('acl create', () => {
  const create = (mapped_lun: string, tpg_lun_or_backstore: string, more = {}) =>
    run(FULL_DOCUMENT, ACL, 'create', { mapped_lun, tpg_lun_or_backstore, ...more });

  test.each(['256', 'lun256', '/backstores/ramdisk/ram0'])('maps the TPG LUN %s', async (lun) => {
    const outcome = await create('3', lun, { write_protect: '1' });
    expect(outcome.messages).toEqual([{ level: 'info', text: 'Created Mapped LUN 3.' }]);
    expect(outcome.created).toBe(`${ACL}/mapped_lun3`);
    expect(tpgOf(outcome.document)?.acls[INITIATOR_NAME]?.mapped_luns['3']).toEqual({
      lun: 256,
      write_protect: true,
    });
  });

  test('makes the TPG LUN of a storage object that has none', async () => {
    const outcome = await create('3', '/backstores/fileio/disk2');
    expect(outcome.messages.map(({ text }) => text)).toEqual([
      'Created LUN 1.',
      'Created Mapped LUN 3.',
    ]);
    expect(tpgOf(outcome.document)?.luns['1']).toEqual({ storage_object: 'fileio/disk2' });
  });

  test('makes storage object and TPG LUN of a file', async () => {
    const files = { '/srv/new.img': fileOf(4096) };
    const typed = { mapped_lun: '3', tpg_lun_or_backstore: '/srv/new.img' };
    expect(await messages(FULL_DOCUMENT, ACL, 'create', typed, { files })).toEqual([
      'Created storage object new.img.',
      'Created LUN 1.',
      'Created Mapped LUN 3.',
    ]);
  });

  test('warns where the TPG LUN is mapped already', async () => {
    const outcome = await create('20', 'lun0');
    expect(outcome.messages).toEqual([
      { level: 'warning', text: 'Warning: TPG LUN 0 already mapped to this NodeACL' },
      { level: 'info', text: 'Created Mapped LUN 20.' },
    ]);
  });

  test.each([
    ['0', 'lun256', 'This MappedLUN already exists in configFS'],
    ['abc', 'lun256', 'mapped_lun must be an integer'],
    ['3', '77', 'LUN 77 does not exist in this TPG'],
    ['3', 'nonesuch', 'LUN, storage object, or path not valid'],
    ['99999', 'lun0', 'Mapped LUN must be 0 to 16383'],
  ])('refuses %s for %s', async (mapped, lun, message) => {
    await expect(create(mapped, lun)).rejects.toThrow(message);
  });

  test('takes Datera’s name of the parameter', () => {
    const { params } = walk(FULL_DOCUMENT, ACL).kind.commands['create'] ?? {};
    expect(params?.['tpg_lun_or_backstore']?.aliases).toContain('tpg_lun');
  });
});

describe('acl delete', () => {
  const remove = (mapped_lun: string) => messages(FULL_DOCUMENT, ACL, 'delete', { mapped_lun });

  test.each(['7', 'mapped_lun7'])('deletes mapped LUN %s', async (text) => {
    expect(await remove(text)).toEqual(['Deleted Mapped LUN 7.']);
  });

  test('refuses an unknown one and what is no number', async () => {
    await expect(remove('99')).rejects.toThrow(/^No such MappedLUN in configfs: /);
    await expect(remove('abc')).rejects.toThrow(
      'The mapped_lun parameter must be an integer value',
    );
  });
});

describe('an ACL', () => {
  test('keeps its own credentials and attributes, sparse', () => {
    const path = `${ACLS}/${OTHER_INITIATOR_NAME}`;
    const changed = set(FULL_DOCUMENT, path, 'attribute', { nopin_timeout: 20 });
    expect(tpgOf(changed)?.acls[OTHER_INITIATOR_NAME]?.attributes).toEqual({ nopin_timeout: 20 });
    expect(set(changed, path, 'attribute', { nopin_timeout: 15 })).toEqual(FULL_DOCUMENT);
    const named = set(FULL_DOCUMENT, path, 'auth', { userid: 'iqn.2024-01.com.example:u' });
    expect(get(named, path, 'auth')['userid']).toBe('iqn.2024-01.com.example:u');
    expect(() => set(FULL_DOCUMENT, path, 'auth', { userid: 'NULL' })).toThrow(/not a permitted/);
  });

  test('shows what its session has negotiated, which cannot be set', () => {
    const node = walk(FULL_DOCUMENT, ACL);
    const session = {
      ...sessionOf(INITIATOR_NAME),
      parameters: { MaxBurstLength: '8192', X: '1' },
    };
    const view = { document: FULL_DOCUMENT, runtime: { ...IDLE_RUNTIME, sessions: [session] } };
    expect(node.kind.live?.(view, node, 'parameter')).toEqual({ MaxBurstLength: '8192' });
    expect(node.kind.live?.({ ...view, runtime: IDLE_RUNTIME }, node, 'parameter')).toEqual({});
    expect(node.kind.groups(node)['parameter']?.['MaxBurstLength']?.default).toBe(
      'No Active iSCSI Session',
    );
    expect(() => set(FULL_DOCUMENT, ACL, 'parameter', { MaxBurstLength: 'x' })).toThrow(
      'Parameter MaxBurstLength is read-only.',
    );
  });

  test('tells its credentials without the secrets', () => {
    const lines = info(FULL_DOCUMENT, ACL);
    expect(lines).toEqual([
      'chap_mutual_password: ********',
      'chap_mutual_userid: san01',
      'chap_password: ********',
      'chap_userid: ibm-t410s',
      'wwns:',
      INITIATOR_NAME,
    ]);
  });

  const shown = (tpg: object, acl: object, auth: object) => {
    const base = setIn(FULL_DOCUMENT, [...tpgAt, 'attributes'], tpg);
    const at = [...tpgAt, 'acls', INITIATOR_NAME];
    return summary(setIn(setIn(base, [...at, 'attributes'], acl), [...at, 'auth'], auth), ACL);
  };
  const chap = { authentication: true };
  const oneWay = { userid: 'u', password: 'p' };
  test.each([
    [{}, {}, oneWay, '? Mapped LUNs: 2'],
    [chap, {}, {}, '- 1-way auth, Mapped LUNs: 2'],
    [chap, {}, oneWay, '+ 1-way auth, Mapped LUNs: 2'],
    [
      chap,
      {},
      { ...oneWay, mutual_userid: 'm', mutual_password: 's' },
      '+ mutual auth, Mapped LUNs: 2',
    ],
    [{ ...chap, generate_node_acls: true }, {}, {}, '? auth via tpg, Mapped LUNs: 2'],
    [{ ...chap, generate_node_acls: true }, {}, oneWay, '+ 1-way auth, Mapped LUNs: 2'],
    [chap, { authentication: 0 }, {}, '? Mapped LUNs: 2'],
    [{}, { authentication: 1 }, {}, '- 1-way auth, Mapped LUNs: 2'],
    [{}, { authentication: 1 }, oneWay, '+ 1-way auth, Mapped LUNs: 2'],
  ])('with TPG %j, own %j and %j shows %s', (tpg, acl, auth, text) => {
    expect(shown(tpg, acl, auth)).toBe(text);
  });
});

describe('a mapped LUN', () => {
  test('shows where it leads and how', () => {
    expect(summary(FULL_DOCUMENT, `${ACL}/mapped_lun0`)).toBe('+ lun0 fileio/disk1 (rw)');
    expect(summary(FULL_DOCUMENT, `${ACL}/mapped_lun7`)).toBe('+ lun5 block/my_disk (ro)');
    const broken = setIn(FULL_DOCUMENT, [...tpgAt, 'luns', '5'], undefined);
    expect(summary(broken, `${ACL}/mapped_lun7`)).toBe('- BROKEN LUN LINK');
  });

  test('info', () => {
    expect(info(FULL_DOCUMENT, `${ACL}/mapped_lun7`)).toEqual([
      'index: 7',
      'tpg_lun: 5',
      'write_protect: True',
    ]);
  });
});

test('names are found in any case', () => {
  expect(walk(FULL_DOCUMENT, `${ACLS}/${INITIATOR_NAME.toUpperCase()}`).name).toBe(INITIATOR_NAME);
  expect(walk(SMALL_DOCUMENT, `/iscsi/${TARGET_NAME.toUpperCase()}`).name).toBe(TARGET_NAME);
});

function sessionOf(initiator: string): SessionInfo {
  return {
    sid: 1,
    tsih: 1,
    isid: '00023d000001',
    type: 'Normal',
    state: 'LOGGED_IN',
    initiator,
    initiatorAlias: '',
    target: TARGET_NAME,
    tpgTag: 1,
    authenticated: 'none',
    dynamic: true,
    ageSeconds: 1,
    parameters: {},
    connections: [],
    mappedLuns: [],
  };
}
