// What size costs: bytes per LUN, per target and per idle session, start with 10,000 LUNs, 1,000
// sessions at once, and memory with 16 sessions of depth 128 that read and write 1 MiB. --check:
// exit status 1 above what docs/PERFORMANCE.md states.
//   npm run bench -- scale [--luns N] [--sessions N] [--check] [--json]
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { build, PROGRAM } from '../scripts/prepare.mjs';
import { compile, eventually, freePort, serve, stop, temporaryFolder } from './programs.mjs';

const NAME = (number) => `iqn.2026-01.net.example:scale${number}`;
const LUNS_PER_TARGET = 100;
const SETTLE_MS = 2_000;
/** Room for all that the load of depth 128 sends. */
const DEPTH = 'default_cmdsn_depth: 128';
const MIB = 1024 * 1024;
const DISK_BYTES = 64 * MIB;
/** Sessions that have run commands, then stay idle for so many seconds. */
const HOLD_SECONDS = 6;

/**
 * The most that 16 sessions of depth 128 with 1 MiB each may take beside what the daemon has at
 * rest and the disk itself: the pool of staging memory with what it keeps for reuse, the
 * unsolicited data of all commands that the windows allow, and what waits to leave.
 */
const POOL_BYTES = (256 + 32) * MIB + 16 * (128 * 65_536 + 4 * MIB);
const BOUNDS = {
  bytesPerIdleSession: 40_000,
  bytesPerTarget: 40_000,
  bytesPerLun: 20_000,
  secondsToServe: 15,
  poolBytesAtDepth128: POOL_BYTES,
};

/** Resident bytes of a process; `VmHWM` for the most it ever had. */
function memory(pid, field = 'VmRSS') {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024;
}

/** A configuration file of so many ramdisks over so many targets. */
function configurationOf(luns, targets, port) {
  const lines = ['version: 1', 'backstores:', '  ramdisk:'];
  if (luns === 0) lines[2] = '  ramdisk: {}';
  for (let at = 0; at < luns; at++) {
    const wwn = `${at.toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`;
    lines.push(`    disk${at}: {size: 64MiB, wwn: "${wwn}"}`);
  }
  lines.push('iscsi:', targets === 0 ? '  targets: {}' : '  targets:');
  for (let number = 0; number < targets; number++) {
    lines.push(`    ${NAME(number)}:`, '      tpgs:', '        1:', '          enabled: true');
    const demo = 'generate_node_acls: true, demo_mode_write_protect: false';
    lines.push(`          attributes: {${demo}, ${DEPTH}}`);
    lines.push(`          portals: ["127.0.0.1:${port}"]`);
    const from = number * LUNS_PER_TARGET;
    const many = Math.min(LUNS_PER_TARGET, luns - from);
    if (many <= 0) continue;
    lines.push('          luns:');
    for (let at = 0; at < many; at++) {
      lines.push(`            ${at}: backstores/ramdisk/disk${from + at}`);
    }
  }
  return lines.map((line) => `${line}\n`).join('');
}

/** A daemon with that configuration: its memory at rest and its time to serve. */
async function start(folder, name, luns, targets) {
  const home = path.join(folder, name);
  mkdirSync(home, { mode: 0o700 });
  const port = await freePort();
  const config = path.join(home, 'saveconfig.yaml');
  writeFileSync(config, configurationOf(luns, targets, port), { mode: 0o600 });
  const log = path.join(home, 'log');
  const socket = path.join(home, 'control.sock');
  const env = { ...process.env, LUNSMITH_HOME: home, LUNSMITH_SOCKET: socket };
  const began = performance.now();
  const args = [PROGRAM, 'daemon', '--config', config, '--socket', socket];
  const { child, output } = serve(process.execPath, args, { env, log });
  const listening = () => readFileSync('/proc/net/tcp', 'utf8').includes(portHex(port));
  const up = targets > 0 ? listening : () => delay(1_500).then(() => true);
  try {
    await eventually(name, child, up);
  } catch (error) {
    throw new Error(`${error.message}\n${output.text}`, { cause: error });
  }
  const seconds = (performance.now() - began) / 1000;
  await delay(SETTLE_MS);
  return { child, port, seconds, bytes: memory(child.pid) };
}

const portHex = (port) =>
  `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')} 00000000:0000`;

/** Runs the load generator; `during` is called in the midst of its run, or while it holds. */
async function loaded(program, args, word, during) {
  const { child } = serve(program, args);
  let output = '';
  let errors = '';
  child.stderr.on('data', (chunk) => (errors += chunk));
  const ended = new Promise((resolve) => child.once('close', resolve));
  const begun = new Promise((resolve) => {
    child.stdout.on('data', (chunk) => {
      output += chunk;
      if (output.includes(word)) resolve();
    });
  });
  const limit = setTimeout(() => child.kill('SIGKILL'), 90_000);
  await Promise.race([begun, ended]);
  await delay(SETTLE_MS);
  const seen = during();
  const status = await ended;
  clearTimeout(limit);
  if (status !== 0) throw new Error(`load: ${errors.trim()}`);
  return { seen, report: JSON.parse(output.trim().split('\n').at(-1)) };
}

const targetOf = ({ port }) => ['--portal', `127.0.0.1:${port}`, '--target', NAME(0)];

/** So many sessions, then five times as many: what one more costs, once all has warmed up. */
async function measureSessions(folder, load, count) {
  const daemon = await start(folder, 'sessions', 1, 1);
  const few = Math.max(1, Math.floor(count / 5));
  try {
    const { pid } = daemon.child;
    const hold = ['--depth', '1', '--seconds', '2', '--warmup', '0', '--hold', `${HOLD_SECONDS}`];
    const idle = (sessions) => {
      const args = [...targetOf(daemon), ...hold, '--sessions', String(sessions)];
      return loaded(load, args, 'commands', () => memory(pid));
    };
    const before = await idle(few);
    const many = await idle(count);
    return {
      sessions: count,
      bytesPerIdleSession: Math.round((many.seen - before.seen) / (count - few)),
      commandsPerSecond: Math.round(many.report.commands / many.report.seconds),
      p99: many.report.p99,
    };
  } finally {
    await stop(daemon.child, 'SIGTERM');
  }
}

async function measurePool(folder, load) {
  const daemon = await start(folder, 'pool', 1, 1);
  try {
    const { pid } = daemon.child;
    const deep = ['--sessions', '16', '--depth', '128', '--size', String(MIB), '--write', '50'];
    const args = [...targetOf(daemon), ...deep, '--seconds', '4'];
    const { report } = await loaded(load, args, 'begin', () => memory(pid));
    return {
      poolBytesAtDepth128: memory(pid, 'VmHWM') - daemon.bytes - DISK_BYTES,
      megabytesPerSecondAtDepth128: Math.round(report.commands / report.seconds),
    };
  } finally {
    await stop(daemon.child, 'SIGTERM');
  }
}

function tellMissed(result) {
  const missed = Object.entries(BOUNDS).filter(([name, bound]) => result[name] > bound);
  for (const [name, bound] of missed) {
    console.error(`above its bound: ${name} ${result[name]}, bound ${bound}`);
  }
  return missed.length > 0;
}

/** Memory with nothing, with targets, and with LUNs in them; the last one's time to serve. */
async function measureSizes(folder, luns) {
  const sizes = [];
  for (const [name, lunCount, targetCount] of [
    ['empty', 0, 0],
    ['targets', 0, 1000],
    ['luns', luns, Math.ceil(luns / LUNS_PER_TARGET)],
  ]) {
    const daemon = await start(folder, name, lunCount, targetCount);
    sizes.push(daemon);
    await stop(daemon.child, 'SIGTERM');
  }
  const [empty, targets, many] = sizes;
  const perTarget = (targets.bytes - empty.bytes) / 1000;
  const ofTargets = perTarget * Math.ceil(luns / LUNS_PER_TARGET);
  return {
    emptyBytes: empty.bytes,
    bytesPerTarget: Math.round(perTarget),
    luns,
    bytesPerLun: Math.round((many.bytes - empty.bytes - ofTargets) / luns),
    secondsToServe: Number(many.seconds.toFixed(2)),
  };
}

export async function benchScale(args) {
  const { values } = parseArgs({
    args,
    options: {
      luns: { type: 'string', default: '10000' },
      sessions: { type: 'string', default: '1000' },
      check: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const luns = Number(values.luns);
  build();
  const folder = temporaryFolder(os.tmpdir());
  const load = await compile('load', folder);
  const result = {
    ...(await measureSizes(folder, luns)),
    ...(await measureSessions(folder, load, Number(values.sessions))),
    ...(await measurePool(folder, load)),
  };
  if (values.json) console.log(JSON.stringify(result, null, 2));
  else for (const [what, value] of Object.entries(result)) console.log(`${what}: ${value}`);
  if (tellMissed(result) && values.check) process.exitCode = 1;
}
