/** `top` and `watch`: screens that draw themselves anew until `q`. */
import { ConfigError } from '../../objects/errors.ts';
import { JSON_FLAG, type Builtin, type ShellContext } from '../builtin.ts';
import type { LiveScreen } from '../live_screen.ts';
import { ratesBetween, sorted, SORT_KEYS, type Sample, type SortKey } from '../rates.ts';
import { topScreen } from '../top_screen.ts';

const INTERVAL = {
  kind: 'uint',
  min: 1,
  max: 3600,
  unit: 'seconds',
  default: 2,
  help: 'Time between two looks.',
} as const;
const SORT_OF_KEY: Readonly<Record<string, SortKey>> = {
  i: 'iops',
  t: 'throughput',
  l: 'latency',
  d: 'queue',
  n: 'name',
};
const KEYS = 'i t l d n: sort   q: leave';
/** Without a terminal one look a moment later must do. */
const ONCE_MS = 1000;
const ROWS_WITHOUT_TERMINAL = 100;
const COLUMNS_WITHOUT_TERMINAL = 132;

async function sampleOf({ client }: ShellContext): Promise<Sample> {
  const runtime = await client.call('runtime', {});
  return { atMs: performance.now(), runtime };
}

const delay = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function topOnce(shell: ShellContext, sort: SortKey, json: boolean): Promise<void> {
  const before = await sampleOf(shell);
  await delay(ONCE_MS);
  if (json) {
    const now = await sampleOf(shell);
    const { luns, sessions } = ratesBetween(before, now);
    return shell.console.json({
      seconds: (now.atMs - before.atMs) / 1000,
      storageObjects: sorted(luns, sort),
      sessions: sorted(sessions, sort),
    });
  }
  const size = { columns: COLUMNS_WITHOUT_TERMINAL, rows: ROWS_WITHOUT_TERMINAL };
  const options = { ...size, sort, painter: shell.console.painter, note: '' };
  const lines = topScreen(ratesBetween(before, await sampleOf(shell)), options);
  shell.console.display(lines.map((line) => line.trimEnd()).join('\n'));
}

/** Exported for its test: the terminal is another's. */
export function topLive(shell: ShellContext, sort: SortKey, intervalMs: number): LiveScreen {
  let sorting = sort;
  let before: Sample | undefined;
  let now: Sample | undefined;
  return {
    intervalMs,
    draw: async ({ columns, rows }) => {
      const sample = await sampleOf(shell);
      // A key or a resize draws too: too short a period would show nothing but noise.
      if (now === undefined || sample.atMs - now.atMs >= intervalMs / 2) {
        before = now;
        now = sample;
      }
      const { painter } = shell.console;
      const rates = ratesBetween(before ?? now, now);
      return topScreen(rates, { columns, rows, sort: sorting, painter, note: KEYS });
    },
    key: (character) => {
      sorting = SORT_OF_KEY[character] ?? sorting;
    },
  };
}

const top: Builtin = {
  help:
    'Shows what the disks and sessions do at this moment.\n' +
    'IOPS, throughput, latency and commands under way, of each storage object and session,\n' +
    'refreshed until `q`. The keys i, t, l, d and n sort by IOPS, throughput, latency, queue\n' +
    'depth and name. Without a terminal it looks for one second and ends.',
  params: {
    interval: INTERVAL,
    sort: { kind: 'choice', values: SORT_KEYS, default: 'iops', help: 'What stands first.' },
    json: { ...JSON_FLAG, help: 'Look for one second and print JSON.' },
  },
  seeAlso: ['sessions', 'watch'],
  run: async ({ shell, args }) => {
    const sort = SORT_KEYS.find((key) => key === args['sort']) ?? 'iops';
    const json = args['json'] === true;
    if (json || shell.dialogs === undefined) return topOnce(shell, sort, json);
    const intervalMs = Number(args['interval'] ?? INTERVAL.default) * 1000;
    return shell.dialogs.live(topLive(shell, sort, intervalMs));
  },
};

const watch: Builtin = {
  help:
    'Runs a command that shows something again and again, until `q`.\n' +
    'The command may stand at another node: `watch /iscsi ls`. Every two seconds, or every\n' +
    'N seconds with interval=N before the command.\n' +
    '\n' +
    'Example: watch sessions list',
  params: { interval: INTERVAL },
  rest: 'command...',
  seeAlso: ['top'],
  run: async ({ shell, node, words }) => {
    const seconds = /^interval=(\d{1,4})$/.exec(words[0]?.text ?? '')?.[1];
    const command = seconds === undefined ? words : words.slice(1);
    if (command.length === 0) throw new ConfigError('Missing required parameter command');
    const intervalMs = Math.max(1, Number(seconds ?? INTERVAL.default)) * 1000;
    if (shell.dialogs === undefined) {
      throw new ConfigError('watch needs a terminal; in a script run the command itself');
    }
    // A mistake is told before the screen is taken.
    await shell.console.capture(() => shell.runReading(command, node));
    const title = command.map(({ text }) => text).join(' ');
    return shell.dialogs.live({
      intervalMs,
      draw: async ({ rows, columns }) => {
        const shown = await shell.console.capture(() => shell.runReading(command, node));
        const head = `every ${intervalMs / 1000}s: ${title}   q: leave`.slice(0, columns);
        return [head, '', ...shown.trimEnd().split('\n')].slice(0, rows);
      },
      key: () => {},
    });
  },
};

export const LIVE = { top, watch } as const;
