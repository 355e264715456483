/**
 * The engine's log: plain records handed to a sink, so that no layer below the daemon depends on a
 * logging package and a disabled level costs one comparison. Secrets never become fields.
 */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface LogRecord {
  readonly level: LogLevel;
  /** Who speaks: `login`, `portal`, `lu`, `control` … */
  readonly channel: string;
  readonly message: string;
  readonly fields: LogFields;
}

export type LogSink = (record: LogRecord) => void;

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** The same sink under another channel name. */
  channel(name: string): Log;
}

const NO_FIELDS: LogFields = {};

export function createLog(sink: LogSink, channel: string, threshold: LogLevel = 'info'): Log {
  const floor = LOG_LEVELS.indexOf(threshold);
  const at = (level: LogLevel) => {
    if (LOG_LEVELS.indexOf(level) < floor) return () => {};
    return (message: string, fields: LogFields = NO_FIELDS) =>
      sink({ level, channel, message, fields });
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    channel: (name) => createLog(sink, name, threshold),
  };
}

export const SILENT_LOG: Log = createLog(() => {}, 'silent', 'error');
