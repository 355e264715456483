/** The screen of `top`: two lists in the size of the terminal. */
import { formatSize } from '../util/sizes.ts';
import { sorted, type Rate, type Rates, type SortKey } from './rates.ts';
import type { Painter } from './style.ts';

export interface TopOptions {
  readonly columns: number;
  readonly rows: number;
  readonly sort: SortKey;
  readonly painter: Painter;
  /** What the first line says at its end. */
  readonly note: string;
}

const HEAD = ['IOPS', 'READ/s', 'WRITE/s', 'LATENCY', 'QUEUE'] as const;
const CELL = 11;
const NAME_MIN = 12;

const fixed = (n: number) => (n >= 100 || n === 0 ? n.toFixed(0) : n.toFixed(1));
const bytes = (n: number) => formatSize(Math.round(n)).replace(' bytes', 'B');

function latency(ms: number): string {
  if (ms === 0) return '-';
  return ms < 1 ? `${(ms * 1000).toFixed(0)}us` : `${fixed(ms)}ms`;
}

/** `session+`: the session's own limit, and others too. */
function limitText({ limitedBy = [] }: Rate): string {
  const [first = '-', ...others] = limitedBy;
  return others.length > 0 ? `${first}+` : first;
}

/** `limits`: some limit held something back since its counters began. */
const cells = (rate: Rate, limits: boolean): readonly string[] => [
  fixed(rate.iops),
  bytes(rate.readRate),
  bytes(rate.writeRate),
  latency(rate.latencyMs),
  String(rate.queued),
  ...(limits ? [limitText(rate)] : []),
];

/** The end of a name tells more than its middle. */
function shortened(name: string, width: number): string {
  if (name.length <= width) return name.padEnd(width);
  const side = Math.floor((width - 3) / 2);
  return `${name.slice(0, width - 3 - side)}...${name.slice(-side)}`;
}

function row(name: string, values: readonly string[], columns: number): string {
  const width = Math.max(NAME_MIN, columns - CELL * values.length);
  const text = shortened(name, width) + values.map((value) => value.padStart(CELL)).join('');
  return text.slice(0, columns);
}

function list(title: string, rates: readonly Rate[], room: number, options: TopOptions): string[] {
  const { columns, painter, sort } = options;
  const limits = rates.some(({ limitedBy }) => limitedBy !== undefined);
  const titles = limits ? [...HEAD, 'LIMITED'] : HEAD;
  const head = painter.bold(row(title, titles, columns));
  const shown = sorted(rates, sort).slice(0, Math.max(0, room - 1));
  const lines = shown.map((rate) => row(rate.name, cells(rate, limits), columns));
  return [head, ...(lines.length === 0 && room > 1 ? ['(none)'] : lines)];
}

/** At most `rows` lines of at most `columns` columns. */
export function topScreen({ luns, sessions }: Rates, options: TopOptions): readonly string[] {
  const { columns, rows, sort, note } = options;
  const all = [...luns];
  const sum = (value: (rate: Rate) => number) => all.reduce((total, one) => total + value(one), 0);
  const total =
    `${fixed(sum(({ iops }) => iops))} IOPS, read ${bytes(sum(({ readRate }) => readRate))}/s, ` +
    `write ${bytes(sum(({ writeRate }) => writeRate))}/s, ${sum(({ queued }) => queued)} queued`;
  // Title, blank line, blank line.
  const room = Math.max(4, rows - 3);
  const forSessions = Math.min(sessions.length + 2, Math.max(2, Math.floor(room / 2)));
  const lines = [
    `${total}  sorted by ${sort}  ${note}`.slice(0, columns),
    '',
    ...list('STORAGE OBJECT', luns, room - forSessions, options),
    '',
    ...list('SESSION', sessions, forSessions, options),
  ];
  return lines.slice(0, rows);
}
