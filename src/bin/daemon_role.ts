/** `lunsmith daemon`: a daemon as a process, with signals and an exit status. */
import type { Daemon } from '../control/daemon.ts';
import { ConfigError } from '../objects/errors.ts';
import type { Log } from '../util/log.ts';
import { exitNow } from './exit_now.ts';

export interface DaemonProcess {
  readonly log: Log;
  readonly start: () => Promise<Daemon>;
  /** Tells the service manager, if there is one. */
  readonly notify: (state: string) => void;
}

/**
 * Runs until SIGTERM, SIGINT or `lunsmith stop`: exit status 0. A failure, of start or later, gives
 * 1, for systemd to restart. A second signal ends at once.
 */
export async function runDaemon({ log, start, notify }: DaemonProcess): Promise<number> {
  let daemon: Daemon | undefined;
  let signalled = false;
  const onSignal = (signal: NodeJS.Signals) => {
    if (signalled) {
      log.warn(`${signal} again: ending at once`);
      exitNow(1);
    }
    signalled = true;
    log.info(signal);
    notify('STOPPING=1');
    void daemon?.stop();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  // The terminal that started it may close: no reason to end.
  process.on('SIGHUP', () => log.info('SIGHUP: nothing to do'));
  const onBug = (error: unknown) => {
    const stack = error instanceof Error ? error.stack : String(error);
    log.error('internal error: ending', { stack });
    exitNow(1);
  };
  process.on('uncaughtException', onBug);
  process.on('unhandledRejection', onBug);
  try {
    daemon = await start();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
  if (signalled) void daemon.stop();
  // All that was saved is served now: what needs these disks may go on.
  else notify('READY=1\nSTATUS=Serving');
  const failure = await daemon.ended;
  notify('STOPPING=1');
  if (failure === undefined) return 0;
  log.error('ended by a failure', { error: failure.message });
  return exitNow(1);
}
