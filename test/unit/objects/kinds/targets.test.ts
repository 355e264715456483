import { describe, expect, test } from 'vitest';
import { EMPTY_DOCUMENT, setIn, type Document } from '../../../../src/objects/document.ts';
import {
  FULL_DOCUMENT,
  OTHER_TARGET_NAME,
  SMALL_DOCUMENT,
  TARGET_NAME,
} from '../../../fixtures/documents.ts';
import { after, get, info, messages, run, set, summary, walk } from './runner.ts';

const OTHER = `/iscsi/${OTHER_TARGET_NAME}`;
const TPG = `${OTHER}/tpg1`;
const tpgOf = (document: Document) => document.iscsi.targets[OTHER_TARGET_NAME]?.tpgs['1'];

describe('iscsi create', () => {
  test('makes a target with TPG 1 and the default portal', async () => {
    const outcome = await run(EMPTY_DOCUMENT, '/iscsi', 'create', { wwn: OTHER_TARGET_NAME });
    expect(outcome.messages.map(({ text }) => text)).toEqual([
      `Created target ${OTHER_TARGET_NAME}.`,
      'Created TPG 1.',
      'Global pref auto_add_default_portal=true',
      'Created default portal listening on all IPs (0.0.0.0), port 3260.',
    ]);
    expect(outcome.created).toBe(TPG);
    expect(outcome.document && tpgOf(outcome.document)).toEqual({
      enabled: true,
      attributes: {},
      parameters: {},
      auth: {},
      portals: { '0.0.0.0:3260': { iser: false } },
      luns: {},
      acls: {},
    });
  });

  test('makes a name of this host when none is given, another one each time', async () => {
    const one = await run(EMPTY_DOCUMENT, '/iscsi', 'create');
    const two = await run(EMPTY_DOCUMENT, '/iscsi', 'create');
    expect(one.created).toMatch(
      /^\/iscsi\/iqn\.2003-01\.org\.linux-iscsi\.san01\.[a-z0-9]+:sn\.[0-9a-f]{12}\/tpg1$/,
    );
    expect(one.created).not.toBe(two.created);
  });

  test('keeps names in lower case', async () => {
    const typed = { wwn: 'IQN.2024-01.com.Example:Disk9' };
    const { created } = await run(EMPTY_DOCUMENT, '/iscsi', 'create', typed);
    expect(created).toBe('/iscsi/iqn.2024-01.com.example:disk9/tpg1');
  });

  test('follows the preferences', async () => {
    const preferences = { auto_add_default_portal: false, auto_enable_tpgt: false };
    const typed = { wwn: OTHER_TARGET_NAME };
    const outcome = await run(EMPTY_DOCUMENT, '/iscsi', 'create', typed, { preferences });
    expect(outcome.messages).toHaveLength(2);
    expect(outcome.document && tpgOf(outcome.document)).toMatchObject({
      enabled: false,
      portals: {},
    });
  });

  test('refuses a name that is none, and one in use', async () => {
    const create = (wwn: string) => run(FULL_DOCUMENT, '/iscsi', 'create', { wwn });
    await expect(create('badiqn')).rejects.toThrow('WWN not valid as: iqn, naa, eui');
    await expect(create(OTHER_TARGET_NAME.toUpperCase())).rejects.toThrow(
      'This Target already exists in configFS',
    );
  });
});

describe('iscsi delete', () => {
  test('deletes the target with all in it, and no storage object', async () => {
    const outcome = await run(FULL_DOCUMENT, '/iscsi', 'delete', { wwn: TARGET_NAME });
    expect(outcome.messages[0]?.text).toBe(`Deleted Target ${TARGET_NAME}.`);
    expect(Object.keys(outcome.document?.iscsi.targets ?? {})).toEqual([OTHER_TARGET_NAME]);
    expect(outcome.document?.backstores).toBe(FULL_DOCUMENT.backstores);
  });

  test('refuses an unknown one', async () => {
    const wwn = 'iqn.2024-01.com.example:none';
    await expect(run(FULL_DOCUMENT, '/iscsi', 'delete', { wwn })).rejects.toThrow(
      `No such Target in configfs: /iscsi/${wwn}`,
    );
  });
});

describe('TPGs', () => {
  test('create takes the next free tag, and does not share the default portal', async () => {
    expect(await messages(FULL_DOCUMENT, OTHER, 'create')).toEqual([
      'Created TPG 2.',
      'Default portal not created, TPGs within a target cannot share ip:port.',
    ]);
  });

  test.each(['7', 'tpg7', 'tpgt7'])('create takes the tag as %s', async (tag) => {
    const { created } = await run(FULL_DOCUMENT, OTHER, 'create', { tag });
    expect(created).toBe(`${OTHER}/tpg7`);
  });

  test.each([
    ['abc', 'Tag argument must be a number.'],
    ['-1', 'The TPG Tag must be >=0'],
    ['1', 'This TPG already exists in configFS'],
    ['65536', 'The TPG Tag must be 0 to 65535'],
  ])('create refuses the tag %s', async (tag, message) => {
    await expect(run(FULL_DOCUMENT, OTHER, 'create', { tag })).rejects.toThrow(message);
  });

  test('delete takes tpgN too, and refuses an unknown one', async () => {
    const outcome = await run(FULL_DOCUMENT, `/iscsi/${TARGET_NAME}`, 'delete', { tag: 'tpg2' });
    expect(outcome.messages[0]?.text).toBe('Deleted TPGT 2.');
    await expect(run(FULL_DOCUMENT, OTHER, 'delete', { tag: '9' })).rejects.toThrow(
      /^No such TPG in configfs: /,
    );
  });

  test('enable and disable say whether they did anything', async () => {
    expect(await messages(FULL_DOCUMENT, TPG, 'enable')).toEqual(['The TPGT is already enabled.']);
    const outcome = await run(FULL_DOCUMENT, TPG, 'disable');
    expect(outcome.messages[0]?.text).toBe('The TPGT has been disabled.');
    const disabled = outcome.document ?? EMPTY_DOCUMENT;
    expect(await messages(disabled, TPG, 'disable')).toEqual(['The TPGT is already disabled.']);
    expect(await messages(disabled, TPG, 'enable')).toEqual(['The TPGT has been enabled.']);
  });

  test('are found under their older names', () => {
    for (const name of ['tpg1', 'tpgt1', 'tgpt1', 'TPG1']) {
      expect(walk(FULL_DOCUMENT, `${OTHER}/${name}`).name).toBe('tpg1');
    }
  });
});

describe('parameters and authentication of a TPG', () => {
  const method = (document: Document) =>
    get(document, TPG, 'parameter')['AuthMethod'] ?? 'CHAP,None';

  test('AuthMethod is CHAP while authentication=1', () => {
    expect(method(FULL_DOCUMENT)).toBe('CHAP,None');
    const on = set(FULL_DOCUMENT, TPG, 'attribute', { authentication: true });
    expect(method(on)).toBe('CHAP');
    const off = set(on, TPG, 'attribute', { authentication: false });
    expect(off).toEqual(FULL_DOCUMENT);
  });

  test('switching authentication drops a method chosen before', () => {
    const none = set(FULL_DOCUMENT, TPG, 'parameter', { AuthMethod: 'None' });
    expect(tpgOf(none)?.parameters).toEqual({ AuthMethod: 'None' });
    const on = set(none, TPG, 'attribute', { authentication: true });
    expect(tpgOf(on)?.parameters).toEqual({});
    expect(method(on)).toBe('CHAP');
  });

  test.each(['None', 'CHAP,None', 'None,CHAP'])(
    'with authentication=1, AuthMethod=%s is refused',
    (value) => {
      const on = set(FULL_DOCUMENT, TPG, 'attribute', { authentication: true });
      expect(() => set(on, TPG, 'parameter', { AuthMethod: value })).toThrow(
        /without CHAP while authentication=1; set attribute authentication=0 first/,
      );
      expect(method(set(on, TPG, 'parameter', { AuthMethod: 'CHAP' }))).toBe('CHAP');
    },
  );

  test('credentials equal to nothing are unset, NULL is refused', () => {
    const both = set(FULL_DOCUMENT, TPG, 'auth', { userid: 'u', password: 'p' });
    expect(tpgOf(both)?.auth).toEqual({ userid: 'u', password: 'p' });
    expect(set(both, TPG, 'auth', { userid: '', password: '' })).toEqual(FULL_DOCUMENT);
    expect(() => set(both, TPG, 'auth', { password: 'NULL' })).toThrow(
      "'NULL' is not a permitted value",
    );
  });

  test('authenticate_target follows from the mutual credentials and cannot be set', () => {
    const shown = (document: Document) => get(document, TPG, 'auth')['authenticate_target'];
    expect(shown(FULL_DOCUMENT)).toBe(false);
    const half = set(FULL_DOCUMENT, TPG, 'auth', { mutual_userid: 'm' });
    expect(shown(half)).toBe(false);
    const mutual = set(half, TPG, 'auth', { mutual_password: 's' });
    expect(shown(mutual)).toBe(true);
    expect(tpgOf(mutual)?.auth).toEqual({ mutual_userid: 'm', mutual_password: 's' });
    expect(() => set(mutual, TPG, 'auth', { authenticate_target: false })).toThrow(
      'Parameter authenticate_target is read-only.',
    );
  });

  test('Datera spells the mutual credentials the other way round', () => {
    expect(walk(FULL_DOCUMENT, TPG).kind.attributeAliases).toMatchObject({
      userid_mutual: 'mutual_userid',
      password_mutual: 'mutual_password',
    });
  });
});

describe('summaries', () => {
  const shown = (attributes: object, auth: object = {}, enabled = true) => {
    const tpg = { ...tpgOf(FULL_DOCUMENT), enabled, attributes, auth };
    const at = ['iscsi', 'targets', OTHER_TARGET_NAME, 'tpgs', '1'];
    return summary(setIn(FULL_DOCUMENT, at, tpg), TPG);
  };
  const demo = { generate_node_acls: true };
  const chap = { authentication: true };
  const oneWay = { userid: 'u', password: 'p' };
  const mutual = { ...oneWay, mutual_userid: 'm', mutual_password: 's' };

  test.each([
    [{}, {}, '? no-gen-acls, no-auth'],
    [demo, {}, '+ gen-acls, no-auth'],
    [chap, {}, '? no-gen-acls, auth per-acl'],
    [{ ...demo, ...chap }, {}, '- gen-acls, tpg-auth, 1-way auth'],
    [{ ...demo, ...chap }, { userid: 'u' }, '- gen-acls, tpg-auth, 1-way auth'],
    [{ ...demo, ...chap }, oneWay, '+ gen-acls, tpg-auth, 1-way auth'],
    [{ ...demo, ...chap }, mutual, '+ gen-acls, tpg-auth, mutual auth'],
  ])('of a TPG with %j and %j: %s', (attributes, auth, text) => {
    expect(shown(attributes, auth)).toBe(text);
  });

  test('of a disabled TPG', () => {
    expect(shown(demo, {}, false)).toBe('- disabled');
  });

  test('of the fabric', () => {
    expect(summary(SMALL_DOCUMENT, '/iscsi')).toBe('? Targets: 1');
    expect(summary(FULL_DOCUMENT, '/iscsi')).toBe('+ mutual disc auth, Targets: 2');
    const bare = set(SMALL_DOCUMENT, '/iscsi', 'discovery_auth', { enable: true });
    expect(summary(bare, '/iscsi')).toBe('- 1-way disc auth, Targets: 1');
    const set1 = set(bare, '/iscsi', 'discovery_auth', oneWay);
    expect(summary(set1, '/iscsi')).toBe('+ 1-way disc auth, Targets: 1');
  });

  test('of a target and its folders', () => {
    const path = `/iscsi/${TARGET_NAME}`;
    expect(summary(FULL_DOCUMENT, path)).toBe('? TPGs: 2');
    expect(summary(FULL_DOCUMENT, `${path}/tpg1/luns`)).toBe('? LUNs: 3');
    expect(summary(FULL_DOCUMENT, `${path}/tpg1/acls`)).toBe('? ACLs: 2');
    expect(summary(FULL_DOCUMENT, `${path}/tpg1/portals`)).toBe('? Portals: 2');
  });
});

describe('info', () => {
  test('of fabric, target and TPG', async () => {
    expect(info(FULL_DOCUMENT, '/iscsi')).toContain('Allowed WWN types: iqn, naa, eui');
    expect(info(FULL_DOCUMENT, OTHER)).toEqual(['fabric: iscsi', `wwn: ${OTHER_TARGET_NAME}`]);
    expect(info(FULL_DOCUMENT, TPG)).toEqual(['enable: True', 'tag: 1']);
    const disabled = await after(FULL_DOCUMENT, TPG, 'disable');
    expect(info(disabled, TPG)).toEqual(['enable: False', 'tag: 1']);
  });

  test('of iser answers in six lines, as Datera’s fabric of that name did', () => {
    const lines = info(FULL_DOCUMENT, '/iser');
    expect(lines).toHaveLength(6);
    expect(lines[0]).toBe('Fabric module name: iser');
    expect(lines[4]).toBe('Fabric module features: discovery_auth, acls, acls_auth, nps, tpgts');
  });
});
