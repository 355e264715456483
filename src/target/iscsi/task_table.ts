/** Commands of a session by Initiator Task Tag: chains through the tasks, nothing allocated. */
import type { IscsiTask } from './iscsi_task.ts';

const BUCKET_BITS = 8;
const BUCKETS = 1 << BUCKET_BITS;
/** Knuth's multiplicative hash: initiators count in either byte order. */
const MULTIPLIER = 0x9e37_79b1;

export class TaskTable {
  readonly #buckets: (IscsiTask | null)[] = new Array<IscsiTask | null>(BUCKETS).fill(null);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  find(itt: number): IscsiTask | null {
    let task = this.#buckets[bucketOf(itt)] ?? null;
    while (task !== null && task.itt !== itt) task = task.nextInBucket;
    return task;
  }

  add(task: IscsiTask): void {
    const bucket = bucketOf(task.itt);
    task.nextInBucket = this.#buckets[bucket] ?? null;
    this.#buckets[bucket] = task;
    this.#size++;
  }

  remove(task: IscsiTask): void {
    const bucket = bucketOf(task.itt);
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

function bucketOf(itt: number): number {
  return Math.imul(itt, MULTIPLIER) >>> (32 - BUCKET_BITS);
}
