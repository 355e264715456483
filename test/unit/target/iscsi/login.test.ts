import { describe, expect, test } from 'vitest';
import { LOGIN_PDUS_MAX } from '../../../../src/target/iscsi/login.ts';
import { encodeLoginResponse } from '../../../../src/target/pdu/login.ts';
import { encodeText } from '../../../../src/target/pdu/text.ts';
import { fixturePdu, fixturePdus } from '../fixtures.ts';
import { directoryOf, INITIATOR, Login, MUTUAL, NAMES, TARGET, tpgOf } from './login_kit.ts';
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
