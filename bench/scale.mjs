// What size costs: bytes per LUN, per target and per idle session, start with 10,000 LUNs, 1,000
// sessions at once, and memory with 16 sessions of depth 128 that read and write 1 MiB.
//   npm run bench -- scale [--luns N] [--sessions N] [--json]
import { spawn } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { build, ROOT } from '../scripts/prepare.mjs';
import { compile, eventually, freePort, serve, stop } from './programs.mjs';

const PROGRAM = path.join(ROOT, 'dist/src/bin/lunsmith.js');
const NAME = (number) => `iqn.2026-01.net.example:scale${number}`;
const LUNS_PER_TARGET = 100;
const SETTLE_MS = 2_000;

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
    lines.push('          attributes: {generate_node_acls: true, demo_mode_write_protect: false}');
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
  const log = openSync(path.join(home, 'log'), 'w');
  const socket = path.join(home, 'control.sock');
  const env = { ...process.env, LUNSMITH_HOME: home, LUNSMITH_SOCKET: socket };
  const began = performance.now();
  const args = [PROGRAM, 'daemon', '--config', config, '--socket', socket];
  const { child } = serve(process.execPath, args, { env, stdio: ['ignore', log, log] });
  closeSync(log);
  const listening = () => readFileSync('/proc/net/tcp', 'utf8').includes(portHex(port));
  const up = targets > 0 ? listening : () => delay(1_500).then(() => true);
  try {
    await eventually(name, child, up);
  } catch (error) {
    const text = readFileSync(path.join(home, 'log'), 'utf8').slice(-2000);
    throw new Error(`${error.message}\n${text}`, { cause: error });
  }
  const seconds = (performance.now() - began) / 1000;
  await delay(SETTLE_MS);
  return { child, port, seconds, bytes: memory(child.pid) };
}

const portHex = (port) =>
  `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')} 00000000:0000`;

/** Runs the load generator; `during` is called in the midst of its run. */
async function loaded(program, args, during) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  child.stderr.on('data', (chunk) => (errors += chunk));
  const ended = new Promise((resolve) => child.once('close', resolve));
  const begun = new Promise((resolve) => {
    child.stdout.on('data', (chunk) => {
      output += chunk;
      if (output.includes('begin')) resolve();
    });
  });
  const limit = setTimeout(() => child.kill('SIGKILL'), 60_000);
  await Promise.race([begun, ended]);
  await delay(SETTLE_MS / 2);
  const seen = during();
  const status = await ended;
  clearTimeout(limit);
  if (status !== 0) throw new Error(`load: ${errors.trim()}`);
  return { seen, report: JSON.parse(output.trim().split('\n').at(-1)) };
}

async function measureSessions(folder, load, count) {
  const daemon = await start(folder, 'sessions', 1, 1);
  try {
    const target = ['--portal', `127.0.0.1:${daemon.port}`, '--target', NAME(0)];
    const { pid } = daemon.child;
    const idle = ['--sessions', String(count), '--depth', '1', '--seconds', '3', '--warmup', '0'];
    const many = await loaded(load, [...target, ...idle], () => memory(pid));
    const after = memory(pid);
    const large = ['--sessions', '16', '--depth', '128', '--size', '1048576', '--write', '50'];
    const big = await loaded(load, [...target, ...large, '--seconds', '4'], () => memory(pid));
    return {
      sessions: count,
      bytesPerSession: Math.round((many.seen - daemon.bytes) / count),
      commandsPerSecond: Math.round(many.report.commands / many.report.seconds),
      p99: many.report.p99,
      bytesAfterwards: after,
      bytesAtDepth128: memory(pid, 'VmHWM'),
      megabytesPerSecondAtDepth128: Math.round(big.report.commands / big.report.seconds),
    };
  } finally {
    await stop(daemon.child, 'SIGTERM');
  }
}

export async function benchScale(args) {
  const { values } = parseArgs({
    args,
    options: {
      luns: { type: 'string', default: '10000' },
      sessions: { type: 'string', default: '1000' },
      json: { type: 'boolean', default: false },
    },
  });
  const luns = Number(values.luns);
  build();
  const folder = mkdtempSync(path.join(os.tmpdir(), 'lunsmith-scale-'));
  try {
    const load = compile('load', folder);
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
    const result = {
      emptyBytes: empty.bytes,
      bytesPerTarget: Math.round(perTarget),
      luns,
      bytesPerLun: Math.round((many.bytes - empty.bytes - ofTargets) / luns),
      secondsToServe: Number(many.seconds.toFixed(2)),
      ...(await measureSessions(folder, load, Number(values.sessions))),
    };
    if (values.json) console.log(JSON.stringify(result, null, 2));
    else for (const [what, value] of Object.entries(result)) console.log(`${what}: ${value}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
