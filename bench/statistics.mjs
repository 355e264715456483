// The bench's own arithmetic: medians, ratios within rounds, how far rounds differ, bounds.

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Between the values at the two places around `part` of the way through; `part` from 0 to 1. */
export function quantile(values, part) {
  const sorted = values.toSorted((a, b) => a - b);
  if (sorted.length === 0) return Number.NaN;
  const place = part * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
}

/** The middle half of the values, as a part of their median: 0 when all are the same. */
export const spread = (values) =>
  (quantile(values, 0.75) - quantile(values, 0.25)) / median(values);

/** Round by round: what disturbs the machine disturbs both halves of a pair. */
export function pairRatios(rounds, target, other, field) {
  return rounds
    .filter((round) => round[target] && round[other])
    .map((round) => round[target][field] / round[other][field])
    .filter(Number.isFinite);
}

const FIELDS = ['perSecond', 'cpuMicros', 'p50', 'p99', 'p999', 'clientBusy', 'elsewhere'];
/** Rounds that differ by more are marked: the median of the next run may be another. */
export const WIDE = 0.25;
/** Of the machine: where something else takes more, client and target share a core, or wait. */
export const DISTURBED = 0.1;

/** What each bound compares: the other target, the figure, which side of the bound is good. */
const BOUNDS = {
  throughput: { beside: 'tgt', what: 'throughput × tgt', least: true },
  cpu: { beside: 'tgt', what: 'CPU per command × tgt', least: false },
  istgt: { beside: 'istgt', what: 'throughput × istgt', least: true },
  minimal: { beside: 'minimal', what: 'throughput × minimal C', least: true },
  echo: { beside: 'echo', what: 'generator beside an echo × ours', least: true },
  iser: { beside: 'TCP', what: 'throughput × TCP', least: true },
  share: { beside: 'alone', what: 'of its fair share', least: true },
};

/**
 * A figure that does not exist meets no bound: what was not measured is not reached. Only targets
 * that the user left out (`absent`) are not asked for.
 */
export function judge(bounds, ratios, absent = new Set()) {
  return Object.entries(bounds)
    .filter(([key]) => !absent.has(BOUNDS[key].beside))
    .map(([key, bound]) => {
      const { what, least } = BOUNDS[key];
      const value = ratios[key];
      const met = least ? value >= bound : value <= bound;
      return { key, what, value, bound, least, met };
    });
}

/**
 * One case's rounds, `{tgt: sample, lunsmith: sample, …}` each, as one record. `ours`: which of our
 * daemons is the case's.
 */
export function summarise(oneCase, rounds, absent = new Set()) {
  const { ours = 'lunsmith' } = oneCase;
  const targets = {};
  for (const name of new Set(rounds.flatMap((round) => Object.keys(round)))) {
    const samples = rounds.map((round) => round[name]).filter(Boolean);
    if (samples.length === 0) continue;
    targets[name] = Object.fromEntries(
      FIELDS.map((field) => [field, median(samples.map((each) => each[field]))]),
    );
  }
  const over = (other, field) => median(pairRatios(rounds, ours, other, field));
  const ratios = {
    throughput: over('tgt', 'perSecond'),
    cpu: over('tgt', 'cpuMicros'),
    istgt: over('istgt', 'perSecond'),
    minimal: over('minimal', 'perSecond'),
    echo: median(pairRatios(rounds, 'echo', ours, 'perSecond')),
    beside: over('beside', 'perSecond'),
    besideCpu: over('beside', 'cpuMicros'),
  };
  const pairs = pairRatios(rounds, ours, 'tgt', 'perSecond');
  const alone = rounds.flatMap((round) => (round[ours] ? [round[ours].perSecond] : []));
  const everyone = rounds.flatMap((round) => Object.values(round).filter(Boolean));
  const { name, group, bounds = {} } = oneCase;
  return {
    name,
    group,
    ours,
    rounds: rounds.length,
    targets,
    ratios,
    spread: spread(pairs.length > 0 ? pairs : alone),
    elsewhere: median(everyone.map((each) => each.elsewhere)),
    bounds: judge(bounds, ratios, absent),
    samples: rounds,
  };
}
