/**
 * Stands between the terminal and the prompts: hands one line at a time to the prompt that is open
 * and keeps the rest, so that what is typed ahead or pasted in several lines is not lost between
 * two prompts (each makes a readline of its own, which discards what its chunk holds beyond it).
 */
import { Readable } from 'node:stream';
import type { ReadStream } from 'node:tty';

const TAB = 9;
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const CTRL_C = 3;
/** What a person or a paste can leave unread; beyond it the terminal is made to wait. */
const BUFFER_MAX = 1024 * 1024;

export class LineGate extends Readable {
  readonly #terminal: ReadStream;
  readonly #onInterrupt: () => void;
  #waiting: Buffer = Buffer.alloc(0);
  #ended = false;
  #open = false;
  #stopsAtTab = false;
  #onKeys: ((keys: string) => void) | undefined;
  readonly #onData = (chunk: Buffer) => this.#receive(chunk);
  readonly #onEnd = () => {
    this.#ended = true;
    this.#pass();
  };

  /** `onInterrupt`: Ctrl-C while no prompt is open. */
  constructor(terminal: ReadStream, onInterrupt: () => void) {
    super({ read() {} });
    this.#terminal = terminal;
    this.#onInterrupt = onInterrupt;
    terminal.on('data', this.#onData);
    terminal.on('end', this.#onEnd);
  }

  /**
   * Readline asks for it by this name. Between two prompts the terminal stays raw: what is typed
   * then is kept, not echoed into the output of the running command.
   */
  setRawMode(mode: boolean): this {
    if (this.#terminal.isTTY && (mode || this.#open)) this.#terminal.setRawMode(mode);
    return this;
  }

  override resume(): this {
    this.#terminal.resume();
    return super.resume();
  }

  /**
   * A prompt listens from now on: it gets one line. With `stopsAtTab` also what stands behind a
   * TAB waits, until this is called anew: completion takes a moment.
   */
  openLine(stopsAtTab = false): void {
    this.#open = true;
    this.#stopsAtTab = stopsAtTab;
    setImmediate(() => this.#pass());
  }

  /** Until the returned function is called, keys go to `listener` instead of to a prompt. */
  takeKeys(listener: (keys: string) => void): () => void {
    this.#onKeys = listener;
    this.#terminal.setRawMode(true);
    this.resume();
    return () => {
      this.#onKeys = undefined;
    };
  }

  close(): void {
    this.#terminal.off('data', this.#onData);
    this.#terminal.off('end', this.#onEnd);
    if (this.#terminal.isTTY) this.#terminal.setRawMode(false);
    this.#terminal.pause();
    this.destroy();
  }

  #receive(chunk: Buffer): void {
    if (this.#onKeys !== undefined) return this.#onKeys(chunk.toString('utf8'));
    if (!this.#open && chunk.includes(CTRL_C)) {
      // What was typed ahead belongs to what is being given up.
      this.#waiting = Buffer.alloc(0);
      this.#onInterrupt();
      return;
    }
    this.#waiting = Buffer.concat([this.#waiting, chunk]);
    if (this.#waiting.length > BUFFER_MAX) this.#terminal.pause();
    this.#pass();
  }

  #isBoundary(byte: number): boolean {
    if (byte === TAB) return this.#stopsAtTab;
    return byte === CARRIAGE_RETURN || byte === LINE_FEED || byte === CTRL_C;
  }

  #pass(): void {
    if (!this.#open || this.destroyed) return;
    const end = this.#waiting.findIndex((byte) => this.#isBoundary(byte));
    const length = end < 0 ? this.#waiting.length : end + 1;
    if (length > 0) {
      const line = this.#waiting.subarray(0, length);
      this.#waiting = this.#waiting.subarray(length);
      if (end >= 0) this.#open = false;
      // CR LF is one line end, not two.
      if (line.at(-1) === CARRIAGE_RETURN && this.#waiting[0] === LINE_FEED) {
        this.#waiting = this.#waiting.subarray(1);
      }
      this.push(line);
    }
    if (this.#ended && this.#waiting.length === 0 && this.#open) this.push(null);
  }
}
