/** Engine events as lines of the daemon's log. */
import { statesText } from './state_requests.ts';
import type { EngineEvent } from '../objects/engine_port.ts';
import { LOG_LEVELS, type Log, type LogLevel, type LogRecord, type LogSink } from '../util/log.ts';
import type { Clock } from '../util/clock.ts';

/** Peers log in, and fail to, as fast as they like; more lines in a period are counted only. */
const MAX_EVENT_LINES = 20;
/** Of each channel of the engine's own log. */
const MAX_CHANNEL_LINES = 100;
const PERIOD_MS = 10_000;

export interface EngineLogOptions {
  readonly log: Log;
  readonly sink: LogSink;
  readonly threshold: LogLevel;
  readonly clock: Clock;
}

/** A listener for `EnginePort.onEvent`. */
export function engineLogger(options: EngineLogOptions): (event: EngineEvent) => void {
  const { log, sink, threshold, clock } = options;
  const floor = LOG_LEVELS.indexOf(threshold);
  const refusals = new LineLimit(
    log.channel('login'),
    clock,
    MAX_EVENT_LINES,
    'logins were refused',
  );
  const sessions = new LineLimit(
    log.channel('session'),
    clock,
    MAX_EVENT_LINES,
    'sessions came or went',
  );
  const states = new LineLimit(
    log.channel('alua'),
    clock,
    MAX_EVENT_LINES,
    'states were asked for',
  );
  const channels = new Map<string, LineLimit>();
  const own = (record: LogRecord) => {
    let limit = channels.get(record.channel);
    if (limit === undefined) {
      limit = new LineLimit(log.channel(record.channel), clock, MAX_CHANNEL_LINES, 'lines');
      channels.set(record.channel, limit);
    }
    limit.run(() => sink(record));
  };
  return (event) => {
    switch (event.type) {
      case 'log':
        if (LOG_LEVELS.indexOf(event.record.level) >= floor) own(event.record);
        return;
      case 'loginRefused': {
        const { rule, initiator, target, address, statusClass, statusDetail } = event;
        const status = hexStatus(statusClass, statusDetail);
        const fields = { initiator, target, address, status };
        refusals.run((to) => to.warn(`login refused: ${rule}`, fields));
        return;
      }
      case 'session': {
        const { sid, initiator, target, type } = event.session;
        const text = `${type.toLowerCase()} session ${event.change}`;
        sessions.run((to) => to.info(text, { sid, initiator, target }));
        return;
      }
      case 'aluaStatesAsked': {
        const { initiator, storageObject } = event;
        const fields = { initiator, storageObject, states: statesText(event) };
        states.run((to) => to.info('an initiator asks for access states', fields));
        return;
      }
      case 'health':
        // The storage layer has logged it with its cause.
        return;
    }
  };
}

/** Writes so many lines in a period, then one that counts the rest. */
class LineLimit {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #max: number;
  readonly #what: string;
  #written = 0;
  #left = 0;
  #since = -Infinity;

  constructor(log: Log, clock: Clock, max: number, what: string) {
    this.#log = log;
    this.#clock = clock;
    this.#max = max;
    this.#what = what;
  }

  run(write: (log: Log) => void): void {
    const now = this.#clock.nowMs();
    if (now - this.#since >= PERIOD_MS) {
      this.#summary();
      this.#since = now;
      this.#written = 0;
    }
    if (this.#written < this.#max) {
      this.#written++;
      write(this.#log);
    } else if (this.#left++ === 0) {
      this.#clock.after(this.#since + PERIOD_MS - now, () => this.#summary());
    }
  }

  #summary(): void {
    if (this.#left > 0) this.#log.warn(`${this.#left} more ${this.#what}`);
    this.#left = 0;
  }
}

/** RFC 7143 §11.13.5 writes class and detail as four digits, `0201`. */
function hexStatus(statusClass: number, statusDetail: number): string {
  return ((statusClass << 8) | statusDetail).toString(16).padStart(4, '0');
}
