// `npm run bench -- iser [--seconds S] [--rounds N] [--depth N] [--size BYTES]… [--cycles N]
//                        [--check]`:
// the same LUN of our daemon over TCP and over iSER, in turns, by an initiator of our own for both;
// then logins and logouts over iSER, after which the daemon must hold no more than before.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { build, PROGRAM } from '../scripts/prepare.mjs';
import { eventually, freePort, stop } from './programs.mjs';

// The initiators are made of what is built.
build();
const { IserSide, TcpSide } = await import('./iser_sides.mjs');

const TARGET = 'iqn.2026-01.net.example:bench';
const LUN_BYTES = 256 * 1024 * 1024;
const BLOCK = 512;
const SIZES = [4096, 65_536, 1_048_576];
/** What iSER must reach of TCP's throughput at 64 KiB. */
const LEAST_SHARE = 0.5;
/** Of /proc's processor times. */
const TICKS_PER_SECOND = 100;

const { values } = parseArgs({
  args: process.argv.slice(2).filter((word) => word !== 'iser'),
  options: {
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
    depth: { type: 'string', default: '16' },
    size: { type: 'string', multiple: true, default: SIZES.map(String) },
    cycles: { type: 'string', default: '0' },
    check: { type: 'boolean', default: false },
  },
});
const options = {
  seconds: Number(values.seconds),
  rounds: Number(values.rounds),
  depth: Number(values.depth),
  cycles: Number(values.cycles),
};

async function serve(folder) {
  const port = await freePort();
  const env = {
    ...process.env,
    LUNSMITH_CONFIG: path.join(folder, 'saveconfig.yaml'),
    LUNSMITH_SOCKET: path.join(folder, 'control.sock'),
    LUNSMITH_HOME: path.join(folder, 'home'),
  };
  const child = spawn(process.execPath, [PROGRAM, 'daemon'], { env, stdio: 'ignore' });
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
  const shell = spawn(process.execPath, [PROGRAM], { env, stdio: ['pipe', 'ignore', 'inherit'] });
  shell.stdin.end(`${lines.join('\n')}\n`);
  const status = await new Promise((resolve) => shell.on('exit', resolve));
  if (status !== 0) throw new Error('the daemon could not be configured');
  return { child, port };
}

/** Microseconds of processor time that a process has taken so far. */
function processorTime(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1e6) / TICKS_PER_SECOND;
}

/** One round: bytes a second, and the processor time of either side for each command. */
async function sample(Side, { port, child }, length, write) {
  const side = await Side.open(port, TARGET);
  const before = { target: processorTime(child.pid), initiator: process.cpuUsage() };
  const rate = await load(side, length, write);
  const target = processorTime(child.pid) - before.target;
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
function load(side, length, write) {
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

const SIDES = [
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
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

/** Of `row`: where the four figures stand. */
const HEADING = `${' '.repeat(44)}MiB/s  of TCP  µs target  µs initiator`;

function row(what, name, samples, tcp) {
  const of = (key) => median(samples.map((each) => each[key]));
  const share = of('perSecond') / tcp;
  const rate = (of('perSecond') / 2 ** 20).toFixed(0).padStart(8);
  const [target, initiator] = ['target', 'initiator'].map((key) => of(key).toFixed(1));
  const figures = `${rate}  ${share.toFixed(2).padStart(6)}  ${target.padStart(9)}`;
  console.log(`${what}  ${name.padEnd(24)} ${figures}  ${initiator.padStart(12)}`);
  return share;
}

/** All sides in turns; the shares of iSER at 64 KiB. */
async function throughput(daemon) {
  const shares = [];
  console.log(
    `depth ${options.depth}, ${options.rounds} rounds of ${options.seconds} s, medians; ` +
      'processor time for each command of either side',
  );
  console.log(HEADING);
  for (const length of values.size.map(Number)) {
    for (const write of [false, true]) {
      const samples = new Map(SIDES.map(([name]) => [name, []]));
      for (let round = 0; round < options.rounds; round++) {
        for (const [name, Side] of SIDES) {
          samples.get(name).push(await sample(Side, daemon, length, write));
        }
      }
      const tcp = median(samples.get('TCP').map((each) => each.perSecond));
      const what = `${String(length / 1024).padStart(5)} KiB ${write ? 'write' : 'read '}`;
      for (const [name, list] of samples) {
        const share = row(what, name, list, tcp);
        if (length === 65_536 && name === 'iSER') shares.push(share);
      }
    }
  }
  return shares;
}

/** Descriptors and resident memory of the daemon. */
function holds(pid) {
  const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
  const descriptors = readdirSync(`/proc/${pid}/fd`).length;
  return { descriptors, mebibytes: (pages * 4096) / 2 ** 20 };
}

async function cycle(port, count) {
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
async function cycles(child, port) {
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

const folder = mkdtempSync(path.join(os.tmpdir(), 'lunsmith-bench-'));
const daemon = await serve(folder);
const { child, port } = daemon;
try {
  if (options.rounds > 0) {
    const shares = await throughput(daemon);
    const least = Math.min(...shares);
    console.log(`iSER at 64 KiB reaches at least ${least.toFixed(2)} of TCP`);
    if (values.check && least < LEAST_SHARE) process.exitCode = 1;
  }
  if (options.cycles > 0) await cycles(child, port);
} finally {
  await stop(child);
  rmSync(folder, { recursive: true, force: true });
}
