/**
 * A medium behind one interface: bytes at offsets, callbacks instead of promises, so that a ramdisk
 * answers within the call and a disk later, and the data path pays for neither allocation.
 */

/** Why storage refused; scsi turns it into sense. Never an exception. */
export type StorageFault =
  | { readonly kind: 'notReady'; readonly reason: string }
  | { readonly kind: 'readError'; readonly reason: string }
  | { readonly kind: 'writeError'; readonly reason: string }
  | { readonly kind: 'noSpace'; readonly reason: string }
  | { readonly kind: 'readOnly'; readonly reason: string };

/** A run of bytes that are all stored, or all given back and read as zeros. */
export interface MediumExtent {
  readonly mapped: boolean;
  readonly byteLength: number;
}

/** `fault` null: done. May be called before the operation's call returns. Called exactly once. */
export type Done = (fault: StorageFault | null) => void;

/** True: all of it. False: perhaps a part. */
export type Written = (all: boolean) => void;

export interface Backstore {
  /** Bytes. 0 while not ready and never yet opened. */
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  /** Not ready: why, for `ls` and sense; null: ready. */
  readonly fault: StorageFault | null;
  /** Data written is volatile until `flush` (WCE=1); else each write is durable when done. */
  readonly writeCache: boolean;
  /** Fills the whole of `into`, or fails: no byte of it is then to be used. */
  read(into: Buffer, byteOffset: number, done: Done): void;
  /** `fua`: durable when done, whatever `writeCache` says. `from` must not change until done. */
  write(from: Buffer, byteOffset: number, fua: boolean, done: Done): void;
  /**
   * As `write` without `fua`, within the call: true when all of `from` is written. False asks for
   * `write`, whatever was written; absent where nothing is gained. `from` may change afterwards.
   */
  writeAtOnce?(from: Buffer, byteOffset: number): boolean;
  /**
   * As `writeAtOnce`, together with others before the turn of input ends (util/input_turn.ts).
   * True: `over` follows, after the call; `from` must not change until then. False: not taken.
   */
  writeThisTurn?(from: Buffer, byteOffset: number, over: Written): boolean;
  /**
   * `clear` once all that was asked for before and touches these bytes is over, perhaps within the
   * call. Absent: each operation is over when its call returns.
   */
  whenClear?(byteOffset: number, byteLength: number, clear: () => void): void;
  /** All writes done before this call are durable when done. */
  flush(done: Done): void;
  /** The range reads as zeros afterwards; storage is given back where the medium can. */
  deallocate(byteOffset: number, byteLength: number, done: Done): void;
  /** The run that begins at `byteOffset`, within the medium; mapped where that is unknown. */
  extentAt(byteOffset: number): MediumExtent;
  setWriteCache(enabled: boolean): void;
  /** What is wrong although all operations go on, in words; null: nothing. Absent: nothing ever. */
  notice?(done: (notice: string | null) => void): void;
  /**
   * Another size from now on; what is under way beyond it may fail. The medium behind holds that
   * much already. What lay beyond a smaller size is kept until `settle`.
   */
  resize(sizeBytes: number): void;
  /** The present size holds: what a medium in memory kept beyond it is given up. */
  settle(): void;
  /** Waits for operations in flight, flushes, closes. */
  close(): Promise<void>;
}
