/** The runtime states of several data threads as one. */
import type {
  Health,
  IoCounters,
  RefusedLoginInfo,
  RuntimeState,
} from '../../../objects/engine_port.ts';
import { MAX_REFUSED_LOGINS } from '../refused_logins.ts';

/** Thread 0's state comes first. What has not changed since the last call is not merged again. */
export function mergedRuntime(): (states: readonly RuntimeState[]) => RuntimeState {
  const storageObjects = onChange(worstOf);
  const io = onChange(sumOf);
  return (states) => {
    const [first] = states;
    if (first === undefined) throw new Error('no data thread');
    return {
      ...first,
      storageObjects: storageObjects(states.map((state) => state.storageObjects)),
      io: io(states.map((state) => state.io)),
      // In the order of their logins, as one thread shows them.
      sessions: states.flatMap((state) => state.sessions).sort((a, b) => a.sid - b.sid),
      refusedLogins: latestOf(states.flatMap((state) => state.refusedLogins)),
    };
  };
}

type Records<T> = readonly Readonly<Record<string, T>>[];

function onChange<T>(
  merge: (records: Records<T>) => Readonly<Record<string, T>>,
): (records: Records<T>) => Readonly<Record<string, T>> {
  let before: Records<T> = [];
  let merged: Readonly<Record<string, T>> = {};
  return (records) => {
    if (records.some((record, at) => record !== before[at])) merged = merge(records);
    before = records;
    return merged;
  };
}

/** Well is what is well in every thread. */
function worstOf([first = {}, ...others]: Records<Health>): Readonly<Record<string, Health>> {
  const merged: Record<string, Health> = { ...first };
  for (const record of others) {
    for (const [key, health] of Object.entries(record)) {
      if (!health.ok && merged[key]?.ok !== false) merged[key] = health;
    }
  }
  return merged;
}

function sumOf(records: Records<IoCounters>): Readonly<Record<string, IoCounters>> {
  const merged: Record<string, IoCounters> = {};
  for (const record of records) {
    for (const [key, counters] of Object.entries(record)) {
      const known = merged[key];
      merged[key] = known === undefined ? counters : added(known, counters);
    }
  }
  return merged;
}

function added(a: IoCounters, b: IoCounters): IoCounters {
  const sum: Record<string, number> = { ...a };
  for (const [name, value] of Object.entries(b)) sum[name] = (sum[name] ?? 0) + Number(value);
  return sum as unknown as IoCounters;
}

/** Newest first; equal ones count as one. */
function latestOf(refused: readonly RefusedLoginInfo[]): readonly RefusedLoginInfo[] {
  const merged = new Map<string, RefusedLoginInfo>();
  for (const one of refused) {
    const { count, ageSeconds, ...what } = one;
    const key = JSON.stringify(what);
    const known = merged.get(key);
    merged.set(key, {
      ...what,
      count: count + (known?.count ?? 0),
      ageSeconds: Math.min(ageSeconds, known?.ageSeconds ?? Infinity),
    });
  }
  const sorted = [...merged.values()].sort((a, b) => a.ageSeconds - b.ageSeconds);
  return sorted.slice(0, MAX_REFUSED_LOGINS);
}
