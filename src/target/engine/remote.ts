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
import type { LogLevel } from '../../util/log.ts';
import type { MemberData } from './threads/membership.ts';
import {
  feedSteps,
  type JointEngine,
  RuntimeMirror,
  servedOperations,
  type RuntimePatch,
  type ServedEngine,
} from './transfer.ts';

type Operation = Exclude<keyof (EnginePort & JointEngine), 'onEvent'> | 'feed';
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

/** Start a thread with an engine. `onDeath` is called when the thread ends without `end`. */
export function startEngineThread(
  options: WorkerOptions,
  onDeath: (reason: Error) => void,
): EngineThread {
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
  let stopping = false;

  const fail = (reason: Error) => {
    for (const call of calls.values()) call.reject(reason);
    calls.clear();
    if (!stopping) onDeath(reason);
    stopping = true;
  };
  worker.on('error', fail);
  worker.on('exit', (code) => fail(new Error(`the engine's thread ended with status ${code}`)));
  worker.on('message', (reply: Reply) => {
    if ('event' in reply) {
      for (const listener of listeners) listener(reply.event);
      return;
    }
    const call = calls.get(reply.id);
    calls.delete(reply.id);
    if ('result' in reply) call?.resolve(reply.result);
    else
      call?.reject(reply.step ? new ApplyError(reply.step, reply.error) : new Error(reply.error));
  });

  const invoke = <T>(operation: Operation, ...args: unknown[]): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      const id = nextId++;
      calls.set(id, { resolve: resolve as (v: unknown) => void, reject });
      worker.postMessage({ id, operation, args } satisfies Request);
    });

  const end = async (): Promise<void> => {
    stopping = true;
    await worker.terminate();
  };
  return { ...operationsOver(invoke), onEvent: listeningTo(listeners), end };
}

type Invoke = <T>(operation: Operation, ...args: unknown[]) => Promise<T>;
type Listener = (event: EngineEvent) => void;

const listeningTo =
  (listeners: Set<Listener>) =>
  (listener: Listener): (() => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };

function operationsOver(invoke: Invoke): Omit<EngineThread, 'onEvent' | 'end'> {
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
    stop: (graceMs) => invoke('stop', graceMs),
  };
}
