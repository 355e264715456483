// Why a bound is missed where it is, by what the profiles say, and what would cure it. The bench
// puts these beside the bounds that a run misses; they never decide which those are.

/** @typedef {{ key: string, name: string, value: number }} Missed */

const of =
  (key, ...words) =>
  (missed) =>
    (key === undefined || missed.key === key) && words.every((word) => missed.name.includes(word));

/** The first that fits is told. @type {{ fits: (missed: Missed) => boolean, why: string }[]} */
export const REASONS = [
  {
    fits: ({ value }) => !Number.isFinite(value),
    why: 'a target that the bound compares with gave no figure in this run.',
  },
  {
    fits: of('echo'),
    why:
      'generator and echo share two cores here and are bound by the copies of the loopback device, ' +
      'not by what the generator does for a command (its CPU per command is in the table of the ' +
      'generator). A machine with more cores would cure it.',
  },
  {
    fits: of(undefined, '2 data threads'),
    why:
      'the client and two data threads are three busy threads on two cores: CPU per command says ' +
      'what each costs, and the second data thread adds what the other two leave. Cores that are ' +
      'free would cure it.',
  },
  {
    fits: of('share', 'cold file'),
    why:
      'the device has sixteen commands of the deep session before the one of the other ' +
      '(`scsi/task_set.ts`); fewer would cost the deep session its throughput.',
  },
  {
    fits: of('share'),
    why:
      'three busy threads share two cores, and a command of the shallow session that comes while ' +
      'a turn is under way waits for all that the turn began. Smaller turns of large commands, ' +
      'or a core more, would cure it.',
  },
  {
    fits: of('iser'),
    why:
      'the framing of iWARP and its CRC are made in software here, and TCP has neither ' +
      '(docs/ISER.md). RDMA hardware would cure it.',
  },
  {
    fits: of(undefined, 'depth 1, cold file'),
    why:
      'one read at a time wakes the data thread by way of the ring instead of returning from a ' +
      'call that blocks. A data thread that blocks for a lone command would cure that alone.',
  },
  {
    fits: of(undefined, 'cold file'),
    why:
      'the device decides, and its figures differ from run to run; what of ours adds to it is the ' +
      'call that finds the block not cached and the ring that then reads it. A device that keeps ' +
      'its pace would tell.',
  },
  {
    fits: of('minimal', 'depth 1'),
    why:
      'one command at a time is a turn of the event loop: more than half of its CPU is waking, ' +
      'waiting and giving up the core, and Node takes part of a turn that a blocking call has not ' +
      '(see the profile at depth 1). Looking for input before sleeping (`LUNSMITH_BUSY_POLL_US`) ' +
      'cures the waking where a core is free.',
  },
  {
    fits: of('minimal'),
    why:
      'each is one busy thread, so throughput follows CPU per command. Half of ours is the ' +
      "kernel's for the same calls that the C target makes; the rest is a fifth our own checks and " +
      'tables, a fifth Node and V8 (see the profile). Fewer calls into the system for each turn, ' +
      'and native code for the parsing, would cure it.',
  },
  {
    fits: of('throughput', 'depth 1,'),
    why:
      'one command at a time is bound by waking a sleeping core, in which the 17 threads of tgt ' +
      'keep theirs awake. Looking for input before sleeping cures it where a core is free.',
  },
  {
    fits: of('throughput', 'depth 8'),
    why:
      'with few commands under way each turn serves few, and client and target wait for each ' +
      "other's core to wake. CPU per command is what is saved; looking for input before sleeping " +
      'cures it where a core is free.',
  },
  {
    fits: of('throughput', '4 KiB', 'write'),
    why:
      'two fifths of our CPU per command are the write into the page cache itself, by the file ' +
      'system, which every target pays (see the profile). Adjacent writes in one call would cure ' +
      'that part where there are any.',
  },
  {
    fits: of('throughput', '4 KiB'),
    why:
      'the client takes one of two cores, and what the kernel does for both sides much of the other: ' +
      'CPU per command, which the bound beside this one is about, says what the target costs. ' +
      'A core of its own would cure it.',
  },
  {
    fits: of('cpu'),
    why: 'see the profile: more than half of it is spent in the kernel, by calls that tgt makes too.',
  },
  {
    fits: ({ key, name }) => key === 'throughput' && /^(64 KiB|1 MiB)/.test(name),
    why:
      'four fifths of our CPU are copies by the kernel, between page cache and socket ' +
      '(see the profile), which every target pays. Sending without a copy (from mapped memory) ' +
      'would cure it; pages that another writes meanwhile, and cold pages, forbid it for files.',
  },
  {
    fits: of('istgt'),
    why:
      'istgt blocks in each call with a thread per connection, which is the shorter way where one ' +
      'command is under way or the copies decide; the profile of the case says which.',
  },
];
