/** An engine that serves nothing: it remembers steps, and refuses what a test tells it to. */
import {
  ApplyError,
  type ApplyReport,
  type BackingInfo,
  type EngineEvent,
  type EnginePort,
  type RuntimeState,
} from '../../src/objects/engine_port.ts';
import type { Step } from '../../src/objects/plan.ts';

export class FakeEngine implements EnginePort {
  readonly plans: (readonly Step[])[] = [];
  readonly files = new Set<string>();
  readonly stops: number[] = [];
  /** Why the next `apply` is refused. */
  refuse: string | undefined;
  /** What the next tolerant `apply` reports. */
  degraded: readonly string[] = [];
  /** `apply` waits for it. */
  gate: Promise<unknown> = Promise.resolve();
  readonly #listeners = new Set<(event: EngineEvent) => void>();
  #busy = false;

  async apply(steps: readonly Step[], options?: { tolerant?: boolean }): Promise<ApplyReport> {
    if (this.#busy) throw new Error('two changes at once');
    this.#busy = true;
    await this.gate;
    this.#busy = false;
    const [first] = steps;
    if (this.refuse !== undefined && first !== undefined && !options?.tolerant) {
      const reason = this.refuse;
      this.refuse = undefined;
      throw new ApplyError(first, reason);
    }
    this.plans.push(steps);
    return { degraded: options?.tolerant ? this.degraded : [] };
  }

  async runtime(): Promise<RuntimeState> {
    return {
      storageObjects: {},
      portals: {},
      sessions: [],
      refusedLogins: [],
      io: {},
      accelerators: {},
    };
  }

  async probe(path: string): Promise<BackingInfo> {
    const exists = this.files.has(path);
    const type = exists ? 'file' : 'none';
    return { exists, type, size: 0, readonly: false, parentExists: true };
  }

  async createFile(path: string): Promise<void> {
    if (this.files.has(path)) throw new Error('EEXIST: file already exists');
    this.files.add(path);
  }

  async rescan(): Promise<number> {
    return 4096;
  }

  readonly kicked: number[] = [];

  async kick(sid: number): Promise<boolean> {
    this.kicked.push(sid);
    return sid === 1;
  }

  readonly answered: (readonly [ask: number, held: boolean])[] = [];

  async answerStates(ask: number, held: boolean): Promise<void> {
    this.answered.push([ask, held]);
  }

  async removeFile(path: string): Promise<void> {
    this.files.delete(path);
  }

  onEvent(listener: (event: EngineEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit(event: EngineEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  async stop(graceMs: number): Promise<void> {
    this.stops.push(graceMs);
  }
}
