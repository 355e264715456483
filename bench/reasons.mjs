// Why a bound is missed where it is, by what the profiles say, and what would cure it. The bench
// puts these beside the bounds that a run misses; they never decide which those are.

/** @typedef {{ key: string, name: string, value: number }} Missed */

/** @type {{ fits: (missed: Missed) => boolean, why: string }[]} */
export const REASONS = [
  {
    fits: ({ value }) => !Number.isFinite(value),
    why: 'a target that the bound compares with did not take part in this run.',
  },
];
