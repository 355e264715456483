// The targets under comparison. Each serves the same files: LUN numbers are in `luns` by medium.
import { Buffer } from 'node:buffer';
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { ROOT } from '../scripts/prepare.mjs';
import { compile, eventually, found, freePort, must, serve, stop } from './programs.mjs';

const NAME = 'iqn.2026-01.net.example:bench';
export const THOUSAND = 1000;
const MANY_BYTES = 1024 * 1024;

function answers(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

/** tgt: as packaged, with its own defaults for every key; but digests are allowed. */
async function startTgt({ files }) {
  const daemon = found('tgtd');
  const admin = found('tgtadm');
  if (daemon === undefined || admin === undefined) return 'tgt is not installed';
  const port = await freePort();
  const control = String((port % 30_000) + 1);
  const portal = `portal=127.0.0.1:${port}`;
  const { child } = serve(daemon, ['-f', '-C', control, '--iscsi', portal]);
  const ask = (...args) => must(admin, ['-C', control, '--lld', 'iscsi', ...args]);
  await eventually('tgtd', child, () => {
    try {
      ask('--mode', 'target', '--op', 'show');
      return true;
    } catch {
      return false;
    }
  });
  ask('--mode', 'target', '--op', 'new', '--tid', '1', '-T', NAME);
  const add = (lun, file, ...more) => {
    const to = ['--tid', '1', '--lun', String(lun)];
    ask('--mode', 'logicalunit', '--op', 'new', ...to, '-b', file, ...more);
  };
  [files.file, files.memory, files.cold].forEach((file, at) => add(at + 1, file));
  add(4, files.file, '--bstype', 'null');
  for (const name of ['HeaderDigest', 'DataDigest']) {
    const digest = ['--name', name, '--value', 'CRC32C,None'];
    ask('--mode', 'target', '--op', 'update', '--tid', '1', ...digest);
  }
  ask('--mode', 'target', '--op', 'bind', '--tid', '1', '-I', 'ALL');
  const luns = { file: 1, ram: 2, cold: 3, null: 4 };
  return { name: 'tgt', target: NAME, port, luns, pid: child.pid, stop: () => stop(child) };
}

/** istgt: its example configuration, with room for 16 sessions of depth 128. */
async function startIstgt({ files, folder, bytes }) {
  const daemon = found('istgt');
  if (daemon === undefined) return 'istgt is not installed';
  const port = await freePort();
  const home = path.join(folder, 'istgt');
  mkdirSync(home);
  writeFileSync(path.join(home, 'auth.conf'), '');
  const config = path.join(home, 'istgt.conf');
  const megabytes = bytes / (1024 * 1024);
  const lines = [
    '[Global]',
    `  NodeBase "iqn.2026-01.net.example"`,
    `  PidFile ${home}/istgt.pid`,
    `  AuthFile ${home}/auth.conf`,
    `  MediaDirectory ${home}`,
    '  LogFacility "local7"',
    '  Timeout 30\n  NopInInterval 20\n  DiscoveryAuthMethod None',
    '  MaxSessions 64\n  MaxConnections 4\n  MaxR2T 32\n  MaxOutstandingR2T 16',
    '  DefaultTime2Wait 2\n  DefaultTime2Retain 60',
    '  FirstBurstLength 262144\n  MaxBurstLength 1048576\n  MaxRecvDataSegmentLength 262144',
    '  InitialR2T Yes\n  ImmediateData Yes\n  DataPDUInOrder Yes\n  DataSequenceInOrder Yes',
    '  ErrorRecoveryLevel 0',
    '[UnitControl]',
    `  AuthMethod None\n  Portal UC1 127.0.0.1:${await freePort()}\n  Netmask 127.0.0.1`,
    '[PortalGroup1]',
    `  Portal DA1 127.0.0.1:${port}`,
    '[InitiatorGroup1]',
    '  InitiatorName "ALL"\n  Netmask 127.0.0.1/32',
    '[LogicalUnit1]',
    `  TargetName ${NAME}`,
    '  Mapping PortalGroup1 InitiatorGroup1',
    '  AuthMethod None\n  UseDigest Auto\n  UnitType Disk\n  QueueDepth 128',
    `  LUN0 Storage ${files.file} ${megabytes}MB`,
    `  LUN1 Storage ${files.cold} ${megabytes}MB`,
    `  LUN2 Storage ${files.memory} ${megabytes}MB`,
    '',
  ];
  writeFileSync(config, lines.join('\n'));
  const { child, output } = serve(daemon, ['-D', '-c', config, '-p', `${home}/istgt.pid`]);
  try {
    await eventually('istgt', child, () => answers(port));
  } catch (error) {
    throw new Error(`${error.message}\n${output.text}`, { cause: error });
  }
  const luns = { file: 0, cold: 1, ram: 2 };
  return { name: 'istgt', target: NAME, port, luns, pid: child.pid, stop: () => stop(child) };
}

/** The minimal C target serves one medium; `null` is the echo that proves the load generator. */
async function startMinimal(name, file, folder) {
  const program = compile('minimal_target', folder);
  const { child, output } = serve(program, [file]);
  await eventually(name, child, () => output.text.includes('\n'));
  const port = Number(output.text.trim());
  return { name, target: 'any', port, pid: child.pid, stop: () => stop(child) };
}

const MINIMAL_LUNS = { file: 0, ram: 0, cold: 0, null: 0 };

/** One process per medium, but one name: they are never loaded at the same time. */
async function startMinimals({ files, folder }) {
  const [file, ram, cold, none] = [
    await startMinimal('minimal', files.file, folder),
    await startMinimal('minimal', files.memory, folder),
    await startMinimal('minimal', files.cold, folder),
    await startMinimal('minimal', 'null', folder),
  ];
  const byMedium = { file, ram, cold, null: none };
  return {
    name: 'minimal',
    target: 'any',
    luns: MINIMAL_LUNS,
    on: (medium) => byMedium[medium],
    stop: () => Promise.all(Object.values(byMedium).map((each) => each.stop())),
  };
}

export async function startEcho(folder) {
  return { ...(await startMinimal('echo', 'null', folder)), luns: MINIMAL_LUNS };
}

const NODE = process.execPath;
const PROGRAM = 'dist/src/bin/lunsmith.js';

function configuration({ files, megabytes, port, thousand }) {
  const tpg = `/iscsi/${NAME}/tpg1`;
  const lines = [
    'set global auto_add_default_portal=false',
    `/backstores/fileio create file ${files.file} write_back=true`,
    `/backstores/ramdisk create ram ${megabytes}M`,
    `/backstores/fileio create cold ${files.cold} write_back=true`,
    `/iscsi create ${NAME}`,
    `${tpg}/luns create /backstores/fileio/file lun=0`,
    `${tpg}/luns create /backstores/ramdisk/ram lun=1`,
    `${tpg}/luns create /backstores/fileio/cold lun=2`,
    `${tpg} set attribute demo_mode_write_protect=0 generate_node_acls=1`,
    `${tpg} set attribute authentication=0 default_cmdsn_depth=256`,
  ];
  for (let at = 0; at < thousand.length; at++) {
    lines.push(`/backstores/fileio create many${at} ${thousand[at]} write_back=true`);
    lines.push(`${tpg}/luns create /backstores/fileio/many${at} lun=${THOUSAND + at}`);
  }
  lines.push(`${tpg}/portals create 127.0.0.1 ${port}`);
  return lines.map((line) => `${line}\n`).join('');
}

/** Our own daemon, as users run it. `nodeArgs`: for a profile; `root`: which build of it. */
async function startLunsmith(options, name = 'lunsmith', root = ROOT) {
  const { files, folder, bytes, thousandLuns, nodeArgs = [], dataThreads = '1' } = options;
  const program = path.join(root, PROGRAM);
  const port = await freePort();
  const home = path.join(folder, name);
  mkdirSync(home, { mode: 0o700 });
  const preferences = { version: 1, preferences: { data_threads: dataThreads } };
  mkdirSync(path.join(home, 'home'), { mode: 0o700 });
  writeFileSync(path.join(home, 'home', 'preferences.json'), JSON.stringify(preferences));
  const env = {
    // As a daemon in the background has it (src/bin/start_daemon.ts).
    UV_THREADPOOL_SIZE: '64',
    ...process.env,
    LUNSMITH_CONFIG: path.join(home, 'saveconfig.yaml'),
    LUNSMITH_SOCKET: path.join(home, 'control.sock'),
    LUNSMITH_HOME: path.join(home, 'home'),
  };
  const { child, output } = serve(NODE, [...nodeArgs, program, 'daemon'], { env, cwd: home });
  const shell = (input) => must(NODE, [program], { env, input });
  // Asked any sooner, the shell would start a daemon of its own.
  await eventually(name, child, () => existsSync(env.LUNSMITH_SOCKET));
  shell('version\n');
  const thousand = thousandLuns ? manyFiles(home) : [];
  try {
    shell(configuration({ files, megabytes: bytes / (1024 * 1024), port, thousand }));
  } catch (error) {
    throw new Error(`${error.message}\n${output.text}`, { cause: error });
  }
  const luns = { file: 0, ram: 1, cold: 2, null: 1 };
  const end = () => stop(child, 'SIGTERM');
  return { name, target: NAME, port, luns, pid: child.pid, stop: end, shell };
}

/** Written in full: a hole would not be in the page cache. */
function manyFiles(home) {
  const content = Buffer.alloc(MANY_BYTES, 0x5a);
  return Array.from({ length: THOUSAND }, (_, at) => {
    const file = path.join(home, `many${at}.img`);
    writeFileSync(file, content);
    return file;
  });
}

/** Two daemons do not share a file: the other build has files of its own, just as full. */
async function startBeside(options) {
  const folder = path.join(options.folder, 'beside-files');
  mkdirSync(folder);
  const files = {};
  for (const [medium, file] of Object.entries(options.files)) {
    files[medium] = path.join(
      medium === 'memory' ? path.dirname(file) : folder,
      `${medium}.beside`,
    );
    copyFileSync(file, files[medium]);
  }
  return {
    ...(await startLunsmith(
      { ...options, files, dataThreads: '1' },
      'beside',
      path.resolve(options.beside),
    )),
    files,
  };
}

const STARTERS = {
  tgt: startTgt,
  istgt: startIstgt,
  lunsmith: startLunsmith,
  beside: startBeside,
  minimal: startMinimals,
};

/** Starts those named; a missing one is said and left out. */
export async function startTargets(names, options) {
  const targets = new Map();
  for (const name of names) {
    const target = await STARTERS[name](options);
    if (typeof target === 'string') console.error(`left out: ${target}`);
    else targets.set(name, target);
  }
  return targets;
}
