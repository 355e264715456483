/** `--timeout`: one limit for everything that a call of the program does. */

/** As timeout(1) of the coreutils has it. */
const STATUS_TIMED_OUT = 124;

export interface TimeLimit {
  /** Resolves with the status when the time is over; never, without a limit. */
  readonly over: Promise<number>;
  expired: boolean;
  /** Called once, when the time is over: stops what runs, tells what was under way. */
  onOver: () => string;
  cancel(): void;
}

/** Counts from the start of the process: a daemon that had to be started is part of it. */
export function timeLimit(seconds: number | undefined, since = 0): TimeLimit {
  let timer: NodeJS.Timeout | undefined;
  const limit: TimeLimit = {
    expired: false,
    onOver: () => '',
    over: new Promise((resolve) => {
      if (seconds === undefined) return;
      const left = Math.max(0, seconds * 1000 - (performance.now() - since));
      timer = setTimeout(() => {
        limit.expired = true;
        const during = limit.onOver();
        process.stderr.write(`Timed out after ${seconds} s${during}\n`);
        resolve(STATUS_TIMED_OUT);
      }, left);
    }),
    cancel: () => clearTimeout(timer),
  };
  return limit;
}
