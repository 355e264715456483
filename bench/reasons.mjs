// Why a bound is missed where it is, by what the profiles say, and what would cure it. The bench
// puts these beside the bounds that a run misses; they never decide which those are.

/** @typedef {{ key: string, name: string, value: number }} Missed */

const of =
  (key, ...words) =>
  (missed) =>
    (key === undefined || missed.key === key) && words.every((word) => missed.name.includes(word));

const large = ({ key, name }) => key === 'throughput' && /^(64 KiB|1 MiB)/.test(name);
const unmeasured = ({ value }) => !Number.isFinite(value);

/** The first that fits is told. @type {[(missed: Missed) => boolean, string][]} */
const KNOWN = [
  [unmeasured, 'a target that the bound compares with gave no figure in this run.'],
  [
    of('echo'),
    `generator and echo share the cores, and are bound by the copies of the loopback device and by
    waking each other, not by what the generator does for a command (its CPU per command is in its
    table). A machine with more cores would cure it.`,
  ],
  [
    of(undefined, '2 data threads'),
    `the client and two data threads are three busy threads, on fewer cores than that: CPU per
    command says what each costs, and the second data thread adds what the other two leave. Cores
    that are free would cure it.`,
  ],
  [
    of('share', 'cold file'),
    `up to eight reads of the deep session are at the device beside the one of the other
    (\`scsi/read_share.ts\`), and beyond two the thread
    sleeps before the device answers. Fewer would
    cost the deep session what is left of its throughput.`,
  ],
  [
    of('share'),
    `three busy threads share two cores, and a command of the shallow session that comes while a
    turn is under way waits for what the turn began, one of 64 KiB for each of the parts in which it
    arrives. A turn that waits for the rest of what has begun to arrive, or a core more, would cure
    it.`,
  ],
  [
    of('iser'),
    `the framing of iWARP and its CRC are made in software here, and TCP has neither (docs/ISER.md).
    RDMA hardware would cure it.`,
  ],
  [
    of(undefined, 'depth 1, cold file'),
    `one read at a time wakes the data thread by way of the ring instead of returning from a call
    that blocks. A data thread that blocks for a lone command would cure that alone.`,
  ],
  [
    of(undefined, 'cold file'),
    `the device decides, and its figures differ from run to run; what of ours adds to it is the call
    that finds the block not cached and the ring that then reads it. A device that keeps its pace
    would tell.`,
  ],
  [
    of('minimal', 'depth 1'),
    `one command at a time: on one core the kernel's part is that of the C
    target (10 of 14 µs of CPU
    for a read), and the rest is V8 and our JavaScript, 4 µs, of which the event
    loop and the foreign
    functions are less than one. Parsing in native code would cure it.`,
  ],
  [
    of('minimal'),
    `each is one busy thread, so throughput follows CPU per command. More than half of ours is the
    kernel, for the calls that the C target makes too; the rest is our own checks and tables, and as
    much again Node and V8 (see the profile). Fewer calls into the system for each turn, and
    parsing in native code, would cure it.`,
  ],
  [
    large,
    `four fifths of our CPU are copies by the kernel, between page cache and socket (see the
    profile), which every target pays. Sending without a copy, from mapped memory, would cure it;
    pages that another writes meanwhile, and cold pages, forbid it for files.`,
  ],
  [
    of('throughput', 'depth 1,'),
    `one command at a time is bound by waking a core that sleeps; the many threads of tgt keep
    theirs awake. Looking for input before sleeping cures it where a core is free.`,
  ],
  [
    of('throughput', 'depth 8'),
    `with few commands under way each turn serves few, and client and target wait for each other's
    core to wake. CPU per command is what is saved; looking for input before sleeping cures it where
    a core is free.`,
  ],
  [
    of('throughput', '4 KiB', 'write'),
    `two fifths of our CPU per command are the write into the page cache itself, by the file system,
    which every target pays (see the profile); what is said below of a client on a core of its own
    holds for writes as well. Fewer and larger turns would cure the latter.`,
  ],
  [
    of('throughput', '4 KiB'),
    `beside a client on a core of its own a turn finds fewer commands and each send wakes that core,
    which costs a third more CPU per command than where both share one (see below); the threads of
    tgt gain by the free core. Fewer and larger turns would cure it.`,
  ],
  [of('cpu'), 'more than half of it is spent in the kernel, by calls that tgt makes too.'],
  [
    of('istgt'),
    `istgt blocks in each call, with a thread for each connection: the shorter way where one command
    is under way or where copies decide. The profile of the case says which.`,
  ],
];

export const REASONS = KNOWN.map(([fits, text]) => ({
  fits,
  why: text.replaceAll(/\s+/g, ' '),
}));
