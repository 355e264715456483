/** Rates between two looks at the engine's counters: what `top` shows. */
import {
  NO_IO,
  type IoCounters,
  type RuntimeState,
  type SessionInfo,
} from '../objects/engine_port.ts';
import { own } from '../objects/document.ts';
import { printable, sessionIo } from '../objects/kinds/sessions.ts';

export interface Rate {
  readonly name: string;
  /** READ and WRITE commands per second. */
  readonly iops: number;
  /** Bytes per second. */
  readonly readRate: number;
  readonly writeRate: number;
  /** Mean milliseconds from arrival to answer, of all commands of the period. */
  readonly latencyMs: number;
  /** Commands under way at this moment. */
  readonly queued: number;
  /** What held commands back in this period, the narrowest first; absent: nothing ever did. */
  readonly limitedBy?: readonly LimitName[];
}
export type LimitName = 'session' | 'acl' | 'lun';

export interface Sample {
  readonly atMs: number;
  readonly runtime: RuntimeState;
}

export interface Rates {
  readonly luns: readonly Rate[];
  readonly sessions: readonly Rate[];
}

export const SORT_KEYS = ['iops', 'throughput', 'latency', 'queue', 'name'] as const;
export type SortKey = (typeof SORT_KEYS)[number];

/** `before` absent: new since the last look. Counters that fell belong to another object. */
function rate(name: string, before: IoCounters | undefined, now: IoCounters, ms: number): Rate {
  const since = (key: keyof IoCounters) => {
    const start = before === undefined || before[key] > now[key] ? 0 : before[key];
    return now[key] - start;
  };
  const perSecond = (n: number) => (ms > 0 ? (n * 1000) / ms : 0);
  const commands = since('commands');
  return {
    name,
    iops: perSecond(since('reads') + since('writes')),
    readRate: perSecond(since('readBytes')),
    writeRate: perSecond(since('writtenBytes')),
    latencyMs: commands > 0 ? since('busyMs') / commands : 0,
    queued: now.queued,
  };
}

type Delays = Readonly<Record<LimitName, number>>;
const LIMIT_NAMES = ['session', 'acl', 'lun'] as const satisfies readonly LimitName[];

function delaysOf({ limits }: SessionInfo, { delayed }: IoCounters): Delays {
  return { session: limits?.session?.delayed ?? 0, acl: limits?.acl?.delayed ?? 0, lun: delayed };
}

function limited(before: Delays | undefined, now: Delays): Pick<Rate, 'limitedBy'> {
  if (LIMIT_NAMES.every((name) => now[name] === 0)) return {};
  return { limitedBy: LIMIT_NAMES.filter((name) => now[name] > (before?.[name] ?? 0)) };
}

const onlyLun = (io: IoCounters | undefined): Delays => ({
  session: 0,
  acl: 0,
  lun: io?.delayed ?? 0,
});

export function ratesBetween(before: Sample, now: Sample): Rates {
  const ms = now.atMs - before.atMs;
  const old = before.runtime;
  // What had no command yet has no counters.
  const luns = Object.keys(now.runtime.storageObjects).map((reference) => {
    const [then, io] = [own(old.io, reference), own(now.runtime.io, reference) ?? NO_IO];
    return { ...rate(reference, then, io, ms), ...limited(onlyLun(then), onlyLun(io)) };
  });
  const known = new Map(
    old.sessions.map((session) => {
      const io = sessionIo(session);
      return [session.sid, { io, delays: delaysOf(session, io) }];
    }),
  );
  const sessions = now.runtime.sessions
    .filter(({ type }) => type === 'Normal')
    .map((session) => {
      const from = session.connections[0]?.address ?? '';
      const name = `${session.sid} ${printable(session.initiator)} ${from}`.trimEnd();
      const [then, io] = [known.get(session.sid), sessionIo(session)];
      return { ...rate(name, then?.io, io, ms), ...limited(then?.delays, delaysOf(session, io)) };
    });
  return { luns, sessions };
}

const VALUE: Readonly<Record<Exclude<SortKey, 'name'>, (rate: Rate) => number>> = {
  iops: ({ iops }) => iops,
  throughput: ({ readRate, writeRate }) => readRate + writeRate,
  latency: ({ latencyMs }) => latencyMs,
  queue: ({ queued }) => queued,
};

/** The most first; equal ones by name. */
export function sorted(rates: readonly Rate[], key: SortKey): readonly Rate[] {
  const byName = (a: Rate, b: Rate) => a.name.localeCompare(b.name, 'en', { numeric: true });
  if (key === 'name') return [...rates].sort(byName);
  const value = VALUE[key];
  return [...rates].sort((a, b) => value(b) - value(a) || byName(a, b));
}
