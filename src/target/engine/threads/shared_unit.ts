/** One logical unit in several data threads: its shared block, and what each tells the others. */
import type { Clock } from '../../../util/clock.ts';
import type { Dues } from '../../scsi/dues.ts';
import type { LogicalUnit } from '../../scsi/logical_unit.ts';
import type { Siblings } from '../../scsi/siblings.ts';
import type { NumberedRange } from '../../storage/claimed_medium.ts';
import type { HoldKeeper } from '../../storage/hold.ts';
import { stopForSibling } from '../../scsi/task_management.ts';
import {
  RamdiskMemory,
  type RamdiskSegment,
  type RamdiskShare,
} from '../../storage/shared_ramdisk.ts';
import type { SharedMedium } from '../openers.ts';
import type { Peers } from './peers.ts';
import { SharedClaims } from './shared_claims.ts';
import { DUES_BYTES, SharedDues } from './shared_dues.ts';
import { holdOfThread0 } from './remote_holds.ts';

/** Words of the shared block. */
const WORD = { MODE: 0, TURN: 1, WAITING_FOR_TURN: 2, CLAIMS: 3 } as const;
const DUES_AT = 32;
const BLOCK_BYTES = DUES_AT + DUES_BYTES;

/** What the threads share of it: sent to each that opens it. */
export interface UnitBlock {
  readonly id: number;
  readonly memory: SharedArrayBuffer;
}

/** What thread 0 gives to those that open it after it. */
export interface UnitShare {
  readonly block: UnitBlock;
  readonly ramdisk: RamdiskShare;
}

export function newUnitBlock(id: number): UnitBlock {
  return { id, memory: new SharedArrayBuffer(BLOCK_BYTES) };
}

export class SharedUnit implements Siblings, SharedMedium {
  readonly block: UnitBlock;
  readonly first: boolean;
  readonly memory: RamdiskMemory;
  readonly #peers: Peers;
  readonly #words: Int32Array;
  readonly #claims: SharedClaims;
  #unit: LogicalUnit | null = null;
  /** The mode word as this thread knew it last. */
  #knownMode = 0;
  /** Of the ORDERED command that asked for the turn; another number, another command. */
  #turn = 0;
  #wanted: (() => void) | null = null;
  #hasTurn = false;

  /** `ramdisk`: of the thread that opened it first; undefined: this one does. */
  constructor(block: UnitBlock, peers: Peers, ramdisk?: RamdiskShare) {
    this.block = block;
    this.first = ramdisk === undefined;
    this.#peers = peers;
    this.#words = new Int32Array(block.memory);
    this.#claims = new SharedClaims(block.id, peers, this.#words, WORD.CLAIMS);
    this.memory = new RamdiskMemory(ramdisk);
    this.memory.grown = (segments) => this.#tellAll('unit.memory', segments);
  }

  get share(): UnitShare {
    return { block: this.block, ramdisk: this.memory.share };
  }

  keeper(kind: 'fileio' | 'block', path: string): HoldKeeper | undefined {
    return this.first ? undefined : holdOfThread0(this.#peers, kind, path);
  }

  /** The mode parameters of the first are those of all. */
  bind(unit: LogicalUnit): void {
    this.#unit = unit;
    if (this.first) Atomics.store(this.#words, WORD.MODE, unit.mode);
    this.#adopt();
  }

  // What happens here

  publishMode(mode: number): void {
    const changed = mode ^ this.#knownMode;
    if (changed === 0 || this.#unit === null) return;
    const words = this.#words;
    // Another thread may change other bits at the same moment.
    Atomics.and(words, WORD.MODE, ~changed);
    Atomics.or(words, WORD.MODE, mode & changed);
    this.#knownMode = mode;
    this.#tellAll('unit.mode');
  }

  raise(condition: number): void {
    this.#tellAll('unit.attention', condition);
  }

  stopAll(cleared: boolean, stopped: () => void): void {
    this.#peers.askAll('unit.stop', { id: this.block.id, value: cleared }, stopped);
  }

  leftover(initiatorName: string, change: 1 | -1): void {
    this.#tellAll('unit.leftover', { initiatorName, change });
  }

  hold(change: 1 | -1): void {
    this.#tellAll('unit.hold', change);
  }

  dues(clock: Clock): Dues {
    return new SharedDues(clock, this.block.memory, DUES_AT);
  }

  takeTurn(ready: () => void): void {
    this.#turn++;
    this.#wanted = ready;
    this.#tryTurn();
  }

  giveTurn(): void {
    this.#turn++;
    this.#wanted = null;
    if (!this.#hasTurn) return;
    this.#hasTurn = false;
    this.hold(-1);
    const words = this.#words;
    Atomics.store(words, WORD.TURN, 0);
    const waiting = Atomics.exchange(words, WORD.WAITING_FOR_TURN, 0);
    for (let thread = 0; thread < this.#peers.count; thread++) {
      if ((waiting & (1 << thread)) === 0) continue;
      if (thread === this.#peers.self) this.#tryTurn();
      else this.#peers.tell(thread, 'unit.turn', { id: this.block.id });
    }
  }

  #tryTurn(): void {
    const words = this.#words;
    const { self } = this.#peers;
    if (this.#wanted === null || this.#hasTurn) return;
    if (Atomics.compareExchange(words, WORD.TURN, 0, self + 1) !== 0) {
      Atomics.or(words, WORD.WAITING_FOR_TURN, 1 << self);
      // It may have become free before it was seen that this thread waits.
      if (Atomics.compareExchange(words, WORD.TURN, 0, self + 1) !== 0) return;
    }
    this.#hasTurn = true;
    const turn = this.#turn;
    this.hold(1);
    this.#peers.askAll('unit.still', { id: this.block.id }, () => {
      if (turn !== this.#turn) return;
      const ready = this.#wanted;
      this.#wanted = null;
      ready?.();
    });
  }

  drawNumber(): number {
    return this.#claims.drawNumber();
  }

  claim(range: NumberedRange, clear: () => void): void {
    this.#claims.claim(range, clear);
  }

  endClaim(number: number): void {
    this.#claims.end(number);
  }

  // What the others say

  claimedIn(thread: number, range: NumberedRange): void {
    this.#claims.claimedIn(thread, range, this.#unit?.claims);
  }

  claimEnded(number: number): void {
    this.#claims.endedElsewhere(number, this.#unit?.claims);
  }

  isClear(number: number): void {
    this.#claims.isClear(number);
  }

  modeChanged(): void {
    this.#adopt();
  }

  attention(condition: number): void {
    this.#unit?.raise(condition);
  }

  stop(cleared: boolean, stopped: () => void): void {
    if (this.#unit === null) stopped();
    else stopForSibling(this.#unit, cleared, stopped);
  }

  memoryGrown(segments: readonly RamdiskSegment[]): void {
    this.memory.add(segments);
  }

  countLeftover(initiatorName: string, change: number): void {
    this.#unit?.taskSet.shared?.countLeftover(initiatorName, change);
  }

  heldBy(change: number): void {
    this.#unit?.taskSet.shared?.hold(change);
  }

  still(answer: () => void): void {
    const shared = this.#unit?.taskSet.shared;
    if (shared === undefined || shared === null) answer();
    else shared.whenStill(answer);
  }

  turnIsFree(): void {
    this.#tryTurn();
  }

  #adopt(): void {
    this.#knownMode = Atomics.load(this.#words, WORD.MODE);
    this.#unit?.adoptMode(this.#knownMode);
  }

  #tellAll(kind: string, value?: unknown): void {
    this.#peers.tellAll(kind, { id: this.block.id, value });
  }
}
