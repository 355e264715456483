/** The word that somebody meant. */

/** Edits between two words: insert, remove, replace or swap neighbours, each 1. */
function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  let before: number[] = [];
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(
        (previous[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (previous[j - 1] ?? 0) + (same ? 0 : 1),
      );
      // Two neighbours swapped are one slip.
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, (before[j - 2] ?? 0) + 1);
      }
      row.push(cost);
    }
    before = previous;
    previous = row;
  }
  return previous[b.length] ?? 0;
}

const plain = (word: string) => word.toLowerCase().replace(/[-_ ]/g, '');

/** Candidates that the word is the beginning of: `user` of `userid`. */
function beginning(wanted: string, candidates: readonly string[]): readonly string[] {
  return candidates.filter((candidate) => plain(candidate).startsWith(wanted));
}

/** More of them make another word. */
const SLIPS = 3;

/** The candidate nearest to `word`, if any is near enough to be meant. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  // Long input is no misspelling, and the comparison is quadratic.
  if (word.length > 64) return undefined;
  // Another number is another thing: who names lun7 does not mean lun1.
  const stem = word.replace(/\d+$/, '');
  const numbered = stem !== word;
  const candidates = [...known].filter(
    (one) => !numbered || one.replace(/\d+$/, '') !== stem || one === stem,
  );
  const wanted = plain(word);
  const [begun, another] = wanted.length < 3 ? [] : beginning(wanted, candidates);
  if (begun !== undefined && another === undefined) return begun;
  let best: string | undefined;
  let least = Math.min(SLIPS, Math.max(1, Math.floor(wanted.length / 3))) + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) > least) continue;
    const far = distance(wanted, plain(candidate));
    if (far < least) {
      best = candidate;
      least = far;
    }
  }
  return best;
}

/** `Command not found craete; did you mean create?`: the message, with the nearest word if any. */
export function withHint(message: string, word: string, known: Iterable<string>): string {
  const guess = nearest(word, known);
  if (guess === undefined) return message;
  const ends = message.endsWith('.');
  return `${message}${ends ? ' Did' : '; did'} you mean ${guess}?`;
}
