/** Commands of a session by Initiator Task Tag: chains through the tasks, nothing allocated. */
import type { IscsiTask } from './iscsi_task.ts';

const LEAST_BUCKET_BITS = 4;
const MOST_BUCKET_BITS = 8;
/** Knuth's multiplicative hash: initiators count in either byte order. */
const MULTIPLIER = 0x9e37_79b1;

export class TaskTable {
  readonly #buckets: (IscsiTask | null)[];
  readonly #shift: number;
  #size = 0;

  /** `depth`: commands that a session may have; more only make the chains longer. */
  constructor(depth: number) {
    const bits = Math.min(
      MOST_BUCKET_BITS,
      Math.max(LEAST_BUCKET_BITS, Math.ceil(Math.log2(depth))),
    );
    this.#buckets = new Array<IscsiTask | null>(1 << bits).fill(null);
    this.#shift = 32 - bits;
  }

  get size(): number {
    return this.#size;
  }

  find(itt: number): IscsiTask | null {
    let task = this.#buckets[bucketOf(itt, this.#shift)] ?? null;
    while (task !== null && task.itt !== itt) task = task.nextInBucket;
    return task;
  }

  add(task: IscsiTask): void {
    const bucket = bucketOf(task.itt, this.#shift);
    task.nextInBucket = this.#buckets[bucket] ?? null;
    this.#buckets[bucket] = task;
    this.#size++;
  }

  remove(task: IscsiTask): void {
    const bucket = bucketOf(task.itt, this.#shift);
    let previous: IscsiTask | null = null;
    let at = this.#buckets[bucket] ?? null;
    while (at !== null && at !== task) {
      previous = at;
      at = at.nextInBucket;
    }
    if (at === null) return;
    if (previous === null) this.#buckets[bucket] = task.nextInBucket;
    else previous.nextInBucket = task.nextInBucket;
    task.nextInBucket = null;
    this.#size--;
  }

  /** A copy: callers end tasks while they go through it. */
  all(): IscsiTask[] {
    const tasks: IscsiTask[] = [];
    for (const first of this.#buckets) {
      for (let task = first; task !== null; task = task.nextInBucket) tasks.push(task);
    }
    return tasks;
  }
}

function bucketOf(itt: number, shift: number): number {
  return Math.imul(itt, MULTIPLIER) >>> shift;
}
