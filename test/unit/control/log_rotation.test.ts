import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { rotating } from '../../../src/control/log_rotation.ts';
import type { LogRecord } from '../../../src/util/log.ts';

let folder: string;
let logFile: string;
let fd: number;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'log-'));
  logFile = join(folder, 'control.log');
  fd = openSync(logFile, 'a', 0o600);
});
afterEach(() => {
  closeSync(fd);
  rmSync(folder, { recursive: true, force: true });
});

const record = (message: string): LogRecord => {
  return { level: 'info', channel: 'x', message, fields: {} };
};
const writer = ({ message }: LogRecord) => void writeSync(fd, `${message}\n`);
const LINE = 'y'.repeat(99);

test('a log that grows without end takes twice its limit at most, newest lines kept', () => {
  const sink = rotating(writer, { fd, logFile, maxBytes: 50_000 });
  for (let i = 0; i < 5_000; i++) sink(record(LINE));
  sink(record('the last'));
  const slack = 256 * 100;
  expect(statSync(logFile).size).toBeLessThan(50_000 + slack);
  expect(statSync(`${logFile}.1`).size).toBeLessThan(50_000 + slack);
  expect(statSync(`${logFile}.1`).size).toBeGreaterThan(50_000);
  expect(statSync(`${logFile}.1`).mode & 0o777).toBe(0o600);
  expect(readFileSync(logFile, 'utf8').endsWith('the last\n')).toBe(true);
  // Cut, then appended to: no hole before the first line.
  expect(readFileSync(logFile, 'utf8').startsWith('yyy')).toBe(true);
});

test("a file that is not the daemon's own log is never cut", () => {
  const other = join(folder, 'other.log');
  const sink = rotating(writer, { fd, logFile: other, maxBytes: 1_000 });
  for (let i = 0; i < 600; i++) sink(record(LINE));
  expect(statSync(logFile).size).toBe(60_000);
});
