// The targets under comparison. Each serves the same files: LUN numbers are in `luns` by medium.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../scripts/prepare.mjs';
import { filledFiles, fillMemory } from './files.mjs';
import { FIRST_OF_MANY, NAME, served, startIstgt, startTgt } from './foreign_targets.mjs';
import { compile, eventually, freePort, must, serve, stop } from './programs.mjs';

/** The minimal C target serves one medium; `null` is the echo that proves the load generator. */
async function startMinimal(name, file, folder) {
  const program = await compile('minimal_target', folder);
  const { child, output } = serve(program, [file]);
  await eventually(name, child, () => output.text.includes('\n'));
  return { port: Number(output.text.trim()), lun: 0, pid: child.pid, stop: () => stop(child) };
}

/** One process per medium, but one name: they are never loaded at the same time. */
async function startMinimals({ files, folder, many }) {
  const paths =
    many === undefined
      ? { file: files.file, ram: files.memory, cold: files.cold, null: 'null' }
      : { many: files.file };
  const byMedium = {};
  for (const [medium, file] of Object.entries(paths)) {
    byMedium[medium] = await startMinimal('minimal', file, folder);
  }
  return {
    name: 'minimal',
    target: 'any',
    oneLun: true,
    serving: (medium) => byMedium[medium],
    stop: () => Promise.all(Object.values(byMedium).map((each) => each.stop())),
  };
}

async function startEcho({ folder }) {
  const one = await startMinimal('echo', 'null', folder);
  return { name: 'echo', target: 'any', oneLun: true, serving: () => one, stop: one.stop };
}

const NODE = process.execPath;
const PROGRAM = 'dist/src/bin/lunsmith.js';

function configuration({ files, megabytes, port, many = [] }) {
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
  many.forEach((file, at) => {
    lines.push(`/backstores/fileio create many${at} ${file} write_back=true`);
    lines.push(`${tpg}/luns create /backstores/fileio/many${at} lun=${FIRST_OF_MANY + at}`);
  });
  lines.push(`${tpg}/portals create 127.0.0.1 ${port}`);
  return lines.map((line) => `${line}\n`).join('');
}

/** A folder of its own, and what the daemon and its shell are told by their environment. */
function environmentOf(folder, name, dataThreads) {
  const home = path.join(folder, name);
  mkdirSync(path.join(home, 'home'), { mode: 0o700, recursive: true });
  const preferences = { version: 1, preferences: { data_threads: dataThreads } };
  writeFileSync(path.join(home, 'home', 'preferences.json'), JSON.stringify(preferences));
  const env = {
    // As a daemon in the background has it (src/bin/start_daemon.ts).
    UV_THREADPOOL_SIZE: '64',
    ...process.env,
    LUNSMITH_CONFIG: path.join(home, 'saveconfig.yaml'),
    LUNSMITH_SOCKET: path.join(home, 'control.sock'),
    LUNSMITH_HOME: path.join(home, 'home'),
  };
  return { home, env };
}

/** Our own daemon, as users run it. `nodeArgs`: for a profile; `root`: which build of it. */
async function startLunsmith(options, name = 'lunsmith', root = ROOT) {
  const { files, folder, bytes, many, nodeArgs = [], dataThreads = '1' } = options;
  const program = path.join(root, PROGRAM);
  const port = await freePort();
  const { home, env } = environmentOf(folder, name, dataThreads);
  const { child, output } = serve(NODE, [...nodeArgs, program, 'daemon'], { env, cwd: home });
  const shell = (input) => must(NODE, [program], { env, input });
  // Asked any sooner, the shell would start a daemon of its own.
  await eventually(name, child, () => existsSync(env.LUNSMITH_SOCKET));
  await shell('version\n');
  try {
    await shell(configuration({ files, megabytes: bytes / (1024 * 1024), port, many }));
  } catch (error) {
    throw new Error(`${error.message}\n${output.text}`, { cause: error });
  }
  const luns = { file: 0, ram: 1, cold: 2, null: 1, many: FIRST_OF_MANY };
  const end = () => stop(child, 'SIGTERM');
  const target = { name, ...served(child, port, luns), stop: end, shell };
  const { media } = options;
  if (media.has('ram') || media.has('null')) await fillMemory(options.load, target);
  return target;
}

/** Two daemons do not share a file: another of ours has files of its own, filled the same way. */
async function startAnother(options, name, root) {
  const folder = path.join(options.folder, `${name}-files`);
  mkdirSync(folder);
  const memory = path.join(path.dirname(options.files.memory), `${name}.img`);
  const files = await filledFiles(options.load, folder, memory, options.media);
  return { ...(await startLunsmith({ ...options, files }, name, root)), files };
}

/** Another build, with one data thread. */
const startBeside = (options) =>
  startAnother({ ...options, dataThreads: '1' }, 'beside', path.resolve(options.beside));

/** This build with two data threads, for two sessions. */
const startTwoThreads = (options) =>
  startAnother({ ...options, dataThreads: '2', media: new Set(['file']) }, 'lunsmith2', ROOT);

const STARTERS = {
  tgt: startTgt,
  istgt: startIstgt,
  lunsmith: startLunsmith,
  lunsmith2: startTwoThreads,
  beside: startBeside,
  minimal: startMinimals,
  echo: startEcho,
};
export const TARGETS = Object.keys(STARTERS);

/** Starts those named; one that is missing or fails is said and left out, the others run. */
export async function startTargets(names, options) {
  const targets = new Map();
  for (const name of names) {
    try {
      const target = await STARTERS[name](options);
      if (typeof target === 'string') console.error(`left out: ${target}`);
      else targets.set(name, target);
    } catch (error) {
      console.error(`left out: ${name}: ${error.message}`);
    }
  }
  return targets;
}
