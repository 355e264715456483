/** Steps in a row before other work gets its turn: a ramdisk never waits on its own. */
const STEPS_PER_TURN = 16;

/**
 * Calls `step` again whenever it calls `next`, be that within the call or later: no recursion,
 * however many steps complete at once, and no turn of the event loop for more than a few.
 */
export function repeat(step: (next: () => void) => void): void {
  let running = false;
  let wanted = false;
  let steps = 0;
  const next = (): void => {
    wanted = true;
    if (running) return;
    running = true;
    while (wanted) {
      wanted = false;
      if (++steps % STEPS_PER_TURN === 0) {
        setImmediate(next);
        break;
      }
      step(next);
    }
    running = false;
  };
  next();
}
