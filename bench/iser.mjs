// `npm run bench -- iser [--seconds S] [--rounds N] [--depth N] [--size BYTES]… [--cycles N]
//                        [--check]`:
// the same LUN of our daemon over TCP and over iSER, in turns, by an initiator of our own for both;
// then logins and logouts over iSER, after which the daemon must hold no more than before.
import { readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { build, PROGRAM } from '../scripts/prepare.mjs';
import { cpuSeconds } from './measure.mjs';
import {
  eventually,
  freePort,
  must,
  serve as startProgram,
  stop,
  temporaryFolder,
} from './programs.mjs';
import { judge, median } from './statistics.mjs';

const TARGET = 'iqn.2026-01.net.example:bench';
const LUN_BYTES = 256 * 1024 * 1024;
const BLOCK = 512;
const SIZES = [4096, 65_536, 1_048_576];
/** What iSER must reach of TCP's throughput at 64 KiB. */
const LEAST_SHARE = 0.5;

function parse(args) {
  const { values } = parseArgs({
    args,
    options: {
      seconds: { type: 'string', default: '2' },
      rounds: { type: 'string', default: '3' },
      depth: { type: 'string', default: '16' },
      size: { type: 'string', multiple: true, default: SIZES.map(String) },
      cycles: { type: 'string', default: '0' },
      check: { type: 'boolean', default: false },
    },
  });
  return {
    seconds: Number(values.seconds),
    rounds: Number(values.rounds),
    depth: Number(values.depth),
    cycles: Number(values.cycles),
    sizes: values.size.map(Number),
    check: values.check,
  };
}

async function serve(folder) {
  const port = await freePort();
  const env = {
    ...process.env,
    LUNSMITH_CONFIG: path.join(folder, 'saveconfig.yaml'),
    LUNSMITH_SOCKET: path.join(folder, 'control.sock'),
    LUNSMITH_HOME: path.join(folder, 'home'),
  };
  const log = path.join(folder, 'daemon.log');
  const { child } = startProgram(process.execPath, [PROGRAM, 'daemon'], { env, log });
  await eventually('the daemon', child, () => readdirSync(folder).includes('control.sock'));
  const tpg = `/iscsi/${TARGET}/tpg1`;
  const lines = [
    'set global auto_add_default_portal=false',
    `/backstores/ramdisk create bench ${LUN_BYTES}`,
    `/iscsi create ${TARGET}`,
    `${tpg}/luns create /backstores/ramdisk/bench`,
    `${tpg}/portals create 127.0.0.1 ${port}`,
    `${tpg}/portals/127.0.0.1:${port} enable_iser true`,
    `${tpg} set attribute authentication=0 demo_mode_write_protect=0 generate_node_acls=1`,
  ];
  await must(process.execPath, [PROGRAM], { env, input: `${lines.join('\n')}\n` });
  return { child, port };
}

/** One round: bytes a second, and the processor time of either side for each command. */
async function sample(Side, { port, child }, options, length, write) {
  const side = await Side.open(port, TARGET);
  const before = { target: cpuSeconds(child.pid), initiator: process.cpuUsage() };
  const rate = await load(side, options, length, write);
  const target = (cpuSeconds(child.pid) - before.target) * 1e6;
  const { user, system } = process.cpuUsage(before.initiator);
  await side.logout();
  const commands = Math.max(1, rate.bytes / length);
  return {
    perSecond: rate.perSecond,
    target: target / commands,
    initiator: (user + system) / commands,
  };
}

/** With `depth` commands under way, each at a place of its own choosing. */
function load(side, options, length, write) {
  const places = Math.floor(LUN_BYTES / length);
  let place = 0;
  let bytes = 0;
  let left = options.depth;
  const began = performance.now();
  const until = began + options.seconds * 1000;
  return new Promise((resolve, reject) => {
    const next = (error) => {
      if (error) return reject(error);
      if (performance.now() >= until) {
        if (--left > 0) return undefined;
        return resolve({ bytes, perSecond: (bytes * 1000) / (performance.now() - began) });
      }
      bytes += length;
      place = (place + 7919) % places;
      return side.submit({ length, write, lba: (place * length) / BLOCK }, next);
    };
    for (let count = 0; count < options.depth; count++) next();
  });
}

/** The initiators are made of what is built, so they are loaded after it. */
async function sides() {
  const { IserSide, TcpSide } = await import('./iser_sides.mjs');
  return [
    ['TCP', TcpSide],
    ['iSER', IserSide],
    [
      'iSER, Ethernet segments',
      class extends IserSide {
        static emss = 1448;
      },
    ],
    [
      'iSER, CRC',
      class extends IserSide {
        static crc = true;
      },
    ],
  ];
}

/** One side's rounds of one load as a record; `bounds` where the issue on iSER has one. */
function summarise(what, name, samples, tcp) {
  const of = (key) => median(samples.map((each) => each[key]));
  const share = of('perSecond') / tcp;
  const bounded = what.startsWith('64 KiB') && name === 'iSER';
  return {
    name: `${what}, ${name}`,
    mebibytes: of('perSecond') / 2 ** 20,
    share,
    target: of('target'),
    initiator: of('initiator'),
    bounds: bounded ? judge({ iser: LEAST_SHARE }, { iser: share }) : [],
  };
}

/** All sides in turns; a record for each load and side, told to `each` as they come. */
async function throughput(daemon, options, each) {
  const all = [];
  const initiators = await sides();
  for (const length of options.sizes) {
    for (const write of [false, true]) {
      const samples = new Map(initiators.map(([name]) => [name, []]));
      for (let round = 0; round < options.rounds; round++) {
        for (const [name, Side] of initiators) {
          samples.get(name).push(await sample(Side, daemon, options, length, write));
        }
      }
      const tcp = median(samples.get('TCP').map(({ perSecond }) => perSecond));
      const what = `${length / 1024} KiB ${write ? 'write' : 'read'}`;
      for (const [name, list] of samples) {
        all.push(summarise(what, name, list, tcp));
        each(all.at(-1));
      }
    }
  }
  return all;
}

const HEADING = `${' '.repeat(44)}MiB/s  of TCP  µs target  µs initiator`;
function row({ name, mebibytes, share, target, initiator }) {
  const rates = `${mebibytes.toFixed(0).padStart(8)}  ${share.toFixed(2).padStart(6)}`;
  const micros = `${target.toFixed(1).padStart(9)}  ${initiator.toFixed(1).padStart(12)}`;
  return `${name.padEnd(41)}${rates}  ${micros}`;
}

/** Descriptors and resident memory of the daemon. */
function holds(pid) {
  const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
  const descriptors = readdirSync(`/proc/${pid}/fd`).length;
  return { descriptors, mebibytes: (pages * 4096) / 2 ** 20 };
}

async function cycle(port, count) {
  const { IserSide } = await import('./iser_sides.mjs');
  for (let at = 0; at < count; at++) {
    const side = await IserSide.open(port, TARGET);
    await new Promise((resolve) => {
      side.submit({ length: 16_384, write: at % 2 === 1, lba: at % 1000 }, resolve);
    });
    await side.logout();
    const left = side.rdma.counts;
    if (Object.values(left).some((number) => number > 0)) throw new Error(JSON.stringify(left));
  }
}

const PARTS = 4;

/** In parts: what leaks grows from each to the next, what is only not collected yet does not. */
async function cycles({ child, port }, options) {
  await cycle(port, Math.ceil(options.cycles / 10));
  const before = holds(child.pid).descriptors;
  const began = performance.now();
  const memory = [];
  for (let part = 0; part < PARTS; part++) {
    await cycle(port, Math.ceil(options.cycles / PARTS));
    memory.push(holds(child.pid).mebibytes.toFixed(0));
  }
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(
    `${options.cycles} logins, commands and logouts in ${seconds} s; ` +
      `resident memory after each quarter: ${memory.join(', ')} MiB`,
  );
  // The last connection may be on its way still.
  await eventually('the descriptors to be as before', child, () => {
    return holds(child.pid).descriptors <= before;
  });
  console.log(`descriptors: ${before} before, ${holds(child.pid).descriptors} after`);
}

/** Starts a daemon of its own for `work`, and stops it. */
async function withDaemon(work) {
  const daemon = await serve(temporaryFolder(os.tmpdir()));
  try {
    return await work(daemon);
  } finally {
    await stop(daemon.child);
  }
}

/** Part of the whole run: records as docs/PERFORMANCE.md shows them. */
export const measureIser = (options) =>
  withDaemon((daemon) => throughput(daemon, { depth: 16, sizes: SIZES, ...options }, () => {}));

export async function benchIser(args) {
  const options = parse(args);
  build();
  await withDaemon(async (daemon) => {
    if (options.rounds > 0) {
      console.log(
        `depth ${options.depth}, ${options.rounds} rounds of ${options.seconds} s, medians; ` +
          'processor time for each command of either side',
      );
      console.log(HEADING);
      const all = await throughput(daemon, options, (each) => console.log(row(each)));
      const judged = all.flatMap(({ bounds }) => bounds);
      const least = Math.min(...judged.map(({ value }) => value));
      console.log(`iSER at 64 KiB reaches at least ${least.toFixed(2)} of TCP`);
      if (options.check && judged.some(({ met }) => !met)) process.exitCode = 1;
    }
    if (options.cycles > 0) await cycles(daemon, options);
  });
}
