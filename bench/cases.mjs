// What is measured: one literal per case. `bounds` are least ratios to tgt in the same round.

export const KIB = 1024;
export const MIB = 1024 * KIB;

/**
 * @typedef {object} Case
 * @property {string} name
 * @property {"file" | "ram" | "null" | "cold"} medium
 *   file: cached; cold: dropped before each run; ram: our ramdisk, a file of tmpfs of the others;
 *   null: our ramdisk again, beside tgt's null and a minimal target that moves no data
 * @property {readonly string[]} load            arguments of bench/load.c
 * @property {readonly string[]} targets         who takes part
 * @property {'one' | 'two'} [cores]             client and target share a core, or have one each
 * @property {boolean} [quick]                   part of --quick
 * @property {boolean} [all]                     part of --all only
 * @property {Bounds} [bounds]
 *
 * @typedef {object} Bounds
 * @property {number} [throughput]   at least, times tgt
 * @property {number} [cpu]          CPU per command, at most, times tgt
 * @property {number} [minimal]      at least, times the minimal C target
 */

const FILE_TARGETS = ['tgt', 'istgt', 'lunsmith', 'minimal'];
/** istgt is never to be faster, wherever it takes part. */
export const BOUND_ISTGT = 1.0;

const size = (bytes) => (bytes >= MIB ? `${bytes / MIB} MiB` : `${bytes / KIB} KiB`);

const WORDS = { 0: 'read', 100: 'write', 30: '70/30' };

/** The same with the cores of client and target fixed: the figure of a wake-up. */
const onCores = (write) =>
  [
    [', one core', 'one'],
    [', a core each', 'two'],
  ].map(([label, cores]) =>
    entry(4 * KIB, write, 1, { label, cores, bounds: { throughput: 1.0, minimal: 0.85 } }),
  );

/** A case on the cached file unless `more` says otherwise. */
function entry(bytes, write, depth, more = {}) {
  const { extra = [], label = '', sequential = false, ...rest } = more;
  const order = sequential ? 'sequential' : 'random';
  const name = `${size(bytes)} ${order} ${WORDS[write]}, depth ${depth}${label}`;
  const load = ['--size', String(bytes), '--write', String(write), '--depth', String(depth)];
  if (sequential) load.push('--sequential');
  return { name, medium: 'file', load: [...load, ...extra], targets: FILE_TARGETS, ...rest };
}

const sessions = (count, more = {}) => ({
  extra: ['--sessions', String(count)],
  label: `, ${count} sessions`,
  ...more,
});
const digests = (more = {}) => ({ extra: ['--digests'], label: ', digests', ...more });

const DEPTHS = [
  entry(4 * KIB, 0, 1, { quick: true, bounds: { throughput: 1.0, minimal: 0.85 } }),
  ...onCores(0),
  entry(4 * KIB, 0, 8, { quick: true, bounds: { throughput: 1.8 } }),
  entry(4 * KIB, 0, 32, {
    quick: true,
    bounds: { throughput: 4.0, cpu: 0.25, minimal: 0.65 },
  }),
  entry(4 * KIB, 0, 128, { quick: true, bounds: { throughput: 5.0 } }),
  entry(4 * KIB, 100, 1, { bounds: { throughput: 1.0, minimal: 0.85 } }),
  ...onCores(100),
  entry(4 * KIB, 100, 8, { bounds: { throughput: 1.8 } }),
  entry(4 * KIB, 100, 32, {
    quick: true,
    bounds: { throughput: 4.0, cpu: 0.25, minimal: 0.65 },
  }),
  entry(4 * KIB, 100, 128, { bounds: { throughput: 5.0 } }),
  entry(4 * KIB, 30, 32, { quick: true }),
  entry(4 * KIB, 0, 32, { sequential: true }),
  entry(4 * KIB, 100, 32, { sequential: true }),
];

const SIZES = [
  entry(64 * KIB, 0, 1),
  entry(64 * KIB, 0, 32, { quick: true, bounds: { throughput: 2.0 } }),
  entry(64 * KIB, 100, 32, { quick: true, bounds: { throughput: 3.0 } }),
  entry(64 * KIB, 30, 32),
  entry(MIB, 0, 32, { quick: true, bounds: { throughput: 1.8 } }),
  entry(MIB, 100, 32, { quick: true, bounds: { throughput: 2.5 } }),
  entry(MIB, 30, 8),
];

const SESSIONS = [
  entry(4 * KIB, 0, 32, sessions(2, { quick: true, bounds: { throughput: 9.0 } })),
  entry(4 * KIB, 100, 32, sessions(2)),
  entry(64 * KIB, 0, 8, sessions(2)),
  entry(4 * KIB, 0, 8, sessions(4)),
  entry(4 * KIB, 0, 8, sessions(16)),
];

const DIGESTS = [
  entry(4 * KIB, 0, 32, digests({ quick: true, bounds: { throughput: 2.5 } })),
  entry(4 * KIB, 100, 32, digests({ bounds: { throughput: 2.5 } })),
  entry(64 * KIB, 0, 32, digests({ bounds: { throughput: 2.5 } })),
  entry(64 * KIB, 100, 32, digests({ bounds: { throughput: 2.5 } })),
];

const ram = { medium: 'ram', label: ', memory' };
const nothing = { medium: 'null', targets: ['tgt', 'lunsmith', 'minimal'], label: ', null of tgt' };
const MEMORY = [
  entry(4 * KIB, 0, 32, nothing),
  entry(4 * KIB, 100, 32, nothing),
  entry(4 * KIB, 0, 32, ram),
  entry(4 * KIB, 100, 32, ram),
  entry(64 * KIB, 0, 32, ram),
  entry(MIB, 100, 32, ram),
];

const cold = (throughput) => ({ medium: 'cold', label: ', cold file', bounds: { throughput } });
const COLD = [
  entry(4 * KIB, 0, 1, cold(1.0)),
  entry(4 * KIB, 0, 8, cold(1.0)),
  entry(4 * KIB, 0, 32, { ...cold(1.3), quick: true }),
  entry(4 * KIB, 0, 128, cold(1.0)),
];

/** Without tgt: with its 16 threads for each LUN it does not get as far as 1,000 of them. */
const thousand = {
  label: ', 1,000 LUNs',
  extra: ['--luns', '1000', '--lun', '1000'],
  targets: ['lunsmith', 'minimal'],
  thousandLuns: true,
};
const THOUSAND = [entry(4 * KIB, 0, 32, thousand), entry(4 * KIB, 100, 32, thousand)];

/** Everything with everything, as far as it is not above: for a long quiet night. */
function everything() {
  const sizes = [4 * KIB, 64 * KIB, MIB];
  const mixes = [0, 100, 30];
  const all = { all: true };
  const cases = sizes.flatMap((bytes) =>
    mixes.flatMap((write) => [
      ...[1, 8, 32, 128].flatMap((depth) => [
        entry(bytes, write, depth, all),
        entry(bytes, write, depth, { ...all, sequential: true }),
      ]),
      ...[2, 4, 16].map((count) => entry(bytes, write, 32, sessions(count, all))),
      entry(bytes, write, 32, digests(all)),
      entry(bytes, write, 32, { ...ram, ...all }),
      entry(bytes, write, 32, { ...all, medium: 'cold', label: ', cold file' }),
    ]),
  );
  return cases.filter(({ name }) => !NAMED.some((known) => known.name === name));
}

/** @type {readonly Case[]} */
const NAMED = [...DEPTHS, ...SIZES, ...SESSIONS, ...DIGESTS, ...MEMORY, ...COLD, ...THOUSAND];

/** @type {readonly Case[]} */
export const CASES = [...NAMED, ...everything()];
