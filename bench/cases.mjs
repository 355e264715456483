// What is measured: one literal per case. Bounds are ratios within the same round.

export const KIB = 1024;
export const MIB = 1024 * KIB;

/**
 * @typedef {object} Case
 * @property {string} name
 * @property {string} group                      heading of its table
 * @property {"file" | "ram" | "null" | "cold" | "many"} medium
 *   file: cached; cold: dropped before each run; ram: our ramdisk, a file of tmpfs of the others;
 *   null: our ramdisk again, beside tgt's null and a minimal target that moves no data;
 *   many: 1,000 files of 1 MiB, a LUN each
 * @property {readonly string[]} load            arguments of bench/load.c
 * @property {boolean} [writes]                  leaves pages behind that are to be written back
 * @property {readonly string[]} targets         who takes part
 * @property {string} [ours]                     which of our daemons is judged; `lunsmith`
 * @property {Case} [also]                       judged from the same rounds: another daemon of ours
 * @property {'one' | 'two'} [cores]             client and target share a core, or have one each
 * @property {boolean} [quick]                   part of --quick
 * @property {boolean} [all]                     part of --all only
 * @property {Bounds} bounds
 *
 * @typedef {object} Bounds
 * @property {number} [throughput]   at least, times tgt
 * @property {number} [cpu]          CPU per command, at most, times tgt
 * @property {number} [istgt]        at least, times istgt
 * @property {number} [minimal]      at least, times the minimal C target
 * @property {number} [echo]         the generator beside a target that does nothing, at least,
 *                                   times our throughput
 */

const FILE_TARGETS = ['tgt', 'istgt', 'lunsmith', 'minimal'];
/** istgt is never to be faster, wherever it takes part. */
const BOUND_ISTGT = 1.0;
/** The generator must drive a target that does nothing at twice our figure, in the same rounds. */
const BOUND_ECHO = 2.0;

const size = (bytes) => (bytes >= MIB ? `${bytes / MIB} MiB` : `${bytes / KIB} KiB`);

const WORDS = { 0: 'read', 100: 'write', 30: '70/30' };

/**
 * Where commands count, the generator is proven: from 64 KiB on it and the target are bound by the
 * same copies, with few commands under way both wait for each other.
 */
const proves = (bytes, depth, more) =>
  bytes === 4 * KIB &&
  depth >= 32 &&
  [more.medium, more.all, more.sequential, more.cores].every((each) => each === undefined);

/** A case on the cached file unless `more` says otherwise. */
function entry(bytes, write, depth, more = {}) {
  const { extra = [], label = '', sequential = false, bounds = {}, ...rest } = more;
  const order = sequential ? 'sequential' : 'random';
  const name = `${size(bytes)} ${order} ${WORDS[write]}, depth ${depth}${label}`;
  const load = ['--size', String(bytes), '--write', String(write), '--depth', String(depth)];
  if (sequential) load.push('--sequential');
  const targets = [...(rest.targets ?? FILE_TARGETS)];
  const all = { ...bounds };
  if (targets.includes('istgt')) all.istgt = BOUND_ISTGT;
  if (proves(bytes, depth, more)) {
    targets.push('echo');
    all.echo = BOUND_ECHO;
  }
  return {
    group: size(bytes),
    medium: 'file',
    writes: write > 0,
    ...rest,
    name,
    load: [...load, ...extra],
    targets,
    bounds: all,
  };
}

/** The same with the cores of client and target fixed: the figure of a wake-up. */
const onCores = (write, depth, bounds = {}) =>
  [
    [', one core', 'one'],
    [', a core each', 'two'],
  ].map(([label, cores]) => entry(4 * KIB, write, depth, { label, cores, bounds }));

/** Of one command at a time, wherever it runs. */
const LONE = { throughput: 1.0, minimal: 0.85 };

const sequential = { sequential: true };
const sessions = (count, more = {}) => ({
  group: 'Sessions',
  extra: ['--sessions', String(count)],
  label: `, ${count} sessions`,
  ...more,
});
const digests = (more = {}) => ({
  group: 'Header and data digests',
  extra: ['--digests'],
  label: ', digests',
  bounds: { throughput: 2.5 },
  ...more,
});

const DEPTHS = [
  entry(4 * KIB, 0, 1, { quick: true, bounds: LONE }),
  ...onCores(0, 1, LONE),
  entry(4 * KIB, 0, 8, { quick: true, bounds: { throughput: 1.8 } }),
  entry(4 * KIB, 0, 32, {
    quick: true,
    bounds: { throughput: 4.0, cpu: 0.25, minimal: 0.65 },
  }),
  ...onCores(0, 32),
  entry(4 * KIB, 0, 128, { quick: true, bounds: { throughput: 5.0 } }),
  entry(4 * KIB, 100, 1, { bounds: LONE }),
  ...onCores(100, 1, LONE),
  entry(4 * KIB, 100, 8, { quick: true, bounds: { throughput: 1.8 } }),
  entry(4 * KIB, 100, 32, {
    quick: true,
    bounds: { throughput: 4.0, cpu: 0.25, minimal: 0.65 },
  }),
  entry(4 * KIB, 100, 128, { quick: true, bounds: { throughput: 5.0 } }),
  entry(4 * KIB, 30, 8),
  entry(4 * KIB, 30, 32, { quick: true }),
  entry(4 * KIB, 0, 1, sequential),
  entry(4 * KIB, 0, 32, { ...sequential, quick: true }),
  entry(4 * KIB, 100, 32, sequential),
];

const SIZES = [
  entry(64 * KIB, 0, 1),
  entry(64 * KIB, 0, 8),
  entry(64 * KIB, 0, 32, { quick: true, bounds: { throughput: 2.0 } }),
  entry(64 * KIB, 100, 1),
  entry(64 * KIB, 100, 32, { quick: true, bounds: { throughput: 3.0 } }),
  entry(64 * KIB, 30, 32),
  entry(64 * KIB, 0, 32, sequential),
  entry(64 * KIB, 100, 32, sequential),
  entry(MIB, 0, 1),
  entry(MIB, 0, 32, { quick: true, bounds: { throughput: 1.8 } }),
  entry(MIB, 100, 32, { quick: true, bounds: { throughput: 2.5 } }),
  entry(MIB, 30, 32),
  entry(MIB, 0, 32, sequential),
];

/** Two sessions, and beside them the same of our daemon with two data threads. */
function twoSessions(write, more = {}, bounds = {}) {
  const one = entry(4 * KIB, write, 32, sessions(2, more));
  const also = {
    ...one,
    name: `${one.name}, 2 data threads`,
    ours: 'lunsmith2',
    bounds: { ...one.bounds, ...bounds },
  };
  return { ...one, targets: [...one.targets, 'lunsmith2'], also };
}

const SESSIONS = [
  twoSessions(0, { quick: true }, { throughput: 9.0 }),
  twoSessions(100),
  entry(64 * KIB, 0, 8, sessions(2)),
  entry(64 * KIB, 100, 8, sessions(2)),
  entry(4 * KIB, 0, 8, sessions(4)),
  entry(4 * KIB, 0, 32, sessions(4)),
  entry(4 * KIB, 100, 32, sessions(4)),
  entry(4 * KIB, 0, 8, sessions(16)),
  entry(4 * KIB, 0, 32, sessions(16)),
];

const DIGESTS = [
  entry(4 * KIB, 0, 32, digests({ quick: true })),
  entry(4 * KIB, 100, 32, digests()),
  entry(64 * KIB, 0, 32, digests()),
  entry(64 * KIB, 100, 32, digests()),
  entry(MIB, 0, 32, digests()),
];

const ram = { group: 'Memory', medium: 'ram', label: ', memory' };
const nothing = {
  group: 'Memory',
  medium: 'null',
  targets: ['tgt', 'lunsmith', 'minimal'],
  label: ', null of tgt',
};
const MEMORY = [
  entry(4 * KIB, 0, 32, nothing),
  entry(4 * KIB, 100, 32, nothing),
  entry(64 * KIB, 0, 32, nothing),
  entry(4 * KIB, 0, 1, ram),
  entry(4 * KIB, 0, 32, { ...ram, quick: true }),
  entry(4 * KIB, 100, 32, ram),
  entry(64 * KIB, 0, 32, ram),
  entry(64 * KIB, 100, 32, ram),
  entry(MIB, 0, 32, ram),
  entry(MIB, 100, 32, ram),
];

const cold = (throughput, more = {}) => ({
  group: 'Cold file',
  medium: 'cold',
  label: ', cold file',
  bounds: { throughput },
  ...more,
});
const COLD = [
  entry(4 * KIB, 0, 1, cold(1.0, { quick: true })),
  entry(4 * KIB, 0, 8, cold(1.0)),
  entry(4 * KIB, 0, 32, cold(1.3, { quick: true })),
  entry(4 * KIB, 0, 128, cold(1.0)),
];

/** Without istgt, which knows 64 LUNs for each target. */
const thousand = {
  group: '1,000 LUNs',
  label: ', 1,000 LUNs',
  extra: ['--luns', '1000'],
  medium: 'many',
  targets: ['tgt', 'lunsmith', 'minimal'],
};
const THOUSAND = [entry(4 * KIB, 0, 32, thousand), entry(4 * KIB, 100, 32, thousand)];

/** Everything with everything, as far as it is not above: for a long quiet night. */
function everything() {
  const sizes = [4 * KIB, 64 * KIB, MIB];
  const mixes = [0, 100, 30];
  const all = { all: true, bounds: {} };
  const cases = sizes.flatMap((bytes) =>
    mixes.flatMap((write) => [
      ...[1, 8, 32, 128].flatMap((depth) => [
        entry(bytes, write, depth, all),
        entry(bytes, write, depth, { ...all, sequential: true }),
      ]),
      ...[2, 4, 16].map((count) => entry(bytes, write, 32, sessions(count, all))),
      entry(bytes, write, 1, digests(all)),
      entry(bytes, write, 32, digests(all)),
      entry(bytes, write, 1, { ...ram, ...all }),
      entry(bytes, write, 32, { ...ram, ...all }),
      entry(bytes, write, 32, cold(0, all)),
    ]),
  );
  return cases.filter(({ name }) => !NAMED.some((known) => known.name === name));
}

/** @type {readonly Case[]} */
const NAMED = [...DEPTHS, ...SIZES, ...SESSIONS, ...DIGESTS, ...MEMORY, ...COLD, ...THOUSAND];

/** @type {readonly Case[]} */
export const CASES = [...NAMED, ...everything()];

const fitsOne = (name, text) =>
  text.startsWith('=') ? name === text.slice(1) : name.includes(text);

/** What is named is found among all; `=NAME` is exactly that one, `A|B` either. */
export function chosenCases({ only, quick, all }) {
  if (only.length === 0) return CASES.filter((each) => (quick ? each.quick : all || !each.all));
  const fits = (name) =>
    only.every((text) => text.split('|').some((either) => fitsOne(name, either)));
  return CASES.filter(({ name, also }) => fits(name) || (also && fits(also.name)));
}
