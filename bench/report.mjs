// Medians, ratios, the table, and which bounds are missed.
import { BOUND_ISTGT } from './cases.mjs';

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Ratios round by round: what disturbs the machine disturbs both halves of a pair. */
function ratio(rounds, target, other, field) {
  const pairs = rounds.filter((round) => round[target] && round[other]);
  return median(pairs.map((round) => round[target][field] / round[other][field]));
}

const FIELDS = ['perSecond', 'cpuMicros', 'p50', 'p99', 'p999', 'clientBusy'];

/** One case's rounds, `{tgt: sample, lunsmith: sample, …}` each, as one record. */
export function summarise(oneCase, rounds) {
  const targets = {};
  for (const name of [...oneCase.targets, 'beside']) {
    const samples = rounds.map((round) => round[name]).filter(Boolean);
    if (samples.length === 0) continue;
    targets[name] = {};
    for (const field of FIELDS) targets[name][field] = median(samples.map((each) => each[field]));
  }
  const ratios = {
    throughput: ratio(rounds, 'lunsmith', 'tgt', 'perSecond'),
    cpu: ratio(rounds, 'lunsmith', 'tgt', 'cpuMicros'),
    istgt: ratio(rounds, 'lunsmith', 'istgt', 'perSecond'),
    minimal: ratio(rounds, 'lunsmith', 'minimal', 'perSecond'),
    beside: ratio(rounds, 'lunsmith', 'beside', 'perSecond'),
    besideCpu: ratio(rounds, 'lunsmith', 'beside', 'cpuMicros'),
  };
  return { name: oneCase.name, rounds: rounds.length, targets, ratios, missed: missed() };

  function missed() {
    const { throughput, cpu, minimal } = oneCase.bounds ?? {};
    const found = [];
    if (throughput !== undefined && ratios.throughput < throughput) {
      found.push(`throughput ${ratios.throughput.toFixed(2)} times tgt, bound ${throughput}`);
    }
    if (cpu !== undefined && ratios.cpu > cpu) {
      found.push(`CPU ${ratios.cpu.toFixed(2)} times tgt, bound ${cpu}`);
    }
    if (minimal !== undefined && ratios.minimal < minimal) {
      found.push(`${ratios.minimal.toFixed(2)} times the minimal target, bound ${minimal}`);
    }
    if (ratios.istgt < BOUND_ISTGT) found.push(`${ratios.istgt.toFixed(2)} times istgt`);
    return found;
  }
}

const number = (value) => Math.round(value).toLocaleString('en-US');
const times = (value) => (Number.isFinite(value) ? value.toFixed(2) : '');
const micros = (value) => (value >= 100 ? number(value) : value.toFixed(1));

export const HEADING =
  '| case | tgt/s | istgt | minimal C | lunsmith/s | × tgt | CPU × tgt | µs CPU: tgt, ours | ' +
  'of C | ours p50 / p99 / p99.9 µs | tgt p99 µs |\n' +
  '|---|---|---|---|---|---|---|---|---|---|---|';

export function row({ name, targets, ratios }) {
  const { tgt, istgt, minimal, lunsmith } = targets;
  const rate = (each) => (each === undefined ? '' : number(each.perSecond));
  const cpu = [tgt, lunsmith].map((each) => (each ? micros(each.cpuMicros) : '–')).join(', ');
  const latency = lunsmith
    ? [lunsmith.p50, lunsmith.p99, lunsmith.p999].map(micros).join(' / ')
    : '';
  const cells = [
    name,
    rate(tgt),
    rate(istgt),
    rate(minimal),
    rate(lunsmith),
    times(ratios.throughput),
    times(ratios.cpu),
    cpu,
    times(ratios.minimal),
    latency,
    tgt ? micros(tgt.p99) : '',
  ];
  return `| ${cells.join(' | ')} |${comparison(targets.beside, ratios)}`;
}

/** Against another build of ours, in the same rounds. */
function comparison(beside, ratios) {
  if (beside === undefined) return '';
  const there = `${number(beside.perSecond)}/s, ${micros(beside.cpuMicros)} µs CPU`;
  const here = `throughput × ${times(ratios.beside)}, CPU × ${times(ratios.besideCpu)}`;
  return `\n|   beside: ${there}; ${here} |`;
}
