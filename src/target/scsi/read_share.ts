/**
 * How many reads a nexus with a deep queue has with the medium, while one with a shallow queue
 * reads the same logical unit. What a device does at once differs by a thousand times between disks
 * and flash, so it is measured: for a few reads the deep one may have one only, then as many as
 * seem right. The shallow one is to wait little longer for it.
 */

/** A nexus that never has more commands under way waits for each answer. */
export const FEW_COMMANDS = 2;
/** As long as so many have not begun since a shallow one's last read, it is there. */
export const RECENT_COMMANDS = 64;
/** So many times as long as beside one read, its reads may take beside the deep one's. */
const MAY_TAKE = 1.2;
/** Below that, the deep one may have more. */
const SHOULD_TAKE = 1.05;
const MOST_READS = 8;
const FIRST_READS = 4;
/** After a change of the limit, those that began before it. */
const LEFT_OVER = 2;
const QUIET_SAMPLES = 7;
const SHARED_SAMPLES = 63;

export class ReadShare {
  /** Reads that a deep nexus may have under execution beside a shallow one; at least 1. */
  limit = 1;
  #reads = FIRST_READS;
  #quietMs = 0;
  readonly #samples: number[] = [];
  #toSkip = LEFT_OVER;
  #quiet = true;

  /** A read of a shallow nexus has taken so long, while reads of a deep one wait for their turn. */
  took(ms: number): void {
    if (this.#toSkip > 0) {
      this.#toSkip--;
      return;
    }
    const samples = this.#samples;
    samples.push(ms);
    if (samples.length < (this.#quiet ? QUIET_SAMPLES : SHARED_SAMPLES)) return;
    samples.sort((one, two) => one - two);
    const median = samples[samples.length >> 1] ?? 0;
    samples.length = 0;
    if (this.#quiet) this.#learn(median);
    else this.#judge(median / this.#quietMs);
    this.#quiet = !this.#quiet;
    this.limit = this.#quiet ? 1 : this.#reads;
    this.#toSkip = LEFT_OVER;
  }

  /** A few reads are soon disturbed, and what disturbs them makes them slower, never faster. */
  #learn(quietMs: number): void {
    const known = this.#quietMs;
    const disturbed = known > 0 && quietMs > known;
    this.#quietMs = disturbed ? known + (quietMs - known) / 4 : quietMs;
  }

  /** What a read takes grows with those that wait with it, at most. */
  #judge(times: number): void {
    const reads = this.#reads;
    if (times > MAY_TAKE) {
      this.#reads = Math.max(1, Math.min(reads - 1, Math.round((reads * MAY_TAKE) / times)));
    } else if (times < SHOULD_TAKE) {
      this.#reads = Math.min(MOST_READS, reads + 1);
    }
  }
}
