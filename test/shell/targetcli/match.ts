/** Which rule accounts for which difference. */
import type { Difference } from './replay.ts';
import type { Reason, Rule } from './differences.ts';

export interface Verdict {
  /** Differences with the lines that no rule accounts for. */
  readonly unexplained: readonly Difference[];
  /** Rules that accounted for nothing. */
  readonly idle: readonly Rule[];
  /** Commands that each reason accounts for, at least in part. */
  readonly counts: ReadonlyMap<Reason, number>;
}

interface Left {
  theirs: string[];
  ours: string[];
}

const goesOn = (short: string, long: string) =>
  long.startsWith(short.replace(/\.$/, '')) &&
  /^(: |; | |, )/.test(long.slice(short.replace(/\.$/, '').length));

/** Pairs of lines of which ours is theirs and more. */
function claimMore(left: Left): boolean {
  let any = false;
  for (const theirs of [...left.theirs]) {
    const ours = left.ours.find((line) => goesOn(theirs, line));
    if (ours === undefined) continue;
    left.theirs.splice(left.theirs.indexOf(theirs), 1);
    left.ours.splice(left.ours.indexOf(ours), 1);
    any = true;
  }
  return any;
}

const some = (lines: readonly string[], pattern: RegExp | undefined) =>
  pattern === undefined || lines.some((line) => pattern.test(line));

const without = (lines: readonly string[], pattern: RegExp | undefined) =>
  pattern === undefined ? [...lines] : lines.filter((line) => !pattern.test(line));

/** Takes out what the rule accounts for; whether that was anything. */
function claim(rule: Rule, difference: Difference, left: Left): boolean {
  const { command, at, theirs, ours, whole, more } = rule;
  if (left.theirs.length + left.ours.length === 0) return false;
  if (command?.test(difference.command) === false || at?.test(difference.prompt) === false) {
    return false;
  }
  if (more === true) return claimMore(left);
  if (!some(left.theirs, theirs) || !some(left.ours, ours)) return false;
  left.theirs = whole === true ? [] : without(left.theirs, theirs);
  left.ours = whole === true ? [] : without(left.ours, ours);
  return true;
}

export function judge(differences: readonly Difference[], reasons: readonly Reason[]): Verdict {
  const busy = new Set<Rule>();
  const counts = new Map<Reason, number>();
  const unexplained: Difference[] = [];
  for (const difference of differences) {
    const left: Left = { theirs: [...difference.theirs], ours: [...difference.ours] };
    for (const reason of reasons) {
      const used = reason.rules.filter((rule) => claim(rule, difference, left));
      used.forEach((rule) => busy.add(rule));
      if (used.length > 0) counts.set(reason, (counts.get(reason) ?? 0) + 1);
    }
    if (left.theirs.length + left.ours.length > 0) unexplained.push({ ...difference, ...left });
  }
  const idle = reasons.flatMap(({ rules }) => rules).filter((rule) => !busy.has(rule));
  return { unexplained, idle, counts };
}
