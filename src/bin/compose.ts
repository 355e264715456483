/** The only file that knows every layer: it builds daemon, engine and shell for a role. */
import { existsSync, readFileSync, realpathSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { answers, checkSocketFolder } from '../control/socket_file.ts';
import type { ControlClient } from '../control/protocol.ts';
import { ConfigError } from '../objects/errors.ts';
import { busyPollMicros } from '../util/busy_poll.ts';
import { notifySystemd } from '../util/sd_notify.ts';
import { createLog, LOG_LEVELS, type LogLevel, type LogSink } from '../util/log.ts';
import type { Options } from './args.ts';
import type { CompleteRequest } from './complete_role.ts';
import { exitNow } from './exit_now.ts';
import { takeListenFd } from './listen_fds.ts';
import { offlineClient } from './offline_client.ts';
import { currentSources, logFileOf, placesOf, type Places } from './places.ts';
import { attach, openLog, startDaemon, type Attached } from './start_daemon.ts';
import { timeLimit, type TimeLimit } from './time_limit.ts';
import { packageVersion } from './version.ts';

const STOP_TIMEOUT_MS = 60_000;
const POLL_MS = 25;

export interface Program {
  /** What node runs to start a daemon. */
  readonly file: string;
  readonly options: Options;
}

/** A word of the environment that must be one of a list; empty is as good as none. */
function choiceOf<T extends string>(name: string, words: readonly T[], otherwise: T): T {
  const value = process.env[name];
  if (value === undefined || value === '') return otherwise;
  const found = words.find((word) => word === value);
  if (found === undefined)
    throw new ConfigError(`${name}=${value}: not one of ${words.join(', ')}`);
  return found;
}

const logLevel = (): LogLevel => choiceOf('LUNSMITH_LOG_LEVEL', LOG_LEVELS, 'info');

/** What sets this machine and this configuration apart from all others. */
function identityOf(configFile: string): string {
  let machine = '';
  try {
    machine = readFileSync('/etc/machine-id', 'utf8').trim();
  } catch {
    // A container without one: the file's name alone, then.
  }
  return `${machine}:${configFile}`;
}

/** Loaded on demand: a shell that attaches needs neither engine nor logging package. */
async function serve(places: Places, sink: LogSink, socketFd?: number) {
  const [{ Daemon }, { startEngineThreads }, { threadCount }] = await Promise.all([
    import('../control/daemon.ts'),
    import('../target/engine/threads/start_threads.ts'),
    import('../target/engine/threads/thread_count.ts'),
  ]);
  const level = logLevel();
  const { PreferencesStore } = await import('../shell/preferences_store.ts');
  const busyPoll = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const follow = () => {
    const { preferences } = new PreferencesStore(places.home);
    busyPoll[0] = busyPollMicros(preferences.busy_poll);
    return preferences;
  };
  const { data_threads: wanted } = follow();
  const { threads, reason } = threadCount(wanted);
  if (reason !== undefined) {
    createLog(sink, 'daemon', level).warn('one data thread only', { wanted, reason });
  }
  return Daemon.start({
    configFile: places.configFile,
    socketPath: places.socketPath,
    ...(socketFd !== undefined && { socketFd }),
    version: packageVersion(),
    identity: identityOf(places.configFile),
    sink,
    logLevel: level,
    preferences: () => ({ busy_poll: follow().busy_poll }),
    startEngine: (onDeath) =>
      startEngineThreads({ logLevel: level, threads, wanted, reason, busyPoll }, onDeath),
  });
}

export async function daemonRole({ options }: Program): Promise<number> {
  const places = placesOf(options, currentSources());
  const [{ runDaemon }, { LOG_FORMATS, stderrSink }, { rotating }] = await Promise.all([
    import('./daemon_role.ts'),
    import('../control/log_sink.ts'),
    import('../control/log_rotation.ts'),
  ]);
  const stderr = stderrSink(choiceOf('LUNSMITH_LOG_FORMAT', LOG_FORMATS, 'text'));
  const sink = rotating(stderr, { fd: 2, logFile: logFileOf(places.socketPath) });
  const log = createLog(sink, 'daemon', logLevel());
  const socketFd = takeListenFd(process.env, process.pid);
  return runDaemon({ log, start: () => serve(places, sink, socketFd), notify: notifySystemd });
}

export async function shellRole(program: Program, words: readonly string[]): Promise<number> {
  const { timeout, command, file } = program.options;
  if (timeout !== undefined && words.length === 0 && command === undefined && file === undefined) {
    if (process.stdin.isTTY) throw new ConfigError('--timeout is for commands and scripts');
  }
  const limit = timeLimit(timeout === undefined ? undefined : Number(timeout));
  try {
    const done = runShellRole(program, words, limit);
    // A target within this process is stopped in order before the process ends.
    return await (program.options.embedded ? done : Promise.race([done, limit.over]));
  } finally {
    limit.cancel();
  }
}

async function runShellRole(
  program: Program,
  words: readonly string[],
  limit: TimeLimit,
): Promise<number> {
  const places = placesOf(program.options, currentSources());
  const { runShell } = await import('./shell_role.ts');
  const run = (client: ControlClient) =>
    limit.expired
      ? limit.over
      : Promise.race([
          runShell({ ...program.options, client, home: places.home, words, limit }),
          limit.over,
        ]);
  if (program.options.embedded) return embedded(places, run);
  const { quiet = false } = program.options;
  const { client: first, info } = await attachOrStart(program.file, places, quiet);
  const { LastingClient } = await import('../control/lasting_client.ts');
  const client = new LastingClient(first, () => attachAgain(places, info.configFile));
  try {
    return await run(client);
  } finally {
    client.close();
  }
}

/** Prints what fits; a daemon is asked only if one runs. */
export async function completeRole(request: CompleteRequest): Promise<number> {
  const { completions } = await import('./complete_role.ts');
  const lines = await completions(request, async (options) => {
    const places = placesOf(options, currentSources());
    const running = await attach(places.socketPath).catch(() => undefined);
    const client = running?.client ?? offlineClient(places.configFile);
    return { client, home: places.home };
  });
  process.stdout.write(lines.map((line) => `${line}\n`).join(''));
  return 0;
}

async function attachOrStart(file: string, places: Places, quiet: boolean): Promise<Attached> {
  const running = await attach(places.socketPath);
  if (running === undefined) tellOfNewFile(places);
  const attached = running ?? (await startDaemon(file, places));
  const { info, client } = attached;
  if (places.configGiven && realName(info.configFile) !== realName(places.configFile)) {
    client.close();
    throw new ConfigError(
      `The daemon on ${places.socketPath} (pid ${info.pid}) serves ${info.configFile}, not ` +
        `${places.configFile}: give another --socket, or stop it with lunsmith stop`,
    );
  }
  if (running === undefined && !quiet) {
    process.stderr.write(
      `started the lunsmith daemon (pid ${info.pid}, configuration ${info.configFile}); ` +
        `'exit' leaves it serving\n`,
    );
  }
  return attached;
}

/** A mistyped name must not pass for an empty configuration. */
function tellOfNewFile({ configGiven, configFile }: Places): void {
  if (!configGiven || existsSync(configFile)) return;
  process.stderr.write(
    `warning: ${configFile} does not exist: starting with an empty configuration; ` +
      'saveconfig makes the file\n',
  );
}

/** After a restart of the daemon: the same configuration must be behind the same socket. */
async function attachAgain(places: Places, configFile: string) {
  const attached = await attach(places.socketPath);
  if (attached === undefined || attached.info.configFile === configFile) return attached?.client;
  attached.client.close();
  throw new ConfigError(
    `The daemon on ${places.socketPath} serves ${attached.info.configFile} now: start anew`,
  );
}

/** Two names of one file are no difference. */
function realName(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file;
  }
}

/** The daemon lives in this process and ends with the shell; its socket keeps a second one away. */
async function embedded(
  places: Places,
  run: (client: ControlClient) => Promise<number>,
): Promise<number> {
  const { textSink } = await import('../control/log_sink.ts');
  await checkSocketFolder(dirname(places.socketPath), true);
  const logFile = await openLog(logFileOf(places.socketPath));
  tellOfNewFile(places);
  const daemon = await serve(
    places,
    textSink((line) => writeSync(logFile.fd, line)),
  );
  void daemon.ended.then((failure) => {
    if (failure === undefined) return;
    process.stderr.write(`The target has failed: ${failure.message}\n`);
    exitNow(1);
  });
  const end = (signal: NodeJS.Signals) => {
    void daemon.stop().then(() => process.exit(signal === 'SIGINT' ? 130 : 143));
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, end);
  try {
    const before = await daemon.client.call('document', {});
    const status = await run(daemon.client);
    const after = await daemon.client.call('document', {});
    const targets = Object.keys(after.document.iscsi.targets).length;
    if (targets > 0) {
      const what = targets === 1 ? '1 target is' : `${targets} targets are`;
      process.stderr.write(`--embedded: ${what} no longer served after this\n`);
    }
    if (after.revision !== before.revision) {
      process.stderr.write('--embedded: changes that were not saved are gone after this\n');
    }
    return status;
  } finally {
    await daemon.stop();
    await logFile.close();
  }
}

export async function stopRole({ options }: Program): Promise<number> {
  const { socketPath } = placesOf(options, currentSources());
  const running = await attach(socketPath);
  if (running === undefined)
    throw new ConfigError(`No lunsmith daemon is running on ${socketPath}`);
  const { client, info } = running;
  await client.call('shutdown', {});
  client.close();
  const deadline = performance.now() + STOP_TIMEOUT_MS;
  while (await answers(socketPath)) {
    if (performance.now() > deadline) {
      throw new ConfigError(`The lunsmith daemon (pid ${info.pid}) has not stopped yet`);
    }
    await delay(POLL_MS);
  }
  process.stdout.write('stopped\n');
  return 0;
}
