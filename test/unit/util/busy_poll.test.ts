import { beforeEach, describe, expect, test } from 'vitest';
import { BusyPoll, busyPollMicros, type Looker } from '../../../src/util/busy_poll.ts';
import { coresOfLimit } from '../../../src/util/cores.ts';

let now: number;
/** What waits for the event loop to have gone round. */
let turns: (() => void)[];
/** What each look takes, others that have the core meanwhile included. */
let lookMs: number;
let poll: BusyPoll;
/** How often the thread has lost its core. */
let lost: number;

const newPoll = (cores: number): BusyPoll =>
  new BusyPoll({
    nowMs: () => (now += lookMs),
    afterTurn: (run) => turns.push(run),
    cores,
    lostCore: () => lost,
  });
/** The event loop goes round once, which takes 2 µs. */
const turn = (): void => {
  now += 0.002;
  for (const look of turns.splice(0)) look();
};
const idle = (): void => {
  while (turns.length > 0) turn();
};
const client: Looker = { look: () => false };
/** Input comes this many times by the event loop, each so long after the last. */
const inputs = (count: number, everyMs: number, looker = client): void => {
  for (let n = 0; n < count; n++) {
    const due = now + everyMs;
    while (now < due && turns.length > 0) turn();
    now = Math.max(now, due);
    poll.served(looker);
  }
};
/** Whether input that comes after this silence is followed by looks for more. */
const lookingAfter = (ms: number): boolean => {
  idle();
  now += ms;
  poll.served(client);
  return turns.length > 0;
};

beforeEach(() => {
  now = 0;
  lost = 0;
  turns = [];
  lookMs = 0.0005;
  poll = newPoll(2);
  poll.micros = 50;
});

describe('busy polling', () => {
  test('looks for its time after input, then lets the thread sleep', () => {
    poll.served(client);
    idle();
    expect(now).toBeGreaterThan(0.05);
    expect(now).toBeLessThan(0.06);
    expect(poll.turns).toBeGreaterThan(5);
  });

  test('a thread to which nothing comes any more makes no turn', () => {
    inputs(1000, 0.03);
    idle();
    const { turns: before } = poll;
    now += 60_000;
    turn();
    expect([turns, poll.turns]).toEqual([[], before]);
  });

  test('goes on as long as input comes in time', () => {
    inputs(1000, 0.03);
    expect(turns).toHaveLength(1);
  });

  test('rests when input comes too late, ever longer, and tries again', () => {
    // The balance is drawn after 10 ms.
    inputs(55, 0.2);
    expect(lookingAfter(0)).toBe(false);
    expect(lookingAfter(7)).toBe(false);
    expect(lookingAfter(3)).toBe(true);
    inputs(55, 0.2);
    expect(lookingAfter(10)).toBe(false);
    expect(lookingAfter(10)).toBe(true);
    for (let round = 0; round < 10; round++) {
      inputs(33, 0.2);
      now += 640;
    }
    expect(lookingAfter(0)).toBe(true);
  });

  test('costs a client that always comes late less than a hundredth of a core', () => {
    inputs(20_000, 1);
    const looked = poll.turns * (4 * 0.0005 + 0.002);
    expect(looked / now).toBeLessThan(0.01);
  });

  test('rests while others take the core, though input is there in the end', () => {
    lookMs = 0.12;
    poll.micros = 1000;
    inputs(33, 0.5);
    expect(lookingAfter(0)).toBe(false);
    lookMs = 0.0005;
    expect(lookingAfter(640)).toBe(true);
    inputs(100, 0.03);
    expect(turns).toHaveLength(1);
  });

  test('rests after commands that came in one piece: they are worth a wake-up', () => {
    inputs(10, 0.03);
    poll.cameAtOnce(8);
    inputs(1, 0.03);
    expect(turns).toHaveLength(1);
    poll.cameAtOnce(9);
    expect(lookingAfter(0)).toBe(false);
    expect(lookingAfter(9)).toBe(false);
    expect(lookingAfter(1)).toBe(true);
  });

  test('the setting that threads share holds from the next input on', () => {
    const shared = new Int32Array(new SharedArrayBuffer(4));
    poll.shared = shared;
    inputs(1, 0.03);
    expect(turns).toHaveLength(0);
    shared[0] = busyPollMicros('auto');
    inputs(1, 0.03);
    expect(turns).toHaveLength(1);
    shared[0] = busyPollMicros('off');
    inputs(1, 0.03);
    idle();
    const { turns: before } = poll;
    inputs(5, 0.03);
    expect(poll.turns).toBe(before);
  });

  test('rests at once when others had the core for a slice of time', () => {
    inputs(3, 0.03);
    now += 3;
    turn();
    expect(lookingAfter(0)).toBe(false);
    expect(lookingAfter(9)).toBe(false);
    expect(lookingAfter(1)).toBe(true);
  });

  test('goes on after a hiccup of the machine', () => {
    inputs(300, 0.03);
    now += 1;
    turn();
    inputs(300, 0.03);
    expect(turns).toHaveLength(1);
  });

  test('is off without a time, also with one core', () => {
    for (const cores of [1, 2]) {
      poll = newPoll(cores);
      poll.micros = 0;
      inputs(1, 0);
      expect(turns).toHaveLength(0);
    }
  });

  test('set to 0, it ends at once', () => {
    inputs(3, 0.03);
    poll.micros = 0;
    const { turns: before } = poll;
    idle();
    expect(poll.turns).toBe(before);
    inputs(1, 0);
    expect(turns).toHaveLength(0);
  });
});

describe('what is looked at between two turns of the event loop', () => {
  let asked: number;
  let there: boolean;
  /** So often something is there. */
  let finds: number;
  const own: Looker = {
    look() {
      asked++;
      if (!there || finds-- <= 0) return false;
      poll.served(own);
      return true;
    },
  };
  beforeEach(() => {
    asked = 0;
    there = false;
    finds = Infinity;
    now = 10;
  });

  test('the connection that had input last, when it is alone', () => {
    inputs(2, 2, own);
    turn();
    expect(asked).toBe(4);
  });

  test('again and again while that finds something, until the event loop is due', () => {
    inputs(2, 2, own);
    there = true;
    const before = now;
    turn();
    expect(asked).toBeGreaterThan(4);
    expect(now - before).toBeGreaterThan(0.2);
    expect(now - before).toBeLessThan(0.21);
    expect(turns).toHaveLength(1);
  });

  test('four times more after the last that found something', () => {
    inputs(2, 2, own);
    there = true;
    finds = 3;
    turn();
    expect([asked, turns.length]).toEqual([3 + 4, 1]);
  });

  test('nobody, while several have input', () => {
    inputs(2, 0.02, own);
    inputs(1, 0.02, client);
    inputs(1, 0.02, own);
    turn();
    expect(asked).toBe(0);
    inputs(60, 0.02, own);
    turn();
    expect(asked).toBeGreaterThan(0);
  });
});

describe('a client on the same core', () => {
  let asked: number;
  let there: boolean;
  const own: Looker = {
    look() {
      asked++;
      // The client gets the core by each answer.
      lost++;
      if (there) poll.served(own);
      return there;
    },
  };
  /** Chunks by the event loop, after each of which the core was lost. */
  const losing = (count: number): void => {
    for (let n = 0; n < count; n++) {
      lost++;
      inputs(1, 0.03, own);
    }
  };
  beforeEach(() => {
    asked = 0;
    there = false;
    now = 10;
  });

  test('is looked for once, and has the core to itself when nothing was there', () => {
    losing(64);
    idle();
    asked = 0;
    inputs(1, 0.03, own);
    turn();
    expect([asked, turns.length]).toEqual([1, 0]);
  });

  test('is served by looks while each finds something', () => {
    losing(64);
    idle();
    there = true;
    asked = 0;
    inputs(1, 0.03, own);
    turn();
    expect(asked).toBeGreaterThan(50);
    expect(turns).toHaveLength(1);
  });

  test('that takes long to send is looked for all the same when it is its turn', () => {
    losing(64);
    idle();
    inputs(1, 0.03, own);
    now += 0.5;
    there = true;
    asked = 0;
    turn();
    expect(asked).toBeGreaterThan(0);
  });

  test('is left to the event loop, ever longer, while looks find nothing', () => {
    losing(64);
    idle();
    asked = 0;
    for (let n = 0; n < 1000; n++) {
      lost++;
      inputs(1, 0.03, own);
      turn();
    }
    // Of 1000 chunks in 30 ms those of the first 10 ms, then none for 10 ms.
    expect(asked).toBeGreaterThan(300);
    expect(asked).toBeLessThan(700);
  });

  test('that has moved to a core of its own is looked for until the time is over', () => {
    losing(64);
    idle();
    for (let n = 0; n < 65; n++) inputs(1, 0.03, client);
    const { turns: before } = poll;
    idle();
    expect(poll.turns - before).toBeGreaterThan(5);
  });

  test('is what there is with one core', () => {
    poll = newPoll(1);
    poll.micros = 50;
    inputs(1, 2, own);
    now += 2;
    inputs(1, 0, own);
    turn();
    expect([asked, turns.length]).toEqual([1, 0]);
  });
});

describe('reads that wait for a device', () => {
  let answers: boolean;
  const reads = {
    underWay: 1,
    look() {
      if (answers) poll.answered();
      return answers;
    },
  };
  beforeEach(() => {
    reads.underWay = 1;
    answers = false;
    poll.reads = reads;
  });
  /** One read each, whose device answers after so long. */
  const readsThatTake = (count: number, ms: number): void => {
    for (let n = 0; n < count; n++) {
      reads.underWay = 1;
      poll.served(client);
      const due = now + ms;
      while (now < due && turns.length > 0) turn();
      now = Math.max(now, due);
      reads.underWay = 0;
      poll.answered();
      now += 0.02;
    }
  };

  test('are looked for longer than input is', () => {
    poll.served(client);
    idle();
    expect(now).toBeGreaterThan(0.2);
    expect(now).toBeLessThan(0.3);
  });

  test('are answered without waiting for a turn, and the client is looked for after that', () => {
    poll.served(client);
    reads.underWay = 0;
    answers = true;
    reads.underWay = 1;
    turn();
    expect(turns).toHaveLength(1);
  });

  test('of a fast device go on being looked for; those of a slow one are not', () => {
    const turnsOf = (run: () => void): number => {
      const { turns: before } = poll;
      run();
      return poll.turns - before;
    };
    // 100 µs are 25 turns, 250 µs 62.
    expect(turnsOf(() => readsThatTake(1000, 0.1))).toBeGreaterThan(24_000);
    expect(turnsOf(() => readsThatTake(5000, 5))).toBeLessThan(5000 * 62 * 0.3);
    // Input all the same.
    reads.underWay = 0;
    expect(lookingAfter(0)).toBe(true);
  });

  test('of a device that hangs: clients of others are looked for all the same', () => {
    reads.underWay = 1;
    inputs(100, 0.3);
    const { turns: before } = poll;
    inputs(1000, 0.03);
    expect(poll.turns - before).toBeGreaterThan(5000);
    expect(lookingAfter(0)).toBe(true);
  });

  test('when many are under way, the thread sleeps', () => {
    reads.underWay = 3;
    poll.served(client);
    expect(turns).toHaveLength(0);
  });
});

test('a limit of CPU time counts as the whole cores that it leaves', () => {
  expect(coresOfLimit('max 100000\n')).toBe(Infinity);
  expect(coresOfLimit('150000 100000\n')).toBe(1);
  expect(coresOfLimit('50000 100000\n')).toBe(1);
  expect(coresOfLimit('400000 100000\n')).toBe(4);
  expect(coresOfLimit('')).toBe(Infinity);
});
