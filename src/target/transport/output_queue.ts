/**
 * Outgoing bytes of one socket. All that is queued in one turn of the event loop leaves in one
 * gathered write; what the socket does not take at once is finished before the next. Small pieces
 * are copied into a stage, which is cheaper than one vector each; large ones are passed as they
 * are.
 */
import type { Socket } from 'node:net';
import { putUint32LE } from '../../util/big_endian.ts';
import { tellAll } from '../../util/tell_all.ts';
import { LentSocket } from './lent_socket.ts';

/** A connection takes the shortest that holds what it sends in one turn: one piece, one vector. */
const STAGE_LENGTHS = [16 * 1024, 64 * 1024, 256 * 1024, 1024 * 1024] as const;
const LONGEST = STAGE_LENGTHS.length - 1;
/** Stages kept for reuse by all connections of this thread, in bytes. */
const MAX_POOLED_STAGE_BYTES = 16 * 1024 * 1024;
/** Longer data is not copied. */
export const COPY_UP_TO = 16 * 1024;
/** A batch of this size leaves at once, within the turn. */
const BATCH_LENGTH = 1024 * 1024;
/** Bytes queued or under way beyond which producers wait. */
export const OUTPUT_HIGH_WATER = 4 * 1024 * 1024;

/** Of a batch: as much as the engine keeps in a field without an object of its own. */
const LARGEST_NUMBER = 0x3fff_ffff;

const pooledStages: readonly Buffer[][] = STAGE_LENGTHS.map(() => []);
let pooledBytes = 0;

function takeStage(lengthClass: number): Buffer {
  const stage = pooledStages[lengthClass]?.pop();
  if (stage === undefined) return Buffer.allocUnsafeSlow(STAGE_LENGTHS[lengthClass] ?? 0);
  pooledBytes -= stage.length;
  return stage;
}

function keepStage(stage: Buffer): void {
  if (pooledBytes + stage.length > MAX_POOLED_STAGE_BYTES) return;
  pooledBytes += stage.length;
  pooledStages[STAGE_LENGTHS.findIndex((length) => length === stage.length)]?.push(stage);
}

interface Batch {
  readonly pieces: Buffer[];
  readonly stages: Buffer[];
  readonly sent: (() => void)[];
  bytes: number;
  /** Bytes that lie in `stages`. */
  copied: number;
}

function newBatch(): Batch {
  return { pieces: [], stages: [], sent: [], bytes: 0, copied: 0 };
}

/** So many bytes of it have left. */
function cutFront(batch: Batch, bytes: number): void {
  const { pieces } = batch;
  batch.bytes -= bytes;
  let left = bytes;
  let at = 0;
  for (let piece = pieces[0]; piece !== undefined && left > 0; piece = pieces[at]) {
    if (left < piece.length) {
      pieces[at] = piece.subarray(left);
      break;
    }
    left -= piece.length;
    at++;
  }
  pieces.splice(0, at);
}

export class OutputQueue {
  readonly #socket: Socket;
  readonly #onRoom: () => void;
  #batch = newBatch();
  #number = 0;
  #underWay: Batch | null = null;
  #stage: Buffer | null = null;
  #start = 0;
  #at = 0;
  #lengthClass = 0;
  #scheduled = false;
  /** `release` follows, and flushes. */
  #gathering = false;
  #closed = false;
  readonly #waiting: (() => void)[] = [];
  /** What they waited for has left; they hear of it as soon as nothing is half queued. */
  readonly #told: (() => void)[] = [];
  #telling = false;

  /** `onRoom`: called whenever a write is over. */
  constructor(socket: Socket, onRoom: () => void) {
    this.#socket = socket;
    this.#onRoom = onRoom;
  }

  /** Bytes queued or under way. */
  get pending(): number {
    return this.#batch.bytes + (this.#underWay?.bytes ?? 0);
  }

  /** Memory for the next `length` bytes, which begin at `at` there; `advance` queues them. */
  reserve(length: number): Buffer {
    return this.#room(length);
  }

  get at(): number {
    return this.#at;
  }

  /** What was reserved is filled, but for what is amended before the turn ends. */
  advance(length: number): void {
    this.#advance(length);
  }

  /** Numbers the batch, so that whoever remembers a place in it can tell that it left. */
  get open(): number {
    return this.#number;
  }

  /** At most `COPY_UP_TO` bytes, copied now. */
  copy(bytes: Buffer): void {
    const stage = this.#room(bytes.length);
    stage.set(bytes, this.#at);
    this.#advance(bytes.length);
  }

  zeros(length: number): void {
    const stage = this.#room(length);
    stage.fill(0, this.#at, this.#at + length);
    this.#advance(length);
  }

  uint32LE(value: number): void {
    const stage = this.#room(4);
    putUint32LE(stage, this.#at, value);
    this.#advance(4);
  }

  /** Passed as it is: must not change until sent. */
  pass(bytes: Buffer): void {
    this.#seal();
    this.#batch.pieces.push(bytes);
    this.#batch.bytes += bytes.length;
    this.#schedule();
  }

  /** Calls back when all that is queued up to now was taken by the system. */
  whenSent(sent: () => void): void {
    if (this.#closed) return sent();
    // What was queued last may have left already, with a full batch.
    const batch = this.#batch.bytes > 0 ? this.#batch : this.#underWay;
    if (batch === null) this.#told.push(sent);
    else batch.sent.push(sent);
    return this.#tell();
  }

  /** Calls back when there is room for more: at once below the high-water mark. */
  whenRoom(room: () => void): void {
    if (this.#closed || this.pending < OUTPUT_HIGH_WATER) room();
    else this.#waiting.push(room);
  }

  /** Until `release` only full batches leave. */
  gather(): void {
    this.#gathering = true;
  }

  /** What one chunk of input was answered with leaves together, without waiting for the turn. */
  release(): void {
    this.#gathering = false;
    this.flush();
    this.#tell();
  }

  /** What is queued leaves now, behind what is under way. */
  flush(): void {
    if (this.#closed || this.#underWay !== null || this.#batch.bytes === 0) return;
    // Its end, which is told soon, ends the queue too.
    if (this.#socket.destroyed) return;
    this.#seal();
    this.#stage = null;
    const batch = this.#batch;
    this.#beginBatch();
    this.#fit(batch.copied);
    const socket = this.#socket;
    const taken = socket instanceof LentSocket ? socket.sendNow(batch.pieces) : 0;
    if (taken === batch.bytes) {
      for (const stage of batch.stages) keepStage(stage);
      for (const sent of batch.sent) this.#told.push(sent);
      return;
    }
    if (taken > 0) cutFront(batch, taken);
    this.#underWay = batch;
    const last = batch.pieces.pop();
    if (last === undefined) return;
    if (batch.pieces.length === 0) {
      socket.write(last, this.#written);
      return;
    }
    socket.cork();
    for (const piece of batch.pieces) socket.write(piece);
    socket.write(last, this.#written);
    socket.uncork();
  }

  /** Nothing leaves any more; everyone who waits is told. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const waiting = [...(this.#underWay?.sent ?? []), ...this.#batch.sent, ...this.#waiting];
    this.#told.push(...waiting);
    this.#underWay = null;
    this.#beginBatch();
    this.#stage = null;
    this.#waiting.length = 0;
    this.#tell();
  }

  /**
   * In a loop, however they follow from one another; never between a header and its data: whoever
   * is told may queue more.
   */
  #tell(): void {
    const told = this.#told;
    if (this.#telling || told.length === 0) return;
    this.#telling = true;
    try {
      tellAll(told, undefined);
    } finally {
      told.length = 0;
      this.#telling = false;
    }
  }

  #beginBatch(): void {
    this.#batch = newBatch();
    this.#number = (this.#number + 1) & LARGEST_NUMBER;
  }

  readonly #written = (): void => {
    const batch = this.#underWay;
    if (this.#closed || batch === null) return;
    this.#underWay = null;
    for (const stage of batch.stages) keepStage(stage);
    for (const sent of batch.sent) this.#told.push(sent);
    this.flush();
    this.#tell();
    while (this.#waiting.length > 0 && this.pending < OUTPUT_HIGH_WATER) this.#waiting.shift()?.();
    this.#onRoom();
  };

  #room(length: number): Buffer {
    if (this.#stage !== null && this.#at + length <= this.#stage.length) return this.#stage;
    this.#seal();
    // Each further stage of a batch is longer than the one before.
    const stage = takeStage(Math.min(this.#lengthClass + this.#batch.stages.length, LONGEST));
    this.#batch.stages.push(stage);
    this.#stage = stage;
    this.#start = 0;
    this.#at = 0;
    return stage;
  }

  #advance(length: number): void {
    this.#at += length;
    this.#batch.bytes += length;
    this.#batch.copied += length;
    this.#schedule();
  }

  /** The next turn will be much like this one; a quiet one makes it shrink by one length. */
  #fit(copied: number): void {
    let wanted = 0;
    while (wanted < LONGEST && copied > (STAGE_LENGTHS[wanted] ?? 0)) wanted++;
    this.#lengthClass = Math.max(wanted, this.#lengthClass - 1);
  }

  #seal(): void {
    if (this.#stage === null || this.#start === this.#at) return;
    this.#batch.pieces.push(this.#stage.subarray(this.#start, this.#at));
    this.#start = this.#at;
  }

  #schedule(): void {
    if (this.#batch.bytes >= BATCH_LENGTH) this.flush();
    if (this.#scheduled || this.#gathering) return;
    this.#scheduled = true;
    // After all that storage completes in this turn: its answers leave together.
    setImmediate(this.#leave);
  }

  readonly #leave = (): void => {
    this.#scheduled = false;
    this.flush();
    this.#tell();
  };
}
