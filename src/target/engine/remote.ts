/**
 * The engine in a thread of its own: YAML of 10,000 LUNs or a slow shell must not delay one I/O.
 * Calls of `EnginePort` cross as plain messages; `worker.ts` is the other end.
 */
import { Worker, type MessagePort } from 'node:worker_threads';
import {
  ApplyError,
  type ApplyReport,
  type EngineEvent,
  type EnginePort,
} from '../../objects/engine_port.ts';
import type { Step } from '../../objects/plan.ts';
import { SYSTEM_CLOCK } from '../../util/clock.ts';
import { createLog, type LogLevel } from '../../util/log.ts';
import { endsWithin } from '../../util/within.ts';
import { Patience, patient } from './patience.ts';
import { ThreadPulse } from './thread_pulse.ts';
import type { MemberData } from './threads/membership.ts';
import {
  feedSteps,
  type JointEngine,
  RuntimeMirror,
  servedOperations,
  type RuntimePatch,
  type ServedEngine,
} from './transfer.ts';

type Operation = Exclude<keyof (EnginePort & JointEngine), 'onEvent'> | 'feed' | 'pulse';
interface Request {
  readonly id: number;
  readonly operation: Operation;
  readonly args: unknown[];
}
type Reply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string; readonly step?: Step }
  | { readonly event: EngineEvent };

export interface WorkerOptions {
  readonly logLevel: LogLevel;
  /** One of several data threads. */
  readonly member?: MemberData;
  /** Microseconds of looking for input, in memory that whoever changes it shares. */
  readonly busyPoll?: Int32Array | undefined;
}

/** An engine in a thread, which `end` takes down after `stop`. */
export interface EngineThread extends EnginePort, JointEngine {
  end(): Promise<void>;
}

/** Serve `engine` to the other end of `port`, until it closes. */
export function serveEngine(engine: ServedEngine, port: MessagePort): void {
  engine.onEvent((event) => port.postMessage({ event } satisfies Reply));
  const served = servedOperations(engine);
  port.on('message', ({ id, operation, args }: Request) => {
    const owner = Object.hasOwn(served, operation) ? served : engine;
    const call = owner[operation as keyof typeof owner] as (...args: unknown[]) => Promise<unknown>;
    call.apply(owner, args).then(
      (result) => port.postMessage({ id, result } satisfies Reply),
      (error: unknown) => port.postMessage(failure(id, error)),
    );
  });
}

function failure(id: number, error: unknown): Reply {
  const text = error instanceof Error ? error.message : String(error);
  return error instanceof ApplyError ? { id, error: text, step: error.step } : { id, error: text };
}

/** Beside this file, built or not. */
const WORKER = import.meta.url.endsWith('.ts')
  ? new URL('./worker.ts', import.meta.url)
  : new URL('./worker.js', import.meta.url);

/** What an engine takes to stop beyond the grace of its initiators, if its thread answers. */
const STOPS_WITHIN_MS = 17_000;
/** The same of a thread that has not answered for a while. */
const SILENT_STOPS_WITHIN_MS = 5_000;
/** One that waits in a call of the system cannot be ended: the process goes without it. */
const ENDS_WITHIN_MS = 2_000;

/** Start a thread with an engine. `onDeath` is called when the thread ends without `end`. */
export function startEngineThread(
  options: WorkerOptions,
  onDeath: (reason: Error) => void,
): EngineThread {
  const name = nameOf(options);
  const { worker, invoke, listeners, stopping } = startWorker(options, name, onDeath);
  const log = createLog(
    (record) => tellAll(listeners, { type: 'log', record }),
    'engine',
    options.logLevel,
  );
  const patience = new Patience();
  const pulse = new ThreadPulse({
    clock: SYSTEM_CLOCK,
    ask: () => invoke('pulse'),
    silent: (seconds) => {
      log.error(`${name} does not answer: its sessions stand still`, { seconds });
      patience.fellSilent(`${name} does not answer`);
    },
    answersAgain: (seconds) => {
      log.warn(`${name} answers again`, { seconds });
      patience.answersAgain();
    },
  });
  const stop = async (graceMs: number): Promise<void> => {
    const stopped = invoke<void>('stop', graceMs);
    const beyondMs = pulse.isSilent ? SILENT_STOPS_WITHIN_MS : STOPS_WITHIN_MS;
    if (await endsWithin(SYSTEM_CLOCK, graceMs + beyondMs, stopped)) return;
    throw new Error(`${name} does not answer: what was not flushed there may be lost`);
  };
  const end = async (): Promise<void> => {
    stopping();
    pulse.stop();
    await endsWithin(SYSTEM_CLOCK, ENDS_WITHIN_MS, worker.terminate());
  };
  const operations = operationsOver(invoke);
  // Where it is the only one, nothing goes on without it.
  const several = options.member === undefined ? {} : patient(operations, patience);
  return { ...operations, ...several, onEvent: listeningTo(listeners), stop, end };
}

function nameOf({ member }: WorkerOptions): string {
  if (member === undefined) return "the engine's thread";
  return `data thread ${member.self + 1} of ${member.ports.length}`;
}

function tellAll(listeners: ReadonlySet<Listener>, event: EngineEvent): void {
  for (const listener of listeners) listener(event);
}

/** The thread itself, and calls into it. `stopping`: that it ends is wanted from now on. */
function startWorker(options: WorkerOptions, name: string, onDeath: (reason: Error) => void) {
  const ports = options.member?.ports.filter((port) => port !== null) ?? [];
  const worker = new Worker(WORKER, {
    workerData: options,
    transferList: ports,
    // Some come from system calls, which Node does not know of.
    trackUnmanagedFds: false,
  });
  const calls = new Map<number, { resolve: (v: unknown) => void; reject: (e: Error) => void }>();
  const listeners = new Set<Listener>();
  let nextId = 1;
  let wanted = false;
  let dead: Error | undefined;

  const fail = (why: string) => {
    if (dead !== undefined) return;
    dead = new Error(`${name} has ended: ${why}`);
    for (const call of calls.values()) call.reject(dead);
    calls.clear();
    if (!wanted) onDeath(dead);
  };
  worker.on('error', (error) => fail(whyOf(error)));
  worker.on('exit', (code) => fail(`status ${code}`));
  worker.on('message', (reply: Reply) => {
    if ('event' in reply) return tellAll(listeners, reply.event);
    const call = calls.get(reply.id);
    calls.delete(reply.id);
    if ('result' in reply) return call?.resolve(reply.result);
    const { error, step } = reply;
    return call?.reject(step ? new ApplyError(step, error) : new Error(error));
  });

  const invoke = <T>(operation: Operation, ...args: unknown[]): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      if (dead !== undefined) return reject(dead);
      const id = nextId++;
      calls.set(id, { resolve: resolve as (v: unknown) => void, reject });
      return worker.postMessage({ id, operation, args } satisfies Request);
    });
  return { worker, invoke, listeners, stopping: () => (wanted = true) };
}

/** With the place of a mistake of ours; running out of memory has none. */
function whyOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

type Invoke = <T>(operation: Operation, ...args: unknown[]) => Promise<T>;
type Listener = (event: EngineEvent) => void;

const listeningTo =
  (listeners: Set<Listener>) =>
  (listener: Listener): (() => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };

function operationsOver(invoke: Invoke): Omit<EngineThread, 'onEvent' | 'stop' | 'end'> {
  const mirror = new RuntimeMirror();
  const withSteps = async (
    operation: 'apply' | 'prepare',
    steps: readonly Step[],
    options: { readonly tolerant?: boolean } | undefined,
  ): Promise<ApplyReport> => {
    await feedSteps(steps, (piece) => invoke('feed', piece));
    return invoke(operation, options);
  };
  return {
    apply: (steps, applyOptions) => withSteps('apply', steps, applyOptions),
    prepare: (steps, applyOptions) => withSteps('prepare', steps, applyOptions),
    commit: () => invoke('commit'),
    rollback: () => invoke('rollback'),
    async runtime() {
      for (;;) {
        const patch = await invoke<RuntimePatch>('runtime');
        const state = mirror.merge(patch);
        if (state !== undefined) return state;
      }
    },
    probe: (path) => invoke('probe', path),
    createFile: (path, size, sparse) => invoke('createFile', path, size, sparse),
    removeFile: (path) => invoke('removeFile', path),
    rescan: (storageObject) => invoke('rescan', storageObject),
    kick: (sid) => invoke('kick', sid),
    answerStates: (ask, held) => invoke('answerStates', ask, held),
  };
}
