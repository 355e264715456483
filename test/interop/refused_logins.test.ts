/** Each refused login carries the status of RFC 7143 §11.13.5, and the log names the rule. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { LunsmithProcess } from '../support/lunsmith_process.ts';
import { eventually, have, run } from '../support/programs.ts';
import { iscsiUrl, type ServedLun, type UrlOptions } from '../support/served_target.ts';

const KNOWN = 'iqn.2026-01.net.example:known';
const UNKNOWN = 'iqn.2026-01.net.example:unknown';
const RIGHT: UrlOptions = { user: 'gooduser', password: 'goodsecret123' };
const MUTUAL = { target_user: 'ouruser', target_password: 'oursecret1234' };
const SECRETS = ['goodsecret123', 'oursecret1234', 'wrongsecret12'];

/** The log comes from the engine's thread, a moment after the answer. */
const LOGGED_MS = 5000;

/** libiscsi prints status class and detail as one decimal number. */
const status = (statusClass: number, detail: number) => `(${statusClass * 256 + detail})`;
const AUTHENTICATION_FAILURE = status(2, 1);
const AUTHORIZATION_FAILURE = status(2, 2);
const NOT_FOUND = status(2, 3);

const missing = have('iscsi-inq') ? undefined : 'libiscsi-bin is not installed';

describe('a refused login', () => {
  const served = new LunsmithProcess();
  let lun: ServedLun;

  beforeAll(async () => {
    if (missing !== undefined) return;
    await served.start();
    lun = await served.createLun('guarded', 16);
    const tpg = `/iscsi/${lun.target}/tpg1`;
    await served.configure(
      `${tpg} set attribute authentication=1 generate_node_acls=0`,
      `${tpg}/acls create ${KNOWN}`,
      `${tpg}/acls/${KNOWN} set auth userid=gooduser password=goodsecret123 ` +
        'mutual_userid=ouruser mutual_password=oursecret1234',
    );
  });
  afterAll(() => served.stop());
  beforeEach((context) => context.skip(missing !== undefined, missing));

  const attempt = async (initiator: string, options: UrlOptions, where: ServedLun = lun) => {
    const before = served.log().length;
    const outcome = await run('iscsi-inq', ['-i', initiator, iscsiUrl(where, options)]);
    return { ...outcome, log: () => served.log().slice(before) };
  };

  test('the right secrets in both directions are let in', async () => {
    const right = await attempt(KNOWN, { ...RIGHT, query: MUTUAL });
    expect(right.status, right.stderr).toBe(0);
    expect(right.stdout).toContain('DIRECT_ACCESS');
  });

  const cases: readonly (readonly [string, string, UrlOptions, string, RegExp])[] = [
    [
      'wrong secret',
      KNOWN,
      { ...RIGHT, password: 'wrongsecret12' },
      AUTHENTICATION_FAILURE,
      /does not fit the node ACL's password/,
    ],
    [
      'unknown user',
      KNOWN,
      { ...RIGHT, user: 'stranger' },
      AUTHENTICATION_FAILURE,
      /CHAP user .*stranger/,
    ],
    [
      'no credentials',
      KNOWN,
      {},
      AUTHENTICATION_FAILURE,
      /CHAP is required|skips the security stage/,
    ],
    ['no ACL', UNKNOWN, RIGHT, AUTHORIZATION_FAILURE, /no node ACL/],
  ];

  test.each(cases)('%s', async (_what, initiator, options, expected, rule) => {
    const refused = await attempt(initiator, options);
    expect(refused.status).not.toBe(0);
    expect(refused.stderr + refused.stdout).toContain(expected);
    await eventually(`${rule} is logged`, () => rule.test(refused.log()), LOGGED_MS);
    expect(refused.log()).toContain(initiator);
  });

  test('unknown target', async () => {
    const elsewhere = { ...lun, target: 'iqn.2026-01.net.example:elsewhere' };
    const refused = await attempt(KNOWN, RIGHT, elsewhere);
    expect(refused.status).not.toBe(0);
    expect(refused.stderr + refused.stdout).toContain(NOT_FOUND);
    const named = () => refused.log().includes(elsewhere.target);
    await eventually('the unknown target is logged', named, LOGGED_MS);
  });

  test('wrong mutual secret: the initiator refuses us, and no session remains', async () => {
    const query = { ...MUTUAL, target_password: 'wrongsecret12' };
    const refused = await attempt(KNOWN, { ...RIGHT, query });
    expect(refused.status).not.toBe(0);
    expect(refused.stderr + refused.stdout).toMatch(/Invalid CHAP_R/);
    const { stdout } = await served.oneShot('sessions');
    expect(stdout).not.toContain(KNOWN);
  });

  test('no secret is ever in the log', () => {
    for (const secret of SECRETS) expect(served.log()).not.toContain(secret);
  });
});
