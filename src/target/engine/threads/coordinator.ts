/** Several engines as one: what the control plane asks of one, it gets of all. */
import type {
  ApplyReport,
  EngineEvent,
  EnginePort,
  Health,
  RuntimeState,
} from '../../../objects/engine_port.ts';
import type { Step } from '../../../objects/plan.ts';
import { SYSTEM_CLOCK, type Clock } from '../../../util/clock.ts';
import { endsWithin } from '../../../util/within.ts';
import type { JointEngine } from '../transfer.ts';
import { mergedRuntime } from './merged_runtime.ts';

/** How long the end waits for a change under way. */
const CHANGE_WITHIN_MS = 5_000;

export type DataThread = EnginePort & JointEngine;

export class Coordinator implements EnginePort {
  readonly #first: DataThread;
  readonly #others: readonly DataThread[];
  readonly #health = new MergedHealth();
  readonly #merge = mergedRuntime();
  /** The state of each thread at the last look. */
  readonly #known: RuntimeState[] = [];
  readonly #clock: Clock;
  /** Changes run one after the other: the tail of the queue. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(first: DataThread, others: readonly DataThread[], clock: Clock = SYSTEM_CLOCK) {
    this.#clock = clock;
    this.#first = first;
    this.#others = others;
  }

  apply(steps: readonly Step[], options?: { readonly tolerant?: boolean }): Promise<ApplyReport> {
    return this.#exclusively(async () => {
      // Thread 0 first: it claims media, and makes what the others share.
      const report = await this.#first.prepare(steps, options);
      const outcomes = await Promise.allSettled(
        this.#others.map((thread) => thread.prepare(steps, options)),
      );
      const refused = outcomes.find((outcome) => outcome.status === 'rejected');
      if (refused !== undefined) {
        await this.#rollBack(outcomes.map(({ status }) => status === 'fulfilled'));
        throw refused.reason;
      }
      await Promise.all(this.#all.map((thread) => thread.commit()));
      const reports = outcomes.flatMap((outcome) =>
        outcome.status === 'fulfilled' ? outcome.value.degraded : [],
      );
      return { degraded: [...new Set([...report.degraded, ...reports])] };
    });
  }

  /** Of a thread that hangs, what it was last known to be. */
  async runtime(): Promise<RuntimeState> {
    const looks = await Promise.allSettled(this.#all.map((thread) => thread.runtime()));
    const silent: Record<string, string> = {};
    looks.forEach((look, at) => {
      if (look.status === 'fulfilled') this.#known[at] = look.value;
      else if (this.#known[at] === undefined) throw look.reason;
      else silent[`data thread ${at + 1}`] = 'does not answer';
    });
    const merged = this.#merge(this.#known);
    return { ...merged, accelerators: { ...merged.accelerators, ...silent } };
  }

  probe(path: string) {
    return this.#first.probe(path);
  }

  createFile(path: string, size: number, sparse: boolean): Promise<void> {
    return this.#first.createFile(path, size, sparse);
  }

  removeFile(path: string): Promise<void> {
    return this.#first.removeFile(path);
  }

  rescan(storageObject: string): Promise<number> {
    return this.#exclusively(async () => {
      const [size = 0] = await Promise.all(this.#all.map((thread) => thread.rescan(storageObject)));
      return size;
    });
  }

  async kick(sid: number): Promise<boolean> {
    const found = await Promise.allSettled(this.#all.map((thread) => thread.kick(sid)));
    return found.some((answer) => answer.status === 'fulfilled' && answer.value);
  }

  async answerStates(ask: number, held: boolean): Promise<void> {
    await Promise.allSettled(this.#all.map((thread) => thread.answerStates(ask, held)));
  }

  onEvent(listener: (event: EngineEvent) => void): () => void {
    const stops = this.#all.map((thread, index) =>
      thread.onEvent((event) => {
        const told = event.type === 'health' ? this.#health.merged(event, index) : event;
        if (told !== undefined) listener(told);
      }),
    );
    return () => stops.forEach((stop) => stop());
  }

  /**
   * Of all, also when one fails: the others have caches to flush. Nor do they wait for long for a
   * change that one of them does not answer.
   */
  async stop(graceMs: number): Promise<void> {
    await endsWithin(this.#clock, CHANGE_WITHIN_MS, this.#last);
    const outcomes = await Promise.allSettled(this.#all.map((thread) => thread.stop(graceMs)));
    const whys = outcomes.flatMap((outcome) =>
      outcome.status === 'rejected' ? [(outcome.reason as Error).message] : [],
    );
    if (whys.length > 0) throw new Error(whys.join('; '));
  }

  get #all(): readonly DataThread[] {
    return [this.#first, ...this.#others];
  }

  /** Thread 0 last, which closes what the others share. */
  async #rollBack(prepared: readonly boolean[]): Promise<void> {
    await Promise.all(this.#others.filter((_, index) => prepared[index]).map((t) => t.rollback()));
    await this.#first.rollback();
  }

  #exclusively<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#last.then(run);
    this.#last = result.catch(() => {});
    return result;
  }
}

type HealthEvent = Extract<EngineEvent, { type: 'health' }>;

/** A storage object is well when it is so in all threads; said once. */
class MergedHealth {
  readonly #unwell = new Map<string, Map<number, Health>>();
  readonly #told = new Map<string, string>();

  merged(event: HealthEvent, thread: number): HealthEvent | undefined {
    const { storageObject, health } = event;
    const unwell = this.#unwell.get(storageObject) ?? new Map<number, Health>();
    if (health.ok) unwell.delete(thread);
    else unwell.set(thread, health);
    if (unwell.size === 0) this.#unwell.delete(storageObject);
    else this.#unwell.set(storageObject, unwell);
    const [fault] = unwell.values();
    const now = fault ?? health;
    const text = JSON.stringify(now);
    if (this.#told.get(storageObject) === text) return undefined;
    this.#told.set(storageObject, text);
    return { ...event, health: now };
  }
}
