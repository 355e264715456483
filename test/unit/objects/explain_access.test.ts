/** `why` says what the engine does: each answer is compared with the engine's own functions. */
import { describe, expect, test } from 'vitest';
import { writeProtection, tpgAccess } from '../../../src/objects/access_rules.ts';
import { EMPTY_DOCUMENT, setIn } from '../../../src/objects/document.ts';
import type { Document, RamdiskObject, Tpg } from '../../../src/objects/document.ts';
import { explainAccess } from '../../../src/objects/explain_access.ts';
import { IDLE_RUNTIME } from '../../fixtures/documents.ts';
import { SESSION } from '../shell/kit.ts';

const TARGET = 'iqn.2003-01.org.example:t';
const INITIATOR = 'iqn.1994-05.com.redhat:c1';
const AUTH = { userid: 'u', password: 'secretsecret' };
const ACL = { attributes: {}, auth: {}, mapped_luns: { '4': { lun: 0, write_protect: false } } };
const BASE: Tpg = {
  enabled: true,
  attributes: {},
  parameters: {},
  auth: {},
  portals: { '0.0.0.0:3260': { iser: false } },
  luns: { '0': { storage_object: 'ramdisk/r1' } },
  acls: {},
};

function documentWith(tpg: Partial<Tpg>, alua?: RamdiskObject['alua']): Document {
  const plain = { size: 1024 * 1024, nullio: false, wwn: 'w1', attributes: {} };
  const disk = alua === undefined ? plain : { ...plain, alua };
  const withDisk = setIn(EMPTY_DOCUMENT, ['backstores', 'ramdisk', 'r1'], disk);
  return setIn(withDisk, ['iscsi', 'targets', TARGET], { tpgs: { '1': { ...BASE, ...tpg } } });
}

function why(
  tpg: Partial<Tpg>,
  lun?: number,
  runtime = IDLE_RUNTIME,
  alua?: RamdiskObject['alua'],
) {
  const question = { target: TARGET, tag: '1', initiator: INITIATOR };
  const view = { document: documentWith(tpg, alua), runtime };
  const answer = explainAccess(view, lun === undefined ? question : { ...question, lun });
  const problems = answer?.findings.filter(({ ok }) => ok === false) ?? [];
  return { ...answer!, problems, first: `${problems[0]?.text} -> ${problems[0]?.remedy}` };
}

const PATH = `/iscsi/${TARGET}/tpg1`;
const demo = { attributes: { generate_node_acls: true } };
const acls = { [INITIATOR]: ACL };
const GROUPED = { '0': { storage_object: 'ramdisk/r1', alua_tg_pt_gp_name: 'g' } };

describe('logging in', () => {
  test('a stranger without demo mode is stopped, and the remedy is an ACL', () => {
    const { verdict, first } = why({});
    expect(verdict).toBe('It cannot log in.');
    expect(first).toMatch(/generate_node_acls=0 -> .*acls create iqn\.1994-05\.com\.redhat:c1$/);
  });

  test('a disabled TPG, no portal, and portals that do not listen stop everybody', () => {
    expect(why({ ...demo, enabled: false }).first).toBe(`The TPG is disabled -> ${PATH} enable`);
    expect(why({ ...demo, portals: {} }).verdict).toBe('It cannot log in.');
    const broken = { [`${TARGET}/1/0.0.0.0:3260`]: { ok: false, reason: 'in use' } };
    const runtime = { ...IDLE_RUNTIME, portals: broken };
    expect(why(demo, undefined, runtime).first).toContain('None of its portals listens');
  });

  test('CHAP: who asks for it, whose secret it is, and when there is none', () => {
    const attributes = { authentication: true };
    expect(why({ attributes, acls }).first).toBe(
      'CHAP is required but the node ACL has no userid/password (attribute authentication=1 of ' +
        `the TPG) -> ${PATH}/acls/${INITIATOR} set auth userid=… password=…`,
    );
    const own = { [INITIATOR]: { ...ACL, auth: AUTH } };
    const texts = why({ attributes, acls: own }).findings.map(({ text }) => text);
    expect(texts.join('\n')).toContain("with the node ACL's userid=u and its password");
    const viaTpg = why({ attributes: { ...attributes, ...demo.attributes }, acls, auth: AUTH });
    expect(viaTpg.findings.map(({ text }) => text).join('\n')).toContain("with the TPG's userid=u");
    expect(JSON.stringify(viaTpg)).not.toContain(AUTH.password);
    const exempt = { [INITIATOR]: { ...ACL, attributes: { authentication: 0 } } };
    expect(why({ attributes, acls: exempt }).verdict).toMatch(/^It may log in/);
  });
});

describe('LUNs', () => {
  test('demo mode shows every LUN, read only until the attribute says otherwise', () => {
    const protectedOne = why(demo, 0);
    expect(protectedOne.verdict).toBe('It may log in and read LUN 0, not write to it.');
    expect(protectedOne.first).toBe(
      'LUN 0 is ramdisk/r1, read only: demo_mode_write_protect=1 of the TPG -> ' +
        `${PATH} set attribute demo_mode_write_protect=0`,
    );
    const attributes = { generate_node_acls: true, demo_mode_write_protect: false };
    expect(why({ attributes }, 0).verdict).toBe('It may log in, and read and write LUN 0.');
  });

  test('an ACL shows its mappings only, under its own numbers', () => {
    expect(why({ acls }, 4).verdict).toBe('It may log in, and read and write LUN 4.');
    expect(why({ acls }, 0).verdict).toBe('It may log in, but cannot use LUN 0.');
    const mapped_luns = { '4': { lun: 0, write_protect: true } };
    expect(why({ acls: { [INITIATOR]: { ...ACL, mapped_luns } } }).first).toContain(
      `write_protect=true of the mapped LUN -> ${PATH}/acls/${INITIATOR}/mapped_lun4 set attribute`,
    );
    expect(why({ acls, attributes: { prod_mode_write_protect: true } }).first).toContain(
      'prod_mode_write_protect=1',
    );
  });

  test('a storage object that is not ready is no usable LUN', () => {
    const storageObjects = { 'ramdisk/r1': { ok: false, reason: 'gone' } };
    const answer = why({ acls }, 4, { ...IDLE_RUNTIME, storageObjects });
    expect(answer.verdict).toBe('It may log in, but cannot use LUN 4.');
    expect(answer.first).toContain('not ready: gone');
  });

  test.each([
    [2, {}, 'Standby', 'alua_access_state=0'],
    [3, {}, 'Unavailable', 'alua_access_state=0'],
    [14, { alua_access_type: 2 }, 'Offline', 'alua_access_state=0 alua_access_type=3'],
    [2, { alua_support_active_optimized: false }, 'Standby', 'alua_access_state=1'],
  ])(
    'a path in the state %d is no usable LUN, and says how to open it',
    (state, more, text, set) => {
      const { verdict, first } = why({ acls, luns: GROUPED }, 4, IDLE_RUNTIME, {
        g: { tg_pt_gp_id: 1, attributes: { alua_access_state: state, ...more } },
      });
      expect(verdict).toBe('It may log in, but cannot use LUN 4.');
      expect(first).toBe(
        'LUN 4 is ramdisk/r1, by a path that refuses to read and write: its ALUA group g is in ' +
          `the state ${text} -> /backstores/ramdisk/r1/alua/g set alua ${set}`,
      );
    },
  );

  test('a path that is not optimized is told, and serves', () => {
    const { verdict, findings } = why({ acls, luns: GROUPED }, 4, IDLE_RUNTIME, {
      g: { tg_pt_gp_id: 1, attributes: { alua_access_state: 1, nonop_delay_msecs: 7 } },
    });
    expect(verdict).toBe('It may log in, and read and write LUN 4.');
    const texts = findings.map(({ text }) => text).join('\n');
    expect(texts).toContain('g is in the state Active/non-optimized; each command waits 7');
  });

  test('the default group may close a path, too', () => {
    const { verdict } = why({ acls }, 4, IDLE_RUNTIME, {
      default_tg_pt_gp: { tg_pt_gp_id: 0, attributes: { alua_access_state: 14 } },
    });
    expect(verdict).toBe('It may log in, but cannot use LUN 4.');
  });

  test('thousands are counted, not listed', () => {
    const luns = Object.fromEntries(
      Array.from({ length: 500 }, (_, n) => [String(n), { storage_object: 'ramdisk/r1' }]),
    );
    const { findings } = why({ ...demo, luns });
    expect(findings.length).toBeLessThan(80);
    expect(findings.some(({ text }) => text === 'and 436 more LUNs: ask with lun=N')).toBe(true);
  });
});

test('protection follows the rule that the engine maps LUNs by', () => {
  const access = tpgAccess({ ...BASE, attributes: { prod_mode_write_protect: true } });
  expect(writeProtection(access, { lun: 0, write_protect: false })).toContain('prod_mode');
  expect(writeProtection(access, undefined)).toContain('demo_mode');
  expect(writeProtection(tpgAccess(BASE), { lun: 0, write_protect: false })).toBeUndefined();
});

test('the last refused login is told, unless the initiator is logged in', () => {
  const refused = {
    initiator: INITIATOR.toUpperCase(),
    target: TARGET,
    address: '192.0.2.1',
    rule: 'CHAP response is wrong',
    statusClass: 2,
    statusDetail: 1,
    count: 1,
    ageSeconds: 9,
  };
  const { findings } = why({ acls }, undefined, { ...IDLE_RUNTIME, refusedLogins: [refused] });
  expect(findings.at(-1)?.text).toContain('was refused: CHAP response is wrong');
});

describe('limits of rate', () => {
  const limited = { ...ACL, attributes: { max_iops: 500, max_bandwidth: 1_048_576 } };
  const texts = (answer: { findings: readonly { text: string }[] }) =>
    answer.findings.map(({ text }) => text);

  test('are told with whom they count', () => {
    const attributes = { session_max_iops: 50 };
    const said = texts(why({ attributes, acls: { [INITIATOR]: limited } }));
    expect(said).toContain('Each of its sessions is limited by session_max_iops=50 of the TPG');
    expect(said).toContain(
      'Its sessions together are limited by max_iops=500 and max_bandwidth=1048576 of its ACL',
    );
    expect(texts(why({ acls })).join()).not.toContain('limited');
  });

  test('that hold a session back are told with how often', () => {
    const limits = { waiting: 3, acl: { maxIops: 500, maxBandwidth: 0, delayed: 12 } };
    const session = { ...SESSION, target: TARGET, initiator: INITIATOR, limits };
    const runtime = { ...IDLE_RUNTIME, sessions: [session] };
    const said = texts(why({ acls }, undefined, runtime));
    const sid = SESSION.sid;
    expect(said).toContain(
      `Session ${sid}: commands waited 12 times for the limit of its ACL; 3 wait now`,
    );
  });
});
