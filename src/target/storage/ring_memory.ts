/**
 * The memory that the kernel shares for one io_uring(7), and the calls upon it. Absent wherever
 * anything of it is: an older kernel, a sandbox or setting that forbids it, no foreign functions.
 */
import { Socket, type OnReadOpts } from 'node:net';
import { KOFFI, type Koffi } from '../../util/koffi.ts';

/** Numbers of system calls that all machines share. */
const IO_URING_SETUP = 425;
const IO_URING_ENTER = 426;
const IO_URING_REGISTER = 427;
const ENTER_GETEVENTS = 1;
const REGISTER_EVENTFD = 4;
/** Linux 6.0, the oldest whose io_uring is used here; and no answer is ever dropped. */
const NEEDED_FEATURES = (1 << 12) | (1 << 1);
/** This thread alone submits, and need not be interrupted for an answer, only woken. */
const SETUP_FLAGS = (1 << 8) | (1 << 12);
const OFFSET_SUBMISSIONS = 0x1000_0000;
const PROT_READ_WRITE = 3;
const MAP_SHARED_POPULATE = 0x8001;
const CLOEXEC_NONBLOCK = 0x8_0000 | 0x800;

/** struct io_uring_params. */
const PARAMS_BYTES = 120;
const PARAMS_FLAGS = 8;
const PARAMS_FEATURES = 20;
const PARAMS_SQ_OFFSETS = 40;
const PARAMS_CQ_OFFSETS = 80;
const SQE_BYTES = 64;
const CQE_BYTES = 16;

/** What the kernel shares. Indexes are of 32-bit words in `words`. */
export interface RingMemory {
  readonly words: Int32Array;
  /** The submission entries, as words of each size. */
  readonly entryBytes: Uint8Array;
  readonly entryWords: Int32Array;
  readonly entryLongs: BigInt64Array;
  readonly sqHead: number;
  readonly sqTail: number;
  readonly sqSize: number;
  readonly cqHead: number;
  readonly cqTail: number;
  readonly cqSize: number;
  /** The first completion entry. */
  readonly cqes: number;
}

export interface Ring {
  readonly memory: RingMemory;
  /** How many of the `count` oldest were taken, or -1. */
  submit(count: number): number;
  /** Blocks until something has completed. */
  wait(): void;
  addressOf(buffer: Buffer): bigint;
  /** `rung`: something has completed. Keeps the process alive only while `hold` says so. */
  watch(rung: () => void): void;
  hold(busy: boolean): void;
}

interface Calls {
  syscall(number: number, ...args: readonly (number | bigint)[]): number;
  /** Null: refused. */
  map(fd: number, length: number, offset: number): ArrayBuffer | null;
  pipe2(fds: Int32Array, flags: number): number;
  eventfd(initial: number, flags: number): number;
  dup2(from: number, to: number): number;
  /** Node's own would warn: it has not opened them. */
  close(fd: number): number;
  addressOf(memory: Buffer | Int32Array): bigint;
}

function bind(koffi: Koffi): Calls {
  const libc = koffi.load('libc.so.6');
  const syscall = libc.func(
    'int64_t syscall(int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t)',
  );
  const mmap = libc.func('int64_t mmap(int64_t, int64_t, int, int, int, int64_t)');
  const pipe2 = libc.func('int pipe2(void *fds, int flags)');
  const eventfd = libc.func('int eventfd(unsigned int initial, int flags)');
  const dup2 = libc.func('int dup2(int from, int to)');
  const close = libc.func('int close(int fd)');
  return {
    syscall: (number, a = 0, b = 0, c = 0, d = 0) => Number(syscall(number, a, b, c, d, 0, 0)),
    map(fd, length, offset) {
      const at = mmap(0, length, PROT_READ_WRITE, MAP_SHARED_POPULATE, fd, offset);
      return at === -1 ? null : koffi.view(BigInt(at), length);
    },
    pipe2: (fds, flags) => pipe2(fds, flags),
    eventfd: (initial, flags) => eventfd(initial, flags),
    dup2: (from, to) => dup2(from, to),
    close: (fd) => close(fd),
    addressOf: (memory) => koffi.address(memory),
  };
}

/**
 * Null: not to be had here; `LUNSMITH_IO_URING=0` in the environment is as if the system had none.
 * `size`, a power of two: operations under way at once. `bells`: false where all that is submitted
 * is over within the call.
 */
export function openRing(size: number, bells = true): Ring | null {
  if (KOFFI === null || process.env['LUNSMITH_IO_URING'] === '0') return null;
  if (!['x64', 'arm64'].includes(process.arch)) return null;
  try {
    const calls = bind(KOFFI);
    const params = Buffer.alloc(PARAMS_BYTES);
    params.writeUInt32LE(SETUP_FLAGS, PARAMS_FLAGS);
    const fd = calls.syscall(IO_URING_SETUP, size, calls.addressOf(params));
    if (fd < 0) return null;
    const memory = mapMemory(calls, fd, params);
    const bell = memory === null || !bells ? null : openBell(calls, fd);
    if (memory !== null && (bell !== null || !bells)) return assemble(calls, fd, memory, bell);
    calls.close(fd);
  } catch {
    // A package of another make: as if it were not there.
  }
  return null;
}

function assemble(calls: Calls, fd: number, memory: RingMemory, bell: Bell | null): Ring {
  return {
    memory,
    submit: (count) => calls.syscall(IO_URING_ENTER, fd, count),
    wait: () => void calls.syscall(IO_URING_ENTER, fd, 0, 1, ENTER_GETEVENTS),
    addressOf: (buffer) => calls.addressOf(buffer),
    watch: (rung) => {
      if (bell !== null) bell.rung = rung;
    },
    hold: (busy) => void (busy ? bell?.socket.ref() : bell?.socket.unref()),
  };
}

function mapMemory(calls: Calls, fd: number, params: Buffer): RingMemory | null {
  const features = params.readUInt32LE(PARAMS_FEATURES);
  if ((features & NEEDED_FEATURES) !== NEEDED_FEATURES) return null;
  const [sqSize, cqSize] = [params.readUInt32LE(0), params.readUInt32LE(4)];
  // struct io_sqring_offsets: head, tail, ring_mask, ring_entries, flags, dropped, array.
  const sq = (field: number): number => params.readUInt32LE(PARAMS_SQ_OFFSETS + 4 * field);
  // struct io_cqring_offsets: head, tail, ring_mask, ring_entries, overflow, cqes.
  const cq = (field: number): number => params.readUInt32LE(PARAMS_CQ_OFFSETS + 4 * field);
  const [array, cqes] = [sq(6), cq(5)];
  const byteLength = Math.max(array + 4 * sqSize, cqes + CQE_BYTES * cqSize);
  const shared = calls.map(fd, byteLength, 0);
  const entries = calls.map(fd, SQE_BYTES * sqSize, OFFSET_SUBMISSIONS);
  if (shared === null || entries === null) return null;
  const words = new Int32Array(shared, 0, byteLength >> 2);
  // Place n of the queue always holds entry n.
  for (let at = 0; at < sqSize; at++) words[(array >> 2) + at] = at;
  return {
    words,
    entryBytes: new Uint8Array(entries),
    entryWords: new Int32Array(entries),
    entryLongs: new BigInt64Array(entries),
    sqHead: sq(0) >> 2,
    sqTail: sq(1) >> 2,
    sqSize,
    cqHead: cq(0) >> 2,
    cqTail: cq(1) >> 2,
    cqSize,
    cqes: cqes >> 2,
  };
}

interface Bell {
  readonly socket: Socket;
  rung: () => void;
}

/**
 * Node watches pipes and sockets only: it is given the end of a pipe, and before the event loop
 * first looks, an eventfd takes that end's place under the same number.
 */
function openBell(calls: Calls, ring: number): Bell | null {
  const event = calls.eventfd(0, CLOEXEC_NONBLOCK);
  if (event < 0) return null;
  try {
    const given = new Int32Array([event]);
    const [address, ends] = [calls.addressOf(given), new Int32Array(2)];
    if (calls.syscall(IO_URING_REGISTER, ring, REGISTER_EVENTFD, address, 1) < 0) return null;
    if (calls.pipe2(ends, CLOEXEC_NONBLOCK) < 0) return null;
    const [end = -1, other = -1] = ends;
    const onread: OnReadOpts = { buffer: Buffer.alloc(64), callback: () => (bell.rung(), true) };
    const options = { fd: end, readable: true, writable: false, onread };
    const bell: Bell = { socket: new Socket(options), rung: () => {} };
    calls.dup2(event, end);
    calls.close(other);
    bell.socket.unref();
    return bell;
  } finally {
    calls.close(event);
  }
}
