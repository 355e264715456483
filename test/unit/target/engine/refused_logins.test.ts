import { expect, test } from 'vitest';
import { MAX_REFUSED_LOGINS, RefusedLogins } from '../../../../src/target/engine/refused_logins.ts';
import { FakeClock } from '../../../loopback/served.ts';

const refusal = (initiator: string, rule = 'no node ACL') => ({
  initiator,
  target: 'iqn.2003-01.org.example:t',
  address: '192.0.2.1',
  rule,
  statusClass: 2,
  statusDetail: 2,
});

test('the same refusal again counts up and becomes the newest', () => {
  const clock = new FakeClock();
  const refused = new RefusedLogins(clock);
  refused.add(refusal('a'));
  refused.add(refusal('b'));
  clock.pass(5_000);
  refused.add(refusal('a'));
  clock.pass(2_000);
  expect(refused.list()).toEqual([
    { ...refusal('a'), count: 2, ageSeconds: 2 },
    { ...refusal('b'), count: 1, ageSeconds: 7 },
  ]);
});

test('a flood of names keeps the newest only, and no name grows beyond its limit', () => {
  const refused = new RefusedLogins(new FakeClock());
  for (let i = 0; i < MAX_REFUSED_LOGINS + 5; i++) refused.add(refusal(`i${i}-${'x'.repeat(999)}`));
  const list = refused.list();
  expect(list).toHaveLength(MAX_REFUSED_LOGINS);
  expect(list[0]?.initiator).toMatch(new RegExp(`^i${MAX_REFUSED_LOGINS + 4}-x{100,}$`));
  expect(Math.max(...list.map(({ initiator }) => initiator.length))).toBeLessThan(300);
});
