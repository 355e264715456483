import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  aclOf,
  directoryOf,
  DISCOVERY,
  Login,
  MUTUAL,
  NAMES,
  NO_AUTH,
  ONE_WAY,
  tpgOf,
} from './login_kit.ts';
import type { TpgOptions } from './login_kit.ts';

const demo = (options: TpgOptions = {}) => new Login(directoryOf([tpgOf(options)]));

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
      'CHAP response of "user" does not fit the TPG\'s password',
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
    expect(none.rule).toContain('CHAP is required but the initiator offers');
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
      attributes: { authentication: true, generate_node_acls: false },
      auth: ONE_WAY,
      acls: [aclOf(NO_AUTH)],
    });
    expect(login.send({ csg: 0, nsg: 1 }, { ...NAMES, AuthMethod: 'CHAP' }).status).toBe(0x0201);
    expect(login.rule).toBe('CHAP is required but the node ACL has no userid/password');
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
