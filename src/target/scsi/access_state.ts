/**
 * SPC-4 §5.15.2.4: what the state of a path's target port group lets through. Active/optimized has
 * no gate, so that a command there pays for one comparison.
 */
import { ACCESS_STATE, type AluaAttributes } from '../../objects/declarations/alua.ts';
import type { Clock } from '../../util/clock.ts';
import type { Command } from './command.ts';
import { REACH, type CommandRow } from './command_row.ts';
import type { ItlNexus } from './nexus.ts';
import { SENSE, type Sense } from './sense.ts';

export interface Gate {
  /** Commands of less reach are refused. */
  readonly reach: number;
  /** Null: nothing is refused. */
  readonly sense: Sense | null;
  /** What each command waits before it runs. */
  readonly delayMs: number;
}

const refusing = (reach: number, sense: Sense): Gate => ({ reach, sense, delayMs: 0 });

const REFUSING: ReadonlyMap<number, Gate> = new Map([
  [ACCESS_STATE.STANDBY, refusing(REACH.STANDBY, SENSE.TARGET_PORT_IN_STANDBY)],
  [ACCESS_STATE.UNAVAILABLE, refusing(REACH.UNAVAILABLE, SENSE.TARGET_PORT_UNAVAILABLE)],
  [ACCESS_STATE.OFFLINE, refusing(REACH.ANY, SENSE.LOGICAL_UNIT_OFFLINE)],
  [ACCESS_STATE.TRANSITIONING, refusing(REACH.ANY, SENSE.ACCESS_STATE_TRANSITION)],
]);

/** Null: commands run at once. */
export function gateOf(state: number, { nonop_delay_msecs: delayMs }: AluaAttributes): Gate | null {
  if (state === ACCESS_STATE.ACTIVE_NON_OPTIMIZED && delayMs > 0) {
    return { reach: REACH.ACTIVE, sense: null, delayMs };
  }
  return REFUSING.get(state) ?? null;
}

/** Qualifier 001b: there is a logical unit, but it is not connected through this target port. */
const NOT_CONNECTED = 0x20;

/** SPC-4 §5.15.2.4: byte 0 of all INQUIRY data, peripheral qualifier and device type. */
export function peripheralOf({ portGroup }: ItlNexus): number {
  const { state } = portGroup;
  const { UNAVAILABLE, OFFLINE } = ACCESS_STATE;
  return state === UNAVAILABLE || state === OFFLINE ? NOT_CONNECTED : 0;
}

type Go = (command: Command, row: CommandRow) => void;

/** `go` runs now, after the delay of the state, or not at all: then the command is answered. */
export function passGate(
  gate: Gate,
  command: Command,
  row: CommandRow,
  clock: Clock,
  go: Go,
): void {
  if (refused(gate, command, row)) return;
  if (gate.delayMs === 0) return go(command, row);
  const timer = clock.after(gate.delayMs, () => {
    if (!command.waited()) return;
    // The state may be another one by now.
    const now = command.itl?.portGroup.gate ?? null;
    if (now === null || !refused(now, command, row)) go(command, row);
  });
  return command.waitFor(() => timer.cancel());
}

function refused({ reach, sense }: Gate, command: Command, row: CommandRow): boolean {
  if (sense === null || (row.checks.reach ?? REACH.ACTIVE) >= reach) return false;
  command.check(sense);
  return true;
}
