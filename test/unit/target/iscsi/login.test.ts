import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { LOGIN_PDUS_MAX } from '../../../../src/target/iscsi/login.ts';
import { encodeLoginResponse } from '../../../../src/target/pdu/login.ts';
import { encodeText } from '../../../../src/target/pdu/text.ts';
import { fixturePdu, fixturePdus } from '../fixtures.ts';
import {
  aclOf,
  directoryOf,
  DISCOVERY,
  INITIATOR,
  Login,
  MUTUAL,
  NAMES,
  NO_AUTH,
  ONE_WAY,
  TARGET,
  tpgOf,
} from './login_kit.ts';
import type { RequestOptions, TpgOptions } from './login_kit.ts';

const demo = (options: TpgOptions = {}) => new Login(directoryOf([tpgOf(options)]));

describe('captured logins of real initiators', () => {
  test('open-iscsi logs in to a normal session with one exchange', () => {
    const { bhs, data } = fixturePdu('login_normal_request');
    const login = new Login(directoryOf([tpgOf({ name: 'iqn.2025-01.lab.lio:plain' })]));
    const step = login.raw(bhs, data);
    expect(step.status).toBe(0);
    const lio = fixturePdu('login_normal_response');
    const expected = new Map(
      lio.data
        .toString()
        .split('\0')
        .map((pair) => pair.split('=') as [string, string]),
    );
    for (const [key, value] of Object.entries(step.keys)) {
      // DataPDUInOrder and the like need no answer where it is Yes; LIO gives none.
      const ours = key === 'TargetAlias' || !expected.has(key);
      if (!ours) expect(`${key}=${value}`).toBe(`${key}=${expected.get(key)}`);
    }
    for (const key of ['HeaderDigest', 'InitialR2T', 'FirstBurstLength', 'TargetPortalGroupTag']) {
      expect(step.keys).toHaveProperty(key);
    }
    expect(step.finished).toMatchObject({
      sessionType: 'Normal',
      initiatorName: 'iqn.1993-08.org.debian:01:lab',
      initiatorAlias: 'lab',
      isid: '00023d000004',
      authenticated: 'none',
      keys: {
        headerDigest: true,
        dataDigest: true,
        maxSendDataSegmentLength: 262_144,
        maxRecvDataSegmentLength: 262_144,
        maxBurstLength: 262_144,
        firstBurstLength: 65_536,
        initialR2T: true,
        immediateData: true,
        defaultTime2Wait: 2,
        defaultTime2Retain: 0,
      },
    });
    // The header is LIO's, but for TSIH and the sequence numbers.
    const header = encodeLoginResponse(step.response, lio.data.length);
    const same = Buffer.from(lio.bhs);
    same.writeUInt16BE(7, 14);
    same.fill(0, 24, 36);
    expect(header.toString('hex')).toBe(same.toString('hex'));
  });

  test('open-iscsi logs in to a discovery session', () => {
    const { bhs, data } = fixturePdu('login_discovery_request');
    const step = new Login(directoryOf([])).raw(bhs, data);
    expect(step.finished).toMatchObject({ sessionType: 'Discovery', tpg: undefined });
    expect(step.keys).not.toHaveProperty('TargetPortalGroupTag');
    expect(step.keys).toMatchObject({ HeaderDigest: 'None', DefaultTime2Retain: '0' });
  });

  test('libiscsi authenticates both ways', () => {
    const challenge = Buffer.from('670de8922698d39359dcf5a0d3a662a196', 'hex');
    const directory = directoryOf([tpgOf({ attributes: { authentication: true }, auth: MUTUAL })]);
    const login = new Login(directory, { randomBytes: () => challenge });
    const steps = fixturePdus('login_mutual_chap_requests').map(({ bhs, data }) =>
      login.raw(bhs, data),
    );
    expect(steps.map((step) => step.status)).toEqual([0, 0, 0, 0]);
    expect(steps[0]?.keys).toEqual({ TargetPortalGroupTag: '1', AuthMethod: 'CHAP' });
    expect(steps[2]?.keys).toEqual({
      CHAP_N: 'tgt',
      CHAP_R: '0x812eca714977e3e8ee41c1a86a5eec2b',
    });
    expect(steps[3]?.finished).toMatchObject({ authenticated: 'mutual CHAP' });
  });
});

describe('stages', () => {
  test('security, then operational, then full feature, each asked for', () => {
    const login = demo();
    const first = login.send({ csg: 0, nsg: 1 }, { ...NAMES, AuthMethod: 'None' });
    expect(first.response).toMatchObject({ csg: 0, nsg: 1, transit: true, tsih: 0 });
    expect(first.keys).toEqual({ TargetPortalGroupTag: '1', AuthMethod: 'None' });
    const last = login.send({ csg: 1, nsg: 3 }, { MaxBurstLength: '65536' });
    expect(last.response).toMatchObject({ csg: 1, nsg: 3, transit: true, tsih: 7 });
    expect(last.keys).not.toHaveProperty('TargetPortalGroupTag');
    expect(login.established).toHaveLength(1);
  });

  test('without T no transition, and NSG stays 0', () => {
    const step = demo().send({ csg: 1, transit: false }, NAMES);
    expect(step.response).toMatchObject({ csg: 1, nsg: 0, transit: false });
    expect(step.finished).toBeUndefined();
  });

  test('from the security stage straight to full feature: every key has its RFC default', () => {
    const step = demo().send({ csg: 0, nsg: 3 }, NAMES);
    expect(step.finished?.keys).toMatchObject({
      headerDigest: false,
      maxSendDataSegmentLength: 8192,
      maxRecvDataSegmentLength: 8192,
      maxBurstLength: 262_144,
      initialR2T: true,
    });
  });

  test.each<[string, RequestOptions, number]>([
    ['stage goes back', { csg: 1, nsg: 0 }, 0x0200],
    ['stage stays', { csg: 0, nsg: 0 }, 0x0200],
    ['next stage 2', { csg: 0, nsg: 2 }, 0x0200],
    ['current stage 2', { csg: 2, nsg: 3 }, 0x0200],
    ['current stage full feature', { csg: 3, nsg: 3 }, 0x0200],
    ['C with T', { csg: 0, nsg: 1, continues: true }, 0x0200],
    ['reserved ITT', { itt: 0xffff_ffff }, 0x0200],
    ['a version above 0', { versionMin: 1 }, 0x0205],
  ])('%s is refused', (_what, options, status) => {
    const login = demo();
    const step = login.send(options, NAMES);
    expect(step.status).toBe(status);
    expect(step.close).toBe(true);
    expect(step.response).toMatchObject({ transit: false, nsg: 0 });
    expect(step.text).toHaveLength(0);
    expect(login.refusals).toHaveLength(1);
  });

  test.each<[string, RequestOptions]>([
    ['Initiator Task Tag', { itt: 2 }],
    ['CmdSN', { cmdSN: 101 }],
    ['ISID', { isid: '00023d000002' }],
    ['CID', { cid: 1 }],
    ['TSIH', { tsih: 5 }],
    ['stage', { csg: 0, nsg: 1 }],
  ])('a %s that changes during login is refused', (what, options) => {
    const login = demo();
    expect(login.send({ csg: 1, transit: false }, NAMES).status).toBe(0);
    expect(login.send({ csg: 1, ...options }).status).toBe(0x0200);
    expect(login.rule).toContain(what);
  });

  test('a request without the I bit is refused', () => {
    const { bhs, data } = fixturePdu('login_discovery_request');
    const plain = Buffer.from(bhs);
    plain.writeUInt8(0x03, 0);
    expect(new Login(directoryOf([])).raw(plain, data).status).toBe(0x0200);
  });

  test('after the end every request is refused and only the first refusal is told', () => {
    const login = demo();
    login.send({}, { ...NAMES, TargetName: 'iqn.2003-01.org.example:none' });
    expect(login.send({}, NAMES).status).toBe(0x020b);
    expect(login.refusals).toHaveLength(1);
  });

  test('the number of requests is bounded', () => {
    const login = demo();
    login.send({ transit: false }, NAMES);
    const statuses = Array.from({ length: LOGIN_PDUS_MAX }, () => login.send({ transit: false }));
    expect(statuses.at(-2)?.status).toBe(0);
    expect(statuses.at(-1)).toMatchObject({ status: 0x0200, close: true });
  });
});

describe('names', () => {
  test.each([
    ['InitiatorName', { TargetName: TARGET }, 0x0207],
    ['TargetName', { InitiatorName: INITIATOR }, 0x0207],
    ['an empty text', {}, 0x0207],
    ['a known session type', { ...NAMES, SessionType: 'Other' }, 0x0209],
    ['a target that exists', { ...NAMES, TargetName: 'iqn.2003-01.org.example:x' }, 0x0203],
    ['a possible name', { ...NAMES, InitiatorName: 'a b' }, 0x0200],
  ])('without %s the login is refused', (_what, pairs, status) => {
    const login = demo();
    expect(login.send({}, pairs)).toMatchObject({ status, close: true });
  });

  test('compare without case', () => {
    const step = demo().send({}, { ...NAMES, TargetName: TARGET.toUpperCase() });
    expect(step.status).toBe(0);
  });

  test('may be sent again unchanged, and not changed', () => {
    const login = demo();
    login.send({ transit: false }, NAMES);
    expect(login.send({ transit: false }, NAMES).status).toBe(0);
    const changed = login.send({}, { ...NAMES, InitiatorName: 'iqn.1993-08.org.debian:other' });
    expect(changed.status).toBe(0x0200);
  });

  test('refusals name initiator, target and rule', () => {
    const login = new Login(directoryOf([tpgOf({ attributes: { generate_node_acls: false } })]));
    expect(login.send({}, NAMES).status).toBe(0x0202);
    expect(login.refusals).toEqual([
      {
        initiator: INITIATOR,
        target: TARGET,
        rule: 'no node ACL for this initiator, generate_node_acls=0',
        statusClass: 2,
        statusDetail: 2,
      },
    ]);
  });

  test('a key sent twice in one text is refused', () => {
    const login = demo();
    const text = `InitiatorName=${INITIATOR}\0TargetName=${TARGET}\0TargetName=${TARGET}\0`;
    const { bhs } = fixturePdu('login_normal_request');
    expect(login.raw(bhs, Buffer.from(text)).status).toBe(0x0200);
  });
});

describe('long texts', () => {
  test('a C-bit chain is joined before it is read, wherever it is cut', () => {
    const text = encodeText(Object.entries(NAMES));
    for (let cut = 0; cut <= text.length; cut += 7) {
      const login = demo();
      const { bhs } = fixturePdu('login_normal_request');
      const more = Buffer.from(bhs);
      more.writeUInt8(0x44, 1);
      const first = login.raw(more, text.subarray(0, cut));
      expect(first.response).toMatchObject({ continues: false, transit: false, nsg: 0 });
      expect(first.text).toHaveLength(0);
      const second = login.raw(bhs, text.subarray(cut));
      expect(second.finished?.tpg?.targetName).toBe(TARGET);
      expect(second.keys).toHaveProperty('TargetPortalGroupTag', '1');
    }
  });

  test('8192 bytes and more are accepted, 16384 refused', () => {
    const keys = (count: number) =>
      Object.fromEntries(
        Array.from({ length: count }, (_, i) => [`X-org.example.k${i}`, 'x'.repeat(235)]),
      );
    const send = (count: number) => {
      const login = demo();
      const text = encodeText(Object.entries({ ...NAMES, ...keys(count) }));
      const { bhs } = fixturePdu('login_normal_request');
      const more = Buffer.from(bhs);
      more.writeUInt8(0x44, 1);
      let at = 0;
      for (; text.length - at > 4096; at += 4096) login.raw(more, text.subarray(at, at + 4096));
      return login.raw(bhs, text.subarray(at));
    };
    expect(send(60)).toMatchObject({ status: 0 });
    expect(send(60).keys).toHaveProperty('X-org.example.k59', 'NotUnderstood');
    expect(send(80)).toMatchObject({ status: 0x0200, close: true });
  });

  test('an answer longer than 8192 bytes is fetched with empty requests', () => {
    const login = demo();
    const keys = Array.from({ length: 900 }, (_, i): [string, string] => [`X-${i}`, '']);
    const first = login.send({}, { ...NAMES, ...Object.fromEntries(keys) });
    expect(first.response).toMatchObject({ continues: true, transit: false });
    expect(first.text).toHaveLength(8192);
    let text = first.text.toString();
    let step = login.send({});
    text += step.text.toString();
    while (step.response.continues) {
      step = login.send({});
      text += step.text.toString();
    }
    expect(text.split('=NotUnderstood\0')).toHaveLength(901);
    expect(step.finished).toBeDefined();
  });

  test('keys while our answer is being fetched are refused', () => {
    const login = demo();
    const keys = Array.from({ length: 900 }, (_, i): [string, string] => [`X-${i}`, '']);
    login.send({}, { ...NAMES, ...Object.fromEntries(keys) });
    expect(login.send({}, { InitialR2T: 'No' }).status).toBe(0x0200);
  });
});

describe('our own offers', () => {
  const withOffer = () => demo({ parameters: { InitialR2T: false } });

  test('hold back the transition once, are not answered again, and take effect', () => {
    const login = withOffer();
    const first = login.send({}, NAMES);
    expect(first.keys).toMatchObject({ InitialR2T: 'No' });
    expect(first.response.transit).toBe(false);
    const second = login.send({}, { InitialR2T: 'No' });
    expect(second.keys).toEqual({});
    expect(second.finished?.keys.initialR2T).toBe(false);
  });

  test('left unanswered they do not withhold the transition for ever', () => {
    const login = withOffer();
    login.send({}, NAMES);
    expect(login.send({}).finished?.keys.initialR2T).toBe(true);
  });

  test('an answer against the rule ends the login', () => {
    const login = demo({ parameters: { MaxBurstLength: 8192 } });
    expect(login.send({}, NAMES).keys).toMatchObject({ MaxBurstLength: '8192' });
    expect(login.send({}, { MaxBurstLength: '65536' }).status).toBe(0x0200);
  });

  test('defaults are never offered: a silent initiator logs in with one exchange', () => {
    const step = demo().send({}, NAMES);
    expect(Object.keys(step.keys)).toEqual([
      'TargetPortalGroupTag',
      'TargetAlias',
      'MaxRecvDataSegmentLength',
    ]);
    expect(step.finished).toBeDefined();
  });
});

const CODES = { 5: 'md5', 6: 'sha1', 7: 'sha256', 8: 'sha3-256' } as const;

function chapAnswer(
  keys: Readonly<Record<string, string>>,
  secret: string,
  form: 'hex' | 'base64' = 'hex',
): string {
  const hash = CODES[Number(keys['CHAP_A']) as keyof typeof CODES];
  const response = createHash(hash)
    .update(Buffer.of(Number(keys['CHAP_I'])))
    .update(secret)
    .update(Buffer.from((keys['CHAP_C'] ?? '').slice(2), 'hex'))
    .digest();
  return `${form === 'hex' ? '0x' : '0b'}${response.toString(form)}`;
}

const required = (options: TpgOptions = {}) =>
  demo({ attributes: { authentication: true }, auth: MUTUAL, ...options });

/** Up to our challenge. */
function begin(login: Login, list = '5', pairs = NAMES) {
  login.send({ csg: 0, nsg: 1 }, { ...pairs, AuthMethod: 'CHAP,None' });
  return login.send({ csg: 0, transit: false }, { CHAP_A: list });
}

describe('authentication', () => {
  test.each([
    ['5', 16],
    ['6', 20],
    ['7', 32],
    ['8', 32],
  ])('CHAP_A=%s: one way, in hex and base64', (code, challengeBytes) => {
    for (const form of ['hex', 'base64'] as const) {
      const login = required();
      const { keys } = begin(login, code);
      expect(keys['CHAP_A']).toBe(code);
      expect(keys['CHAP_C']).toMatch(new RegExp(`^0x[0-9a-f]{${challengeBytes * 2}}$`));
      const answer = { CHAP_N: 'user', CHAP_R: chapAnswer(keys, 'secret-of-user', form) };
      const done = login.send({ csg: 0, nsg: 1 }, answer);
      expect(done.response).toMatchObject({ transit: true, nsg: 1 });
      expect(login.send({}).finished?.authenticated).toBe('CHAP');
    }
  });

  test('the first algorithm of the list that we serve is taken', () => {
    expect(begin(required(), '99,7,5').keys['CHAP_A']).toBe('7');
    const login = required();
    expect(begin(login, '4,9').status).toBe(0x0201);
    expect(login.rule).toContain('no CHAP algorithm in common');
  });

  test('identifier and challenge are new for each exchange', () => {
    const challenges = Array.from({ length: 20 }, () => begin(required()).keys['CHAP_C']);
    expect(new Set(challenges).size).toBe(20);
  });

  test('mutual: we answer with our own name and secret', () => {
    const login = required();
    const { keys } = begin(login, '7');
    const answer = { CHAP_N: 'user', CHAP_R: chapAnswer(keys, 'secret-of-user') };
    const ours = { CHAP_I: '9', CHAP_C: `0x${'ab'.repeat(32)}` };
    const step = login.send({ csg: 0, nsg: 1 }, { ...answer, ...ours });
    expect(step.keys).toEqual({
      CHAP_N: 'tgt',
      CHAP_R: chapAnswer({ CHAP_A: '7', ...ours }, 'secret-of-target'),
    });
    expect(login.send({}).finished?.authenticated).toBe('mutual CHAP');
  });

  test('no transition before the exchange is over, whatever is asked', () => {
    const login = required();
    const first = login.send({ csg: 0, nsg: 1 }, { ...NAMES, AuthMethod: 'CHAP' });
    expect(first.response.transit).toBe(false);
    expect(login.send({ csg: 0, nsg: 3 }, { CHAP_A: '5' }).response.transit).toBe(false);
    expect(login.send({ csg: 0, nsg: 3 }).response.transit).toBe(false);
    expect(login.established).toHaveLength(0);
  });

  test.each<[string, (keys: Readonly<Record<string, string>>) => Record<string, string>, string]>([
    [
      'wrong password',
      (keys) => ({ CHAP_N: 'user', CHAP_R: chapAnswer(keys, 'wrong') }),
      'wrong CHAP password for user "user"',
    ],
    [
      'unknown user',
      (keys) => ({ CHAP_N: 'other', CHAP_R: chapAnswer(keys, 'secret-of-user') }),
      'CHAP user "other" is not the TPG\'s userid',
    ],
    ['short response', () => ({ CHAP_N: 'user', CHAP_R: '0x00' }), 'CHAP_R has 1 bytes'],
    ['odd hex', () => ({ CHAP_N: 'user', CHAP_R: '0x123' }), 'no binary value'],
    ['bad base64', () => ({ CHAP_N: 'user', CHAP_R: '0bAAA' }), 'no binary value'],
    ['oversize', () => ({ CHAP_N: 'user', CHAP_R: `0b${'A'.repeat(1400)}` }), 'no binary value'],
    ['no response', () => ({ CHAP_N: 'user' }), 'lacks CHAP_N or CHAP_R'],
    ['algorithm again', () => ({ CHAP_A: '5' }), 'CHAP_A is sent twice'],
    [
      'reflected challenge',
      (keys) => ({
        CHAP_N: 'user',
        CHAP_R: chapAnswer(keys, 'secret-of-user'),
        CHAP_I: '1',
        CHAP_C: keys['CHAP_C'] ?? '',
      }),
      'reflects our CHAP challenge',
    ],
    [
      'identifier too large',
      (keys) => ({
        CHAP_N: 'user',
        CHAP_R: chapAnswer(keys, 'secret-of-user'),
        CHAP_I: '256',
        CHAP_C: '0x00',
      }),
      'CHAP_I is not 0..255',
    ],
    [
      'half a challenge',
      (keys) => ({
        CHAP_N: 'user',
        CHAP_R: chapAnswer(keys, 'secret-of-user'),
        CHAP_I: '1',
      }),
      'needs both',
    ],
  ])('%s: authentication failure, closed, and the rule says why', (_what, answer, rule) => {
    const login = required();
    const { keys } = begin(login);
    const step = login.send({ csg: 0, nsg: 1 }, answer(keys));
    expect(step).toMatchObject({ status: 0x0201, close: true });
    expect(step.text).toHaveLength(0);
    expect(login.rule).toContain(rule);
    expect(JSON.stringify(login.refusals)).not.toContain('secret-of');
  });

  test('a name that begins with 0x is a name', () => {
    const login = required({ auth: { ...ONE_WAY, userid: '0x75736572' } });
    const { keys } = begin(login);
    const answer = { CHAP_N: '0x75736572', CHAP_R: chapAnswer(keys, 'secret-of-user') };
    expect(login.send({ csg: 0, nsg: 1 }, answer).response.transit).toBe(true);
  });

  test('mutual asked for and not configured, or with equal secrets, is refused', () => {
    for (const [auth, rule] of [
      [ONE_WAY, 'has no mutual_userid/mutual_password'],
      [{ ...MUTUAL, mutual_password: MUTUAL.password }, 'are the same'],
    ] as const) {
      const login = required({ auth });
      const { keys } = begin(login);
      const answer = { CHAP_N: 'user', CHAP_R: chapAnswer(keys, 'secret-of-user') };
      const step = login.send(
        { csg: 0, nsg: 1 },
        { ...answer, CHAP_I: '1', CHAP_C: `0x${'11'.repeat(16)}` },
      );
      expect(step.status).toBe(0x0201);
      expect(login.rule).toContain(rule);
    }
  });

  test('required: a list without CHAP and a skipped security stage are refused', () => {
    const none = required();
    expect(none.send({ csg: 0, nsg: 1 }, { ...NAMES, AuthMethod: 'None' }).status).toBe(0x0201);
    expect(none.rule).toContain('authentication is required but the initiator offers');
    const skipped = required();
    expect(skipped.send({ csg: 1 }, NAMES).status).toBe(0x0201);
    expect(skipped.rule).toContain('skips the security stage');
  });

  test('required and nothing said: we offer CHAP once and then refuse', () => {
    const login = required();
    const offer = login.send({ csg: 0, nsg: 1 }, NAMES);
    expect(offer.keys).toMatchObject({ AuthMethod: 'CHAP' });
    expect(offer.response.transit).toBe(false);
    expect(login.send({ csg: 0, nsg: 1 }).status).toBe(0x0201);

    const answering = required();
    answering.send({ csg: 0, nsg: 1 }, NAMES);
    expect(answering.send({ csg: 0, transit: false }, { AuthMethod: 'CHAP' }).keys).toEqual({});
    const { keys } = answering.send({ csg: 0, transit: false }, { CHAP_A: '5' });
    expect(keys).toHaveProperty('CHAP_C');
  });

  test('required without credentials: refused, and the rule names the node ACL', () => {
    const login = demo({
      attributes: { authentication: true },
      auth: ONE_WAY,
      acls: [aclOf(NO_AUTH)],
    });
    expect(login.send({ csg: 0, nsg: 1 }, { ...NAMES, AuthMethod: 'CHAP' }).status).toBe(0x0201);
    expect(login.rule).toBe('authentication is required but the node ACL has no userid/password');
  });

  test('not required: None is granted, and CHAP only where there are credentials', () => {
    const open = demo().send({ csg: 0, nsg: 1 }, { ...NAMES, AuthMethod: 'CHAP,None' });
    expect(open.keys['AuthMethod']).toBe('None');
    const known = demo({ auth: ONE_WAY });
    const step = known.send({ csg: 0, nsg: 1 }, { ...NAMES, AuthMethod: 'CHAP,None' });
    expect(step.keys['AuthMethod']).toBe('CHAP');
  });

  test('discovery authenticates by discovery_auth alone', () => {
    const login = new Login(directoryOf([tpgOf()], { enable: true, ...ONE_WAY }));
    expect(login.send({ csg: 1 }, DISCOVERY).status).toBe(0x0201);
    const right = new Login(directoryOf([], { enable: true, ...ONE_WAY }));
    const { keys } = begin(right, '5', DISCOVERY);
    const answer = { CHAP_N: 'user', CHAP_R: chapAnswer(keys, 'secret-of-user') };
    right.send({ csg: 0, nsg: 1 }, answer);
    expect(right.send({}).finished).toMatchObject({ authenticated: 'CHAP' });
  });

  test('operational keys in the security stage and security keys after it are refused', () => {
    const early = demo();
    expect(early.send({ csg: 0, nsg: 1 }, { ...NAMES, InitialR2T: 'No' }).status).toBe(0x0200);
    const late = demo();
    expect(late.send({ csg: 1 }, { ...NAMES, AuthMethod: 'None' }).status).toBe(0x0200);
  });
});

describe('the end of a login', () => {
  test('a refusal of establish is the answer', () => {
    const establishes = { statusClass: 2, statusDetail: 0x0a, rule: 'no such session' };
    const login = new Login(directoryOf([tpgOf()]), { establishes });
    expect(login.send({ tsih: 9 }, NAMES)).toMatchObject({ status: 0x020a, close: true });
    expect(login.rule).toBe('no such session');
  });

  test('a configuration that changed meanwhile counts', () => {
    const tpg = tpgOf();
    const target = { name: TARGET, tpgs: new Map([[1, tpg]]) };
    const targets = new Map([[TARGET, target]]);
    const directory = { ...directoryOf([]), targets };
    const login = new Login(directory);
    login.send({ transit: false }, NAMES);
    target.tpgs.set(1, { ...tpg, enabled: false });
    expect(login.send({}).status).toBe(0x0301);

    target.tpgs.set(1, tpg);
    const second = new Login(directory);
    second.send({ transit: false }, NAMES);
    const strict = { ...tpg.attributes, authentication: true };
    target.tpgs.set(1, { ...tpg, attributes: strict });
    expect(second.send({}).status).toBe(0x0201);
  });
});
