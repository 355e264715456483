// tgt and istgt as Debian packages them, with LUNs on the files of the bench.
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { eventually, found, freePort, must, serve, stop } from './programs.mjs';

export const NAME = 'iqn.2026-01.net.example:bench';
/** The first of 1,000 LUNs: numbers of two bytes, as a target with so many has them. */
export const FIRST_OF_MANY = 1000;

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

/** One process, a LUN for each medium. */
export const served = (child, port, luns) => ({
  target: NAME,
  pid: child.pid,
  serving: (medium) => ({ port, lun: luns[medium], pid: child.pid }),
  stop: () => stop(child),
});

/** Waits until tgtd takes orders; the order itself. */
async function administer(admin, control, child) {
  const ask = (...args) => must(admin, ['-C', control, '--lld', 'iscsi', ...args]);
  await eventually('tgtd', child, () =>
    ask('--mode', 'target', '--op', 'show').then(
      () => true,
      () => false,
    ),
  );
  return ask;
}

/** tgt: as packaged, with its own defaults for every key; but digests are allowed. */
export async function startTgt({ files, folder, many }) {
  const daemon = found('tgtd');
  const admin = found('tgtadm');
  if (daemon === undefined || admin === undefined) return 'tgt is not installed';
  const port = await freePort();
  const control = String((port % 30_000) + 1);
  const log = path.join(folder, `tgtd.${port}.log`);
  // It says a few lines for each LUN, and waits until they are read.
  const { child } = serve(daemon, ['-f', '-C', control, '--iscsi', `portal=127.0.0.1:${port}`], {
    log,
  });
  const ask = await administer(admin, control, child);
  await ask('--mode', 'target', '--op', 'new', '--tid', '1', '-T', NAME);
  const add = (lun, file, ...more) => {
    const to = ['--tid', '1', '--lun', String(lun)];
    return ask('--mode', 'logicalunit', '--op', 'new', ...to, '-b', file, ...more);
  };
  if (many === undefined) {
    for (const [at, file] of [files.file, files.memory, files.cold].entries()) {
      await add(at + 1, file);
    }
    await add(4, files.file, '--bstype', 'null');
  } else {
    for (const [at, file] of many.entries()) await add(FIRST_OF_MANY + at, file);
  }
  for (const name of ['HeaderDigest', 'DataDigest']) {
    const digest = ['--name', name, '--value', 'CRC32C,None'];
    await ask('--mode', 'target', '--op', 'update', '--tid', '1', ...digest);
  }
  await ask('--mode', 'target', '--op', 'bind', '--tid', '1', '-I', 'ALL');
  const luns = { file: 1, ram: 2, cold: 3, null: 4, many: FIRST_OF_MANY };
  return { name: 'tgt', ...served(child, port, luns) };
}

/** istgt: its example configuration, with room for 16 sessions of depth 128. */
export async function startIstgt({ files, folder, bytes, many }) {
  const daemon = found('istgt');
  if (daemon === undefined) return 'istgt is not installed';
  if (many !== undefined) return 'istgt knows 64 LUNs for each target';
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
  return { name: 'istgt', ...served(child, port, { file: 0, cold: 1, ram: 2 }) };
}
