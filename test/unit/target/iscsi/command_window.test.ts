import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CommandWindow } from '../../../../src/target/iscsi/command_window.ts';
import { serialAdd, serialDistance, serialLess } from '../../../../src/util/serial32.ts';

const held = () => ({
  bhs: Buffer.alloc(48),
  ahs: Buffer.alloc(0),
  data: Buffer.alloc(0),
  dataOut: [],
});

describe('CommandWindow', () => {
  test('whatever arrives: delivery in order without gap or repeat, MaxCmdSN never back', () => {
    const event = fc.oneof(
      fc.record({ type: fc.constant('arrive' as const), ahead: fc.integer({ min: -3, max: 12 }) }),
      fc.record({ type: fc.constant('finish' as const) }),
    );
    const first = fc.constantFrom(0, 1, 0x7fff_fffe, 0xffff_fffd);
    fc.assert(
      fc.property(first, fc.array(event, { maxLength: 200 }), (start, events) => {
        const depth = 8;
        const window = new CommandWindow(depth, start);
        const delivered: number[] = [];
        let max = window.maxCmdSN;
        const deliver = (): void => {
          delivered.push(window.expCmdSN);
          window.advance();
          window.inProgress++;
        };
        for (const step of events) {
          if (step.type === 'finish') {
            if (window.inProgress > 0) window.inProgress--;
          } else {
            const cmdSN = serialAdd(window.expCmdSN, step.ahead);
            const beyond = serialLess(window.maxCmdSN, cmdSN);
            const arrival = window.arrival(cmdSN);
            if (beyond || step.ahead < 0) expect(arrival).toBe('ignore');
            if (arrival === 'early') window.hold(cmdSN, held());
            if (arrival === 'next') {
              deliver();
              while (window.takeNext() !== undefined) deliver();
            }
          }
          expect(serialDistance(max, window.maxCmdSN)).toBeGreaterThanOrEqual(0);
          max = window.maxCmdSN;
          expect(window.inProgress).toBeLessThanOrEqual(depth);
          expect(serialDistance(window.expCmdSN, max)).toBeGreaterThanOrEqual(-1);
        }
        expect(delivered).toEqual(delivered.map((_, i) => serialAdd(start, i)));
      }),
    );
  });

  test('a number declared received is passed by, a held one is dropped for it', () => {
    const window = new CommandWindow(8, 10);
    window.hold(11, held());
    window.hold(12, held());
    expect(window.declareReceived(11)).toBe(true);
    expect(window.declareReceived(10)).toBe(true);
    expect(window.takeNext()).toBeDefined();
    expect(window.expCmdSN).toBe(12);
    window.advance();
    expect(window.heldBytes).toBe(0);
    expect(window.declareReceived(12)).toBe(false);
    expect(window.declareReceived(99)).toBe(false);
  });

  test('of a session that is slowed down closes as its commands wait, and never for good', () => {
    const slowed = { throttle: { room: () => room } };
    let room = 2;
    const window = new CommandWindow(64, 100, slowed);
    expect(window.maxCmdSN).toBe(101);
    for (room of [1, 0]) {
      expect(window.arrival(window.expCmdSN)).toBe('next');
      window.advance();
      window.inProgress++;
    }
    expect([window.maxCmdSN, window.arrival(102)]).toEqual([101, 'ignore']);
    window.inProgress--;
    room = 1;
    expect([window.maxCmdSN, window.arrival(102)]).toEqual([102, 'next']);
  });

  test('opens to its whole depth when nothing slows the session down any more', () => {
    const slowed: { throttle: { room(): number } | null } = { throttle: { room: () => 1 } };
    const window = new CommandWindow(64, 1, slowed);
    expect(window.maxCmdSN).toBe(1);
    slowed.throttle = null;
    expect(window.maxCmdSN).toBe(64);
  });
});
