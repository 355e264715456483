// Results as Markdown: the same text on the terminal and in docs/PERFORMANCE.md.
import { REASONS } from './reasons.mjs';
import { lackingOf, ordered } from './saved.mjs';
import { DISTURBED, WIDE } from './statistics.mjs';

const number = (value) => Math.round(value).toLocaleString('en-US');
const times = (value) => (Number.isFinite(value) ? value.toFixed(2) : '');
const micros = (value) => (value >= 100 ? number(value) : value.toFixed(1));
/** A part of 1; nothing where there is none. */
export const percent = (part) => (part === undefined ? '' : `${Math.round(100 * part)} %`);
/** A row of a table of Markdown. */
export const line = (cells) => `| ${cells.join(' | ')} |`;

/** Rows of cells as a table of Markdown. */
export function table(heading, rows) {
  return [line(heading), line(heading.map(() => '---')), ...rows.map(line)].join('\n');
}

const COLUMNS = [
  'case',
  'tgt/s',
  'istgt/s',
  'minimal C/s',
  'lunsmith/s',
  '× tgt',
  '× istgt',
  '× C',
  'CPU × tgt',
  'µs CPU: tgt, ours',
  'ours: p50 / p99 / p99.9 µs',
  'tgt: p50 / p99 / p99.9 µs',
];
export const HEADING = table(COLUMNS, []);

const latencies = (each) =>
  each === undefined ? '' : [each.p50, each.p99, each.p999].map(micros).join(' / ');

/** What is beside the name of a case whose ratios are to be read with care. */
const MARKS = [
  {
    mark: '~',
    fits: ({ spread }) => spread > WIDE,
    why: `the middle half of the rounds is wider than ${percent(WIDE)} of their median`,
  },
  {
    mark: '!',
    fits: ({ elsewhere }) => elsewhere > DISTURBED,
    why: `something else took more than ${percent(DISTURBED)} of the machine`,
  },
  {
    mark: '…',
    fits: ({ lacking }) => lacking > 0,
    why: 'the run was cut before all of its rounds',
  },
];
const marked = (result) =>
  [result.name, ...MARKS.filter(({ fits }) => fits(result)).map(({ mark }) => mark)].join(' ');

function cells(result) {
  const { ours, targets, ratios } = result;
  const { tgt, istgt, minimal, [ours]: own } = targets;
  const rate = (each) => (each === undefined ? '' : number(each.perSecond));
  const cpu = [tgt, own].map((each) => (each ? micros(each.cpuMicros) : '–')).join(', ');
  return [
    marked(result),
    rate(tgt),
    rate(istgt),
    rate(minimal),
    rate(own),
    times(ratios.throughput),
    times(ratios.istgt),
    times(ratios.minimal),
    times(ratios.cpu),
    cpu,
    latencies(own),
    latencies(tgt),
  ];
}

/** One line of the table, and one more where another build of ours took part. */
export function row(result) {
  const { targets, ratios } = result;
  const own = line(cells(result));
  if (targets.beside === undefined) return own;
  const there = `${number(targets.beside.perSecond)}/s, ${micros(targets.beside.cpuMicros)} µs CPU`;
  const here = `throughput × ${times(ratios.beside)}, CPU × ${times(ratios.besideCpu)}`;
  return [own, line([`  beside: ${there}; ${here}`])].join('\n');
}

/** All that `--check` asks for, of every part of a report, as records of `judge`. */
function allBounds({ results, iser, fairness }) {
  const of = (name) => (bound) => ({ name, ...bound });
  return [
    ...results.flatMap(({ name, bounds }) => bounds.map(of(name))),
    ...(iser ?? []).flatMap(({ name, bounds }) => bounds.map(of(`iSER: ${name}`))),
    ...(fairness ?? []).flatMap(({ name, bounds }) => bounds.map(of(`fair share: ${name}`))),
  ];
}

const measured = (value) => (Number.isFinite(value) ? value.toFixed(2) : 'not measured');
const target = ({ bound, least }) => `${least ? '≥' : '≤'} ${bound.toFixed(2)}`;

/** One line for each bound that was not reached. */
export const missedLines = (report) =>
  allBounds(report)
    .filter(({ met }) => !met)
    .map(({ name, what, ...rest }) => `${name}: ${what} ${measured(rest.value)}, ${target(rest)}`);

/** The many bounds of one kind as a line: how many are met, and the narrowest. */
function together(bounds, key, title) {
  const some = bounds.filter((each) => each.key === key);
  if (some.length === 0) return [];
  const worst = some.toSorted((a, b) => (a.value || 0) - (b.value || 0))[0];
  const met = some.filter((each) => each.met).length;
  return [
    [title, `${met} of ${some.length} cases`, measured(worst.value), target(worst), worst.name],
  ];
}

function boundsPart(report) {
  const bounds = allBounds(report);
  const single = bounds.filter(({ key }) => key !== 'istgt' && key !== 'echo');
  const rows = single.map(({ name, what, value, met, ...rest }) => [
    name,
    what,
    measured(value),
    target(rest),
    met ? 'yes' : '**no**',
  ]);
  const many = [
    ...together(bounds, 'istgt', 'never slower than istgt'),
    ...together(bounds, 'echo', 'generator at twice our figure'),
  ];
  const parts = ['### Bounds of `--check`'];
  if (rows.length > 0) parts.push(table(['case', 'what', 'measured', 'bound', 'met'], rows));
  if (many.length > 0) {
    parts.push(table(['of all cases', 'met', 'least', 'bound', 'the least is'], many));
  }
  return [...parts, ...whyPart(bounds)];
}

/** For each bound that is missed, what is known of why; several may share a reason. */
function whyPart(bounds) {
  const missed = bounds.filter(({ met }) => !met);
  if (missed.length === 0) return ['All are met.'];
  const byReason = new Map();
  for (const each of missed) {
    const known = REASONS.find(({ fits }) => fits(each));
    const why =
      known?.why ?? 'no reason is recorded: `node bench/profile.mjs --only "…"` shows the profile.';
    byReason.set(why, [...(byReason.get(why) ?? []), each]);
  }
  const lines = [...byReason].map(([why, all]) => {
    const which = all.map(({ name, what, value, ...rest }) => {
      return `  - ${name}: ${what} ${measured(value)}, bound ${target(rest)}`;
    });
    return [`- ${why.charAt(0).toUpperCase()}${why.slice(1)}`, ...which].join('\n');
  });
  return ['Not met, why, and what would cure it:', lines.join('\n')];
}

function casesPart({ results }) {
  const groups = [...new Set(results.map(({ group }) => group))];
  return groups.flatMap((group) => {
    const rows = results.filter((each) => each.group === group).map(cells);
    return [`### ${group}`, table(COLUMNS, rows)];
  });
}

function generatorPart({ results }) {
  const proofs = results.filter(({ targets, ours }) => targets.echo && targets[ours]);
  if (proofs.length === 0) return [];
  const rows = proofs.map(({ name, targets, ours, ratios }) => [
    name,
    number(targets.echo.perSecond),
    times(ratios.echo),
    percent(targets[ours].clientBusy),
    micros((targets.echo.clientBusy / targets.echo.perSecond) * 1e6),
  ]);
  const heading = [
    'case',
    'echo/s',
    '× ours',
    'of a core beside ours',
    'µs CPU of the generator per command',
  ];
  return ['### The load generator beside a target that does nothing', table(heading, rows)];
}

function witnessPart({ witnesses }) {
  if (!witnesses?.length) return [];
  const rows = witnesses.map(({ name, targets, ratios }) => [
    name,
    ...['tgt', 'istgt', 'lunsmith'].map((each) =>
      targets[each] === undefined ? '' : number(targets[each]),
    ),
    times(ratios.tgt),
    times(ratios.istgt),
  ]);
  const heading = ['foreign initiator', 'tgt/s', 'istgt/s', 'lunsmith/s', '× tgt', '× istgt'];
  return ['### By foreign initiators', table(heading, rows)];
}

function iserPart({ iser }) {
  if (!iser?.length) return [];
  const rows = iser.map(({ name, mebibytes, share, target: own, initiator }) => [
    name,
    number(mebibytes),
    times(share),
    micros(own),
    micros(initiator),
  ]);
  const heading = ['load', 'MiB/s', '× TCP', 'µs CPU: target', 'µs CPU: initiator'];
  return ['### iSER beside TCP, one daemon, an initiator of our own', table(heading, rows)];
}

const FAIRNESS_COLUMNS = [
  'case',
  'target',
  'depth 1 alone/s',
  'beside depth 128',
  'the deep one/s',
  'of its fair share',
  'p50 alone / p50 / p99 µs',
];
export const FAIRNESS_HEADING = table(FAIRNESS_COLUMNS, []);

const fairnessCells = (one) => [
  one.name,
  one.target,
  number(one.alone),
  number(one.beside),
  number(one.deep),
  one.share.toFixed(2),
  [one.p50Alone, one.p50, one.p99].map(micros).join(' / '),
];
export const fairnessRow = (one) => line(fairnessCells(one));

function fairnessPart({ fairness }) {
  if (!fairness?.length) return [];
  const rows = fairness.map(fairnessCells);
  return ['### A session of depth 1 beside one of depth 128', table(FAIRNESS_COLUMNS, rows)];
}

/** Whatever of the parts a report has. */
export const partsOf = (report) => [
  ...witnessPart(report),
  ...iserPart(report),
  ...fairnessPart(report),
];

/**
 * Reports of several runs as one: a later one's cases and parts replace an earlier one's. What any
 * of them was to measure, this one was to.
 */
export function merged(reports) {
  const [{ run: first }, ...others] = reports;
  const planned = (key) => [...new Set(reports.flatMap(({ run }) => run[key] ?? []))];
  const run = { ...first, cases: planned('cases'), parts: planned('parts') };
  const results = ordered(reports.flatMap((each) => each.results));
  return { ...Object.assign({}, ...reports), results, run, others };
}

/** What a run that was cut has not measured, as a line for the reader. */
export function lackingLines(report) {
  const { cases, parts } = lackingOf(report);
  const all = [...cases, ...parts.map((part) => `the part \`--${part}\``)];
  return all.length === 0 ? [] : [`Not measured, or not in full: ${all.join('; ')}.`];
}

/** What ran where; nothing of it names a day or a machine. */
function machineLine({ machine, run, others = [] }) {
  const [median, most] = [run.elsewhere, run.elsewhereMost].map(percent);
  const quiet = Number.isFinite(run.elsewhere)
    ? " Everything beside target and generator, the kernel's threads among it, took " +
      `${median} of the machine (median of all runs; ${most} in one of ten).`
    : '';
  const more = others.map((each) => `${each.run.rounds} of ${each.run.seconds} s`);
  const apart = more.length > 0 ? ` (some cases, in runs of their own: ${more.join(', ')})` : '';
  return (
    `Medians of ${run.rounds} rounds of ${run.seconds} s${apart}, ${run.warmup} s of warming up ` +
    `before each. ${machine.cores} cores (${machine.cpu}), which client and target share, ` +
    `${machine.memory} of memory; Linux ${machine.kernel}, Node ${machine.node}, ` +
    `${machine.targets}.${quiet}`
  );
}

/** The whole report as Markdown. */
export function document(report) {
  const marks = MARKS.filter(({ fits }) => report.results.some(fits)).map(
    ({ mark, why }) => `\`${mark}\` beside a name: ${why}.`,
  );
  return [
    machineLine(report),
    ...lackingLines(report),
    ...marks,
    ...casesPart(report),
    ...boundsPart(report),
    ...generatorPart(report),
    ...partsOf(report),
  ].join('\n\n');
}
