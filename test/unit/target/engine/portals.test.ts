import { afterEach, expect, test } from 'vitest';
import { Portals } from '../../../../src/target/engine/portals.ts';
import { SYSTEM_CLOCK } from '../../../../src/util/clock.ts';
import { SILENT_LOG } from '../../../../src/util/log.ts';
import { freePort } from '../../../support/free_port.ts';

const portals = new Portals({ clock: SYSTEM_CLOCK, log: SILENT_LOG, accept: () => {} });
afterEach(() => portals.closeAll());
const USER = 'iqn.2024-01.com.example:t/1';

test('an address covered by our own wildcard portal names that portal and its TPG', async () => {
  const port = await freePort();
  await portals.add(`0.0.0.0:${port}`, USER, false);
  await expect(portals.add(`127.0.0.1:${port}`, USER, false)).rejects.toThrow(
    `portal 127.0.0.1:${port} cannot listen: portal 0.0.0.0:${port} of ` +
      'iqn.2024-01.com.example:t tpg1 listens on all addresses already; delete that first',
  );
});

test('a wildcard is refused by the name of the portal that has one of its addresses', async () => {
  const port = await freePort();
  await portals.add(`127.0.0.1:${port}`, USER, false);
  await expect(portals.add(`0.0.0.0:${port}`, USER, false)).rejects.toThrow(
    `portal 127.0.0.1:${port} of iqn.2024-01.com.example:t tpg1 listens on one of them already`,
  );
});

test('what another program has is said so', async () => {
  const port = await freePort();
  const other = new Portals({ clock: SYSTEM_CLOCK, log: SILENT_LOG, accept: () => {} });
  await other.add(`127.0.0.1:${port}`, USER, false);
  try {
    await expect(portals.add(`127.0.0.1:${port}`, USER, false)).rejects.toThrow(
      'the address and port are in use by another program',
    );
  } finally {
    await other.closeAll();
  }
});
