/** The word that somebody meant. */

/** Edits between two words: insert, remove, replace, each 1. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replace = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

const plain = (word: string) => word.toLowerCase().replace(/[-_ ]/g, '');

/** The candidate nearest to `word`, if any is near enough to be meant. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  // Long input is no misspelling, and the comparison is quadratic.
  if (word.length > 64) return undefined;
  const wanted = plain(word);
  let best: string | undefined;
  let least = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of candidates) {
    const far = distance(wanted, plain(candidate));
    if (far < least) {
      best = candidate;
      least = far;
    }
  }
  return best;
}
