/** The engine in as many threads as are wanted, behind one port. */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { EnginePort, RuntimeState } from '../../../objects/engine_port.ts';
import type { LogLevel } from '../../../util/log.ts';
import { startEngineThread, type EngineThread } from '../remote.ts';
import { Coordinator } from './coordinator.ts';
import { newWords } from './membership_words.ts';
import type { MemberData } from './membership.ts';

export interface ThreadsOptions {
  readonly logLevel: LogLevel;
  readonly threads: number;
  /** The preference `data_threads` that gave that number. */
  readonly wanted: string;
  /** Why there are fewer than were asked for. */
  readonly reason?: string | undefined;
  /** As in `WorkerOptions`. */
  readonly busyPoll?: Int32Array | undefined;
}

/** `onDeath` is called when a thread ends without `stop`; the others are of no use then. */
export function startEngineThreads(
  { logLevel, threads, wanted, reason, busyPoll }: ThreadsOptions,
  onDeath: (reason: Error) => void,
): EnginePort {
  const each = { logLevel, busyPoll };
  const options =
    threads === 1 ? [each] : membersOf(threads).map((member) => ({ ...each, member }));
  let dead = false;
  const died = (reason: Error): void => {
    if (!dead) onDeath(reason);
    dead = true;
  };
  const started = options.map((thread) => startEngineThread(thread, died));
  const [first, ...others] = started as [EngineThread, ...EngineThread[]];
  const engine: EnginePort = others.length === 0 ? first : new Coordinator(first, others);
  const shown = {
    'data threads': reason === undefined ? `${threads}` : `${threads} (${reason})`,
    'data threads wanted': wanted,
  };
  return endingAll(engine, started, shown);
}

/** Any two are joined by a channel; every port is to be transferred to its thread. */
export function membersOf(threads: number): MemberData[] {
  const ports = Array.from({ length: threads }, () =>
    Array.from({ length: threads }, (): MessagePort | null => null),
  );
  ports.forEach((row, a) => {
    for (let b = a + 1; b < threads; b++) {
      const { port1, port2 } = new MessageChannel();
      row[b] = port1;
      const other = ports[b];
      if (other !== undefined) other[a] = port2;
    }
  });
  const flags = new SharedArrayBuffer(4 * threads);
  const words = newWords(threads);
  return ports.map((row, self) => ({ self, ports: row, flags, words }));
}

/** None of them ends before all have stopped: they answer one another until then. */
function endingAll(
  engine: EnginePort,
  threads: readonly EngineThread[],
  shown: RuntimeState['accelerators'],
): EnginePort {
  return {
    apply: (steps, options) => engine.apply(steps, options),
    async runtime() {
      const state = await engine.runtime();
      return { ...state, accelerators: { ...state.accelerators, ...shown } };
    },
    probe: (path) => engine.probe(path),
    createFile: (path, size, sparse) => engine.createFile(path, size, sparse),
    removeFile: (path) => engine.removeFile(path),
    rescan: (storageObject) => engine.rescan(storageObject),
    kick: (sid) => engine.kick(sid),
    answerStates: (ask, held) => engine.answerStates(ask, held),
    onEvent: (listener) => engine.onEvent(listener),
    async stop(graceMs) {
      await engine.stop(graceMs);
      await Promise.all(threads.map((thread) => thread.end()));
    },
  };
}
