// What a run does and in which order, and about how long that takes.
import { FILE_BYTES, filesOf } from './files.mjs';
import { WARM_UP } from './measure.mjs';

/** What is measured beside the cases: the report's field, and whose figures make it. */
export const PARTS = {
  witness: { field: 'witnesses', targets: ['tgt', 'istgt', 'lunsmith'] },
  fairness: { field: 'fairness', targets: ['tgt', 'lunsmith'] },
  // By daemons of its own.
  iser: { field: 'iser', targets: [] },
};
export const ISER = { rounds: 3, seconds: 0.6 };
export const FAIRNESS = { rounds: 3, seconds: 0.8 };

/** Who takes part in a case, of those that were asked for. */
export const participants = (oneCase, names) =>
  [...oneCase.targets, 'beside'].filter((name) => names.includes(name));

/**
 * The stages of a run, each with targets of its own. 1,000 LUNs are apart: their threads and
 * objects are beside no other case. Parts that need targets are beside the cases of the first.
 */
export function stagesOf(cases, parts) {
  const beside = parts.filter((part) => PARTS[part].targets.length > 0);
  const many = cases.filter(({ medium }) => medium === 'many');
  const others = cases.filter(({ medium }) => medium !== 'many');
  return [
    { cases: others, parts: beside },
    { cases: many, parts: [] },
  ].filter((stage) => stage.cases.length + stage.parts.length > 0);
}

/** The targets of a stage, of those that were asked for. */
export function targetsOf({ cases, parts }, names) {
  const used = new Set([
    ...cases.flatMap((one) => participants(one, names)),
    ...parts.flatMap((part) => PARTS[part].targets),
  ]);
  return names.filter((name) => used.has(name));
}

/** Seconds beside those of measuring, as a quiet machine of two cores took them. */
const START_SECONDS = 4;
const GIBIBYTE_SECONDS = 2.2;
const WARMING_SECONDS = 1.1;
const MANY_SECONDS = 14;
const BETWEEN_SECONDS = { file: 0.05, ram: 0.02, null: 0.02, cold: 0.1, many: 0.02 };
const WRITTEN_BACK_SECONDS = 1;
/** istgt takes it for each login, one after the other. */
const ISTGT_LOGIN_SECONDS = 1;
const WITNESS_SECONDS = 16;
const ISER_RUNS = 24;
const FAIRNESS_RUNS = 30;

const sessionsOf = ({ load }) => Number(load[load.indexOf('--sessions') + 1] ?? 1) || 1;

/** Of `rounds` of one case. */
export function caseSeconds(oneCase, rounds, { seconds, targets }) {
  const names = participants(oneCase, targets);
  if (rounds === 0 || names.length === 0) return 0;
  const login = names.includes('istgt') ? ISTGT_LOGIN_SECONDS * sessionsOf(oneCase) : 0.1;
  const written = oneCase.writes && oneCase.medium === 'file' ? WRITTEN_BACK_SECONDS : 0;
  const each = seconds + WARM_UP + BETWEEN_SECONDS[oneCase.medium];
  return login + written + rounds * names.length * each;
}

/** Before the first case of a stage. */
export function startSeconds(stage, targets) {
  const { disk, memory } = filesOf(stage, targets);
  const many = stage.cases.some(({ medium }) => medium === 'many') ? MANY_SECONDS : 0;
  const filled = ((disk + memory) / FILE_BYTES) * GIBIBYTE_SECONDS;
  return START_SECONDS + filled + many + WARMING_SECONDS * targetsOf(stage, targets).length;
}

const PART_SECONDS = {
  witness: ({ rounds }) => rounds * WITNESS_SECONDS,
  iser: () => ISER_RUNS * ISER.rounds * (ISER.seconds + 0.1),
  fairness: () => FAIRNESS_RUNS * FAIRNESS.rounds * (FAIRNESS.seconds + WARM_UP + 0.1),
};

/** About how long a run takes: `left(oneCase)` are the rounds that a case lacks. */
export function estimate(cases, parts, left, options) {
  const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
  return sum([
    ...stagesOf(cases, parts).map((stage) => startSeconds(stage, options.targets)),
    ...cases.map((one) => caseSeconds(one, left(one), options)),
    ...parts.map((part) => PART_SECONDS[part](options)),
  ]);
}
