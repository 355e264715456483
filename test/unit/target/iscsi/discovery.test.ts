import { describe, expect, test } from 'vitest';
import { sendTargets } from '../../../../src/target/iscsi/discovery.ts';
import type { Endpoint } from '../../../../src/target/iscsi/directory.ts';
import { aclOf, directoryOf, ENDPOINT, INITIATOR, TARGET, tpgOf } from './login_kit.ts';
import type { TpgOptions } from './login_kit.ts';

const listed = (tpgs: readonly TpgOptions[], endpoint: Partial<Endpoint> = {}, which = 'All') =>
  [
    ...sendTargets(directoryOf(tpgs.map(tpgOf)), { ...ENDPOINT, ...endpoint }, INITIATOR, which),
  ].map(([key, value]) => `${key}=${value}`);
const addresses = (portals: string[], endpoint: Partial<Endpoint> = {}) =>
  listed([{ portals }], endpoint).slice(1);

describe('SendTargets', () => {
  test('every portal of every TPG, with its tag', () => {
    const tpgs = [
      { tag: 1, portals: ['127.0.0.1:3260', '[fd00::1]:3261'] },
      { tag: 2, portals: ['10.0.0.1:3260'] },
      { name: 'iqn.2003-01.org.example:b', portals: ['10.0.0.2:3260'] },
    ];
    expect(listed(tpgs)).toEqual([
      `TargetName=${TARGET}`,
      'TargetAddress=127.0.0.1:3260,1',
      'TargetAddress=[fd00::1]:3261,1',
      'TargetAddress=10.0.0.1:3260,2',
      'TargetName=iqn.2003-01.org.example:b',
      'TargetAddress=10.0.0.2:3260,1',
    ]);
    expect(listed(tpgs, {}, 'iqn.2003-01.org.example:B')).toHaveLength(2);
    expect(listed(tpgs, {}, 'iqn.2003-01.org.example:c')).toEqual([]);
  });

  test.each<[string[], Partial<Endpoint>, string[]]>([
    [['0.0.0.0:3260'], { localAddress: '10.1.2.3' }, ['10.1.2.3:3260']],
    [['0.0.0.0:3261'], { localAddress: '10.1.2.3', localPort: 3260 }, ['10.1.2.3:3261']],
    [['[::]:3260'], { localAddress: '::ffff:10.1.2.3' }, ['10.1.2.3:3260']],
    [['[::]:3260'], { localAddress: 'fd00::5' }, ['[fd00::5]:3260']],
    [['[::]:3260'], { localAddress: 'fe80::5%eth0' }, ['[fe80::5]:3260']],
    [['0.0.0.0:3260'], { localAddress: 'fd00::5' }, []],
    [['0.0.0.0:3260', '10.1.2.3:3260'], { localAddress: '10.1.2.3' }, ['10.1.2.3:3260']],
  ])('wildcard %j reached as %j gives %j', (portals, endpoint, expected) => {
    expect(addresses(portals, endpoint)).toEqual(
      expected.map((address) => `TargetAddress=${address},1`),
    );
  });

  test('a target with nothing to reach is not named', () => {
    expect(listed([{ portals: [] }])).toEqual([]);
    expect(listed([{ portals: ['0.0.0.0:3260'] }], { localAddress: 'fd00::1' })).toEqual([]);
  });

  test.each<[string, TpgOptions, boolean]>([
    ['disabled', { enabled: false }, false],
    [
      'disabled, tpg_enabled_sendtargets=0',
      tpgWith(false, { tpg_enabled_sendtargets: false }),
      true,
    ],
    [
      'no ACL, no demo mode, demo_mode_discovery=1',
      tpgWith(true, { generate_node_acls: false, demo_mode_discovery: true }),
      true,
    ],
    [
      'no ACL, no demo mode, demo_mode_discovery=0',
      tpgWith(true, { generate_node_acls: false, demo_mode_discovery: false }),
      false,
    ],
    [
      'ACL, demo_mode_discovery=0',
      {
        ...tpgWith(true, { generate_node_acls: false, demo_mode_discovery: false }),
        acls: [aclOf()],
      },
      true,
    ],
    [
      'demo mode, demo_mode_discovery=0',
      tpgWith(true, { generate_node_acls: true, demo_mode_discovery: false }),
      true,
    ],
  ])('%s: listed is %s', (_what, options, seen) => {
    expect(listed([options]).length > 0).toBe(seen);
  });
});

function tpgWith(enabled: boolean, attributes: NonNullable<TpgOptions['attributes']>): TpgOptions {
  return { enabled, attributes };
}
