import { describe, expect, test } from 'vitest';
import { admit, admitDiscovery } from '../../../../src/target/iscsi/access.ts';
import {
  aclOf,
  directoryOf,
  ENDPOINT,
  INITIATOR,
  MUTUAL,
  NO_AUTH,
  ONE_WAY,
  TARGET,
  tpgOf,
} from './login_kit.ts';
import type { TpgOptions } from './login_kit.ts';

const enter = (options: TpgOptions, initiator = INITIATOR) =>
  admit(directoryOf([tpgOf(options)]), ENDPOINT, TARGET, initiator);
const closed = { attributes: { generate_node_acls: false } };

describe('admission', () => {
  test('an explicit node ACL wins over demo mode', () => {
    expect(enter({ acls: [aclOf()] })).toMatchObject({ denied: false, acl: { auth: NO_AUTH } });
    expect(enter({})).toMatchObject({ denied: false, acl: undefined });
    expect(enter({ ...closed, acls: [aclOf()] }, INITIATOR.toUpperCase())).toMatchObject({
      denied: false,
      acl: { initiatorName: INITIATOR },
    });
  });

  test('without ACL and demo mode nobody enters', () => {
    expect(enter(closed)).toMatchObject({
      denied: true,
      status: 0x0202,
      rule: 'no node ACL for this initiator, generate_node_acls=0',
    });
  });

  test('the portal decides the TPG', () => {
    const here = tpgOf({ tag: 2 });
    const elsewhere = tpgOf({ tag: 1, portals: ['10.0.0.1:3260'] });
    expect(admit(directoryOf([elsewhere, here]), ENDPOINT, TARGET, INITIATOR)).toMatchObject({
      tpg: { tag: 2 },
    });
    expect(admit(directoryOf([elsewhere]), ENDPOINT, TARGET, INITIATOR)).toMatchObject({
      status: 0x0203,
      rule: 'the target has no portal 127.0.0.1:3260',
    });
  });

  test('a disabled TPG is unavailable', () => {
    expect(enter({ enabled: false })).toMatchObject({ status: 0x0301 });
  });
});

describe('who must authenticate, and against what', () => {
  const strict = { generate_node_acls: true, authentication: true };
  test.each<[string, TpgOptions, boolean]>([
    ['TPG asks, no ACL', { attributes: strict }, true],
    ['TPG asks, ACL follows', { attributes: strict, acls: [aclOf()] }, true],
    [
      'TPG asks, ACL frees',
      { attributes: strict, acls: [aclOf(NO_AUTH, { authentication: 0 })] },
      false,
    ],
    ['ACL asks, TPG not', { acls: [aclOf(NO_AUTH, { authentication: 1 })] }, true],
    ['nobody asks', { acls: [aclOf()] }, false],
    ['parameter AuthMethod=CHAP', { parameters: { AuthMethod: 'CHAP' } }, true],
  ])('%s', (_what, options, required) => {
    expect(enter(options)).toMatchObject({ policy: { required } });
  });

  test("an ACL's own credentials count; without any, those of the TPG in demo mode only", () => {
    expect(enter({ auth: ONE_WAY, acls: [aclOf(MUTUAL)] })).toMatchObject({
      policy: { credentials: MUTUAL, owner: 'node ACL' },
    });
    expect(enter({ auth: ONE_WAY, acls: [aclOf(NO_AUTH)] })).toMatchObject({
      policy: { credentials: ONE_WAY, owner: 'TPG' },
    });
    expect(enter({ ...closed, auth: ONE_WAY, acls: [aclOf(NO_AUTH)] })).toMatchObject({
      policy: { credentials: NO_AUTH, owner: 'node ACL' },
    });
    expect(enter({ auth: ONE_WAY })).toMatchObject({
      policy: { credentials: ONE_WAY, owner: 'TPG' },
    });
  });

  test.each<[TpgOptions, string[]]>([
    [{}, ['None']],
    [{ auth: ONE_WAY }, ['CHAP', 'None']],
    [{ auth: ONE_WAY, parameters: { AuthMethod: 'None,CHAP' } }, ['None', 'CHAP']],
    [{ auth: ONE_WAY, parameters: { AuthMethod: 'None' } }, ['None']],
    [{ auth: ONE_WAY, attributes: strict }, ['CHAP']],
    [{ attributes: strict, parameters: { AuthMethod: 'None' } }, ['CHAP']],
  ])('methods that are accepted, case %#', (options, methods) => {
    expect(enter(options)).toMatchObject({ policy: { methods } });
  });

  test('discovery has its own switch and credentials', () => {
    expect(admitDiscovery(directoryOf([]))).toMatchObject({ policy: { required: false } });
    const guarded = directoryOf([], { enable: true, ...ONE_WAY });
    expect(admitDiscovery(guarded)).toMatchObject({
      policy: { required: true, methods: ['CHAP'], credentials: ONE_WAY, owner: 'discovery_auth' },
    });
  });
});
