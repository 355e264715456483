/**
 * The other data threads, as one of them sees them: a message port to each. What is told is known
 * to the receiver before it runs a command that arrived later (`sync`); what is asked is answered.
 */
import { receiveMessageOnPort, type MessagePort } from 'node:worker_threads';

/** Plain data that survives structured cloning. */
type Body = unknown;
type Message =
  | { readonly tell: string; readonly body: Body }
  | { readonly ask: string; readonly id: number; readonly body: Body }
  | { readonly answer: number; readonly body: Body };

type Told = (body: never, from: number) => void;
type Asked = (body: never, answer: (body?: Body) => void, from: number) => void;

export interface PeersOptions {
  readonly self: number;
  /** By thread; null at `self`. */
  readonly ports: readonly (MessagePort | null)[];
  /** One word for each thread: something was told to it since it looked. */
  readonly flags: Int32Array;
}

export class Peers {
  readonly self: number;
  readonly count: number;
  readonly #ports: readonly (MessagePort | null)[];
  readonly #flags: Int32Array;
  readonly #told = new Map<string, Told>();
  readonly #asked = new Map<string, Asked>();
  readonly #waiting = new Map<number, (body: Body) => void>();
  #lastId = 0;
  /** Taken from the ports by `sync`, to be done in their order when the stack is empty. */
  #deferred: { readonly message: Message; readonly from: number }[] = [];

  constructor({ self, ports, flags }: PeersOptions) {
    this.self = self;
    this.count = ports.length;
    this.#ports = ports;
    this.#flags = flags;
    ports.forEach((port, from) => {
      port?.on('message', (message: Message) => {
        this.#runDeferred();
        this.#take(message, from);
      });
    });
  }

  /** `run` may come in the midst of a command: it changes state and does nothing else. */
  onTold<B>(kind: string, run: (body: B, from: number) => void): void {
    this.#told.set(kind, run);
  }

  /** `answer` is to be called once, now or later. */
  onAsked<B>(
    kind: string,
    run: (body: B, answer: (body?: Body) => void, from: number) => void,
  ): void {
    this.#asked.set(kind, run);
  }

  tell(to: number, kind: string, body: Body): void {
    this.#ports[to]?.postMessage({ tell: kind, body } satisfies Message);
    // After the message: who sees the flag finds the message.
    Atomics.store(this.#flags, to, 1);
  }

  tellAll(kind: string, body: Body): void {
    for (let to = 0; to < this.count; to++) if (to !== this.self) this.tell(to, kind, body);
  }

  ask<A>(to: number, kind: string, body: Body, done: (answer: A) => void): void {
    const id = ++this.#lastId;
    this.#waiting.set(id, done as (body: Body) => void);
    this.#ports[to]?.postMessage({ ask: kind, id, body } satisfies Message);
  }

  /** `done` comes once all have answered, with their answers in any order. */
  askAll(kind: string, body: Body, done: (answers: readonly Body[]) => void): void {
    const answers: Body[] = [];
    const one = (answer: Body): void => {
      if (answers.push(answer) === this.count - 1) done(answers);
    };
    for (let to = 0; to < this.count; to++) if (to !== this.self) this.ask(to, kind, body, one);
  }

  /** What was told before this call takes effect now. */
  sync(): void {
    if (Atomics.load(this.#flags, this.self) !== 0) this.#empty();
  }

  close(): void {
    for (const port of this.#ports) port?.close();
  }

  #empty(): void {
    // Before the ports are looked at: what comes meanwhile raises it again.
    Atomics.store(this.#flags, this.self, 0);
    this.#ports.forEach((port, from) => {
      if (port === null) return;
      for (;;) {
        const received = receiveMessageOnPort(port);
        if (received === undefined) return;
        this.#sort(received.message as Message, from);
      }
    });
  }

  #sort(message: Message, from: number): void {
    if ('tell' in message) return this.#take(message, from);
    if (this.#deferred.push({ message, from }) === 1) setImmediate(() => this.#runDeferred());
  }

  #runDeferred(): void {
    if (this.#deferred.length === 0) return;
    const deferred = this.#deferred;
    this.#deferred = [];
    for (const { message, from } of deferred) this.#take(message, from);
  }

  #take(message: Message, from: number): void {
    if ('tell' in message) {
      this.#told.get(message.tell)?.(message.body as never, from);
      return;
    }
    if ('answer' in message) {
      const done = this.#waiting.get(message.answer);
      this.#waiting.delete(message.answer);
      done?.(message.body);
      return;
    }
    const { ask, id, body } = message;
    const answer = (result?: Body): void => {
      this.#ports[from]?.postMessage({ answer: id, body: result } satisfies Message);
    };
    const asked = this.#asked.get(ask);
    if (asked === undefined) answer();
    else asked(body as never, answer, from);
  }
}
