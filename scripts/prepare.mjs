// What must stand before the program or its tests can run: packages installed, sources built.
// Both steps are quiet and cheap when there is nothing to do.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export const ROOT = path.resolve(import.meta.dirname, '..');
export const PROGRAM = path.join(ROOT, 'dist/src/bin/lunsmith.js');
const STAMP = path.join(ROOT, 'dist/.sources');
const NODE_MINIMUM = [20, 19];

/** A step of preparation that failed: `message` is for the user, no stack needed. */
export class PrepareError extends Error {
  name = 'PrepareError';
}

export function checkNodeVersion() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const [needMajor, needMinor] = NODE_MINIMUM;
  if (major > needMajor || (major === needMajor && minor >= needMinor)) return;
  throw new PrepareError(
    `Node ${needMajor}.${needMinor} or later is needed, this is ${process.versions.node}: ` +
      'install a newer Node (https://nodejs.org) and run the command again',
  );
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * Compares what npm recorded in node_modules with the lock file: contents, not times, because a
 * checkout changes times without changing packages. Optional packages may be absent.
 */
export function needsInstall(root = ROOT) {
  const wanted = readJson(path.join(root, 'package-lock.json'))?.packages;
  const present = readJson(path.join(root, 'node_modules/.package-lock.json'))?.packages;
  if (wanted === undefined) return false;
  if (present === undefined) return true;
  return Object.entries(wanted).some(([place, entry]) => {
    if (place === '' || entry.link) return false;
    const found = present[place];
    if (found === undefined) return !entry.optional && !entry.devOptional && !entry.peer;
    return found.version !== entry.version || found.integrity !== entry.integrity;
  });
}

/** A digest of names, sizes and times of everything the build reads. */
function sourcesDigest(root) {
  const digest = createHash('sha1');
  const files = readdirSync(path.join(root, 'src'), { recursive: true })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => path.join('src', name));
  for (const file of [...files.sort(), 'tsconfig.json', 'tsconfig.build.json', 'package.json']) {
    const { size, mtimeMs } = statSync(path.join(root, file));
    digest.update(`${file} ${size} ${mtimeMs}\n`);
  }
  return digest.digest('hex');
}

export function needsBuild(root = ROOT) {
  try {
    statSync(path.join(root, 'dist/src/bin/lunsmith.js'));
    return readFileSync(path.join(root, 'dist/.sources'), 'utf8') !== sourcesDigest(root);
  } catch {
    return true;
  }
}

/** Runs a step with its output on stderr: stdout and stdin belong to the program that follows. */
function step(what, command, args, remedy) {
  console.error(`${what} (${[path.basename(command), ...args].join(' ')}) …`);
  const { status, signal, error } = spawnSync(command, args, {
    cwd: ROOT,
    stdio: ['ignore', 2, 2],
  });
  if (error !== undefined) throw new PrepareError(`${what} failed: ${error.message}`);
  if (status === 0) return;
  const how = signal === null ? `exit status ${status}` : `signal ${signal}`;
  throw new PrepareError(`${what} failed with ${how}; ${remedy}`);
}

export function install() {
  if (!needsInstall()) return;
  step(
    'Installing packages',
    'npm',
    ['ci', '--no-audit', '--no-fund', '--loglevel=error'],
    'the messages above name the cause (is the package registry reachable?)',
  );
}

export function build() {
  if (!needsBuild()) return;
  const digest = sourcesDigest(ROOT);
  const tsc = path.join(ROOT, 'node_modules/typescript/bin/tsc');
  step(
    'Building',
    process.execPath,
    [tsc, '-p', 'tsconfig.build.json'],
    'the compiler names file and line above',
  );
  mkdirSync(path.dirname(STAMP), { recursive: true });
  writeFileSync(STAMP, digest);
}
