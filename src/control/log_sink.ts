/** The daemon's log on stderr: readable lines, or JSON lines by pino for machines. */
import { writeSync } from 'node:fs';
import { pino } from 'pino';
import type { LogFields, LogRecord, LogSink } from '../util/log.ts';

export const LOG_FORMATS = ['text', 'json'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** Secrets are no fields; should one ever become one, it stays hidden. */
const REDACTED = ['password', 'mutual_password', 'secret'];
const STDERR = 2;

/** Writes synchronously: the last line before a crash is the one that matters. */
export function stderrSink(format: LogFormat): LogSink {
  return format === 'json' ? jsonSink() : textSink((line) => writeQuietly(line));
}

function jsonSink(): LogSink {
  const logger = pino(
    {
      base: { pid: process.pid },
      level: 'debug',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: REDACTED,
    },
    pino.destination({ fd: STDERR, sync: true }),
  );
  return ({ level, channel, message, fields }) => logger[level]({ channel, ...fields }, message);
}

/** Lines go to `write`, each ending in a newline. */
export function textSink(write: (line: string) => void, now = () => new Date()): LogSink {
  return (record) => write(`${now().toISOString()} ${textOf(record)}\n`);
}

function textOf({ level, channel, message, fields }: LogRecord): string {
  const head = `${level.padEnd(5)} ${channel}: ${printable(message)}`;
  return head + textOfFields(fields);
}

function textOfFields(fields: LogFields): string {
  let text = '';
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const shown = REDACTED.includes(name) ? '********' : fieldText(String(value));
    text += ` ${name}=${shown}`;
  }
  return text;
}

function fieldText(value: string): string {
  return /^[\x21\x23-\x7e]+$/.test(value) ? value : printable(JSON.stringify(value));
}

/** What peers sent must not forge lines or move the cursor of who reads the log. */
function printable(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are exactly what is escaped
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, (c) => {
    return `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

function writeQuietly(line: string): void {
  try {
    writeSync(STDERR, line);
  } catch {
    // Whoever read our stderr has gone: serving disks goes on.
  }
}
