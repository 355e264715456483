// Of which part of the program, or of what beneath it, a sample of the profiler is. Samples are
// what `perf script -F tid,ip,sym,dso` prints: the thread, then its frames, innermost first.

/**
 * @typedef {{ symbol: string, dso: string }} Frame
 * @typedef {{ thread: string, frames: Frame[] }} Sample
 */

/** @returns {Sample[]} */
export function parseSamples(text) {
  const samples = [];
  for (const block of text.split(/\n\s*\n/)) {
    const lines = block.split('\n').filter((line) => line.trim() !== '');
    if (lines.length === 0) continue;
    const frames = lines.slice(1).flatMap((line) => {
      const found = /^\s*[0-9a-f]+\s+(.*)\s+\(([^()]*)\)\s*$/.exec(line);
      return found === null ? [] : [{ symbol: found[1], dso: found[2] }];
    });
    if (frames.length > 0) samples.push({ thread: lines[0].trim(), frames });
  }
  return samples;
}

/** The thread that was busiest: the data path. */
export const busiestThread = (samples) => shares(samples, ({ thread }) => thread)[0]?.[0];

/**
 * What the kernel does by one of its functions on the way there, outermost first; names of system
 * calls alone do not tell: many are inlined. Sockets are known by their own functions, before what
 * files share with them.
 */
const KERNEL = [
  [/^sock_(write|send)|^__sys_send|^do_softirq|^__tcp_push_pending/, 'kernel: sending'],
  [/^sock_read|^__sys_recv|^sock_recvmsg/, 'kernel: receiving'],
  [/^(do_epoll|ep_poll|do_sys_poll|do_poll|__do_sys_epoll)/, 'kernel: waiting for events'],
  [/^(__)?io_(uring|submit|issue|sq_|cq)/, 'kernel: io_uring'],
  [/^(do_futex|futex_|eventfd_)/, 'kernel: waking and waiting for threads'],
  [/^(do_preadv|vfs_readv?|ksys_p?read)$/, 'kernel: reading the medium'],
  [/^(do_pwritev|vfs_writev?|ksys_pwrite64)$/, 'kernel: writing the medium'],
  [/^(ksys_|vfs_|__x64_sys_|__arm64_sys_)(pread|preadv)/, 'kernel: reading the medium'],
  [/^(ksys_|vfs_|__x64_sys_|__arm64_sys_)(pwrite|pwritev)/, 'kernel: writing the medium'],
  [/^exit_to_user_mode|^irqentry_exit_to_user/, 'kernel: giving up the core to another thread'],
  [/irq|^sysvec_|^asm_/, 'kernel: interrupts'],
];
const KERNEL_OTHER = 'kernel: everything else';

/** The first line of KERNEL that any frame fits. */
const kernelPart = (frames) =>
  KERNEL.find(([pattern]) =>
    frames.some((each) => isKernel(each) && pattern.test(each.symbol)),
  )?.[1] ?? KERNEL_OTHER;

const isKernel = ({ dso }) => dso.startsWith('[kernel') || dso.endsWith('.ko') || dso === '[guest]';

/** Folders of src/target and what stands beside it, as docs/ARCHITECTURE.md calls them. */
function layerOf(symbol) {
  const [, target, folder] = /dist\/src\/(target\/)?(?:([a-z_]+)\/)?/.exec(symbol) ?? [];
  if (folder !== undefined) return `ours: ${folder}/`;
  return target === undefined ? "Node's JavaScript" : 'ours: engine';
}

const COLLECTOR =
  /Scaveng|MarkCompact|MarkingVisitor|Sweeper|ConcurrentMark|GarbageCollect|GCTracer|Evacuat/;

const NATIVE = [
  [/koffi/, 'koffi'],
  [/crc32/, 'CRC32C'],
  [/lib(c|m|pthread|stdc\+\+)[.-]|ld-linux|\[vdso\]/, 'C library'],
];

/** One of few words for each sample. */
export function partOf({ frames }) {
  const [leaf] = frames;
  if (isKernel(leaf)) return kernelPart(frames);
  if (/^(JS|Function|LazyCompile|Script|RegExp):/.test(leaf.symbol)) return layerOf(leaf.symbol);
  if (COLLECTOR.test(leaf.symbol)) return 'garbage collection';
  if (/^Builtins_|^Builtin:|^BytecodeHandler:|^Stub:/.test(leaf.symbol)) return "V8's builtins";
  return NATIVE.find(([pattern]) => pattern.test(leaf.dso))?.[1] ?? 'Node and V8, native';
}

/** The five great parts. */
export function wholeOf(part) {
  if (part.startsWith('kernel')) return 'kernel';
  if (part.startsWith('ours')) return 'our JavaScript';
  if (part === 'garbage collection') return part;
  return part === 'koffi' || part === 'C library' || part === 'CRC32C'
    ? 'native libraries'
    : 'Node and V8';
}

/** Shares of 1 by `name(sample)`, largest first. */
export function shares(samples, name) {
  const counts = new Map();
  for (const sample of samples) {
    const key = name(sample);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts]
    .map(([key, count]) => [key, count / samples.length])
    .sort((a, b) => b[1] - a[1]);
}
