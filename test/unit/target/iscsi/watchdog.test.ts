import { describe, expect, test } from 'vitest';
import { DISCOVERY_IDLE_SECONDS } from '../../../../src/target/iscsi/watchdog.ts';
import { OP } from '../../../loopback/initiator.ts';
import { DISCOVERY } from './login_kit.ts';
import { bench } from './served_kit.ts';

describe('a discovery session', () => {
  test('ends when it asks for nothing for DISCOVERY_IDLE_SECONDS', async () => {
    const kit = await bench();
    const initiator = await kit.connect();
    await initiator.login({ keys: DISCOVERY });
    kit.served.clock.pass(200_000);
    initiator.text({ SendTargets: 'All' });
    await initiator.expect(OP.TEXT_RESPONSE);
    kit.served.clock.pass((DISCOVERY_IDLE_SECONDS - 1) * 1000);
    expect(kit.served.sessions.size).toBe(1);
    kit.served.clock.pass(1_000);
    expect(kit.served.sessions.size).toBe(0);
    await initiator.closed;
  });
});
