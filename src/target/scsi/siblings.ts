import type { Clock } from '../../util/clock.ts';
import type { NumberedRange } from '../storage/claimed_medium.ts';
import type { Dues } from './dues.ts';

/**
 * The same logical unit in the other data threads (docs/ARCHITECTURE.md, "Data threads"). A logical
 * unit that one thread serves alone has none.
 */
export interface Siblings {
  /** Mode parameters, as bits of `MODE`, are these from now on: here already. */
  publishMode(mode: number): void;
  /** A unit attention for every nexus of the others. */
  raise(condition: number): void;
  /** Ends all commands of the others; `cleared`: their initiators learn of it (SAM-5 §7.5). */
  stopAll(cleared: boolean, stopped: () => void): void;
  /** A write of a lost nexus of that initiator is still with the storage, or is no more (-1). */
  leftover(initiatorName: string, change: 1 | -1): void;
  /** The others begin nothing but HEAD OF QUEUE until the same number of -1 has come. */
  hold(change: 1 | -1): void;
  /** For one ORDERED command: `ready` once nothing runs in the others, and nothing begins there. */
  takeTurn(ready: () => void): void;
  /** The command is over, whether its turn has come or not. */
  giveTurn(): void;
  /** Higher than all that any thread has drawn before, by 32-bit serial numbers. */
  drawNumber(): number;
  /** `clear` once none of the others touches the range; none does from then until `endClaim`. */
  claim(range: NumberedRange, clear: () => void): void;
  /** `clear` does not follow any more. */
  endClaim(number: number): void;
  /** Of the limit of rate that holds for all. */
  dues(clock: Clock): Dues;
}

/** Mode parameters and states that the initiators of all threads share. */
export const MODE = {
  WRITE_PROTECT: 0x1,
  DESCRIPTOR_SENSE: 0x2,
  STOPPED: 0x4,
  WRITE_CACHE: 0x8,
} as const;
