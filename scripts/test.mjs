// `npm test [-- SUITE…]`: installs and builds when needed, runs the suites, and ends with one line
// `N passed, N failed, N skipped` over all of them. With CI or REQUIRE set to anything but empty or
// `false`, a missing tool is a failure instead of skipped tests.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build, checkNodeVersion, install, PrepareError, ROOT } from './prepare.mjs';
import { SUITES } from './suites.mjs';
import { installTools, missingTools } from './tools.mjs';

const MINUTES_DEFAULT = 5;
const KILL_GRACE_MS = 5000;
const isSet = (value) => value !== undefined && value !== '' && value !== 'false';
const toolsRequired = isSet(process.env.CI) || isSet(process.env.REQUIRE);

/** The virtual machine takes 4 GiB and minutes: in CI, or when asked for by name. */
const labWanted = isSet(process.env.CI) || process.argv.includes('lab');
/** `npm run test:lab -- iser`: machines with more in them, each only when asked for by name. */
const MACHINES = ['iser', 'lio', 'systemd'];
const machines = labWanted ? MACHINES.filter((name) => process.argv.includes(name)) : [];

const total = { passed: 0, failed: 0, skipped: 0 };
const failures = [];
const phrase = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed, ${skipped} skipped`;

/** `told`: a text for each failure, said again at the end, where a long log is looked at first. */
function add(name, counts, told = []) {
  for (const key of Object.keys(total)) total[key] += counts[key];
  if (counts.failed > 0) failures.push(`${name}: ${counts.failed} failed`, ...told);
}

function finish() {
  console.log(failures.length === 0 ? '\nAll suites passed.' : `\n${failures.join('\n')}`);
  // The exit waits for the line: a pipe may be slower than the process.
  process.stdout.write(`${phrase(total)}\n`, () => process.exit(total.failed === 0 ? 0 : 1));
}

/** Resolves with the exit status; what outlives its minutes is killed with its children. */
function run(command, args, { minutes = MINUTES_DEFAULT, env = {} } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: ROOT,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'inherit', 'inherit'],
      detached: true,
    });
    const kill = (signal) => {
      try {
        process.kill(-child.pid, signal);
      } catch {
        // It has gone already.
      }
    };
    let hardKill;
    const timer = setTimeout(() => {
      console.log(`stopped: not finished after ${minutes} minutes`);
      kill('SIGTERM');
      hardKill = setTimeout(() => kill('SIGKILL'), KILL_GRACE_MS);
    }, minutes * 60_000);
    const interrupted = () => {
      kill('SIGKILL');
      process.exit(130);
    };
    process.once('SIGINT', interrupted);
    process.once('SIGTERM', interrupted);
    const done = (status) => {
      clearTimeout(timer);
      clearTimeout(hardKill);
      process.removeListener('SIGINT', interrupted);
      process.removeListener('SIGTERM', interrupted);
      resolve(status);
    };
    child.on('error', (error) => {
      console.log(error.message);
      done(1);
    });
    child.on('exit', (status) => done(status ?? 1));
  });
}

const inModules = (file) => path.join(ROOT, 'node_modules', file);

async function runCheck() {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const told = [];
  const checks = [
    ['types', 'typescript/bin/tsc', ['-p', 'tsconfig.json', '--noEmit']],
    ['lint', 'eslint/bin/eslint.js', ['.']],
    ['format', 'prettier/bin/prettier.cjs', ['--check', '.', '--log-level=warn']],
    ['generated files', '../scripts/schema.mjs', ['--check']],
  ];
  for (const [name, file, args] of checks) {
    const status = await run(process.execPath, [inModules(file), ...args]);
    console.log(`${status === 0 ? 'ok' : 'FAILED'}: ${name}`);
    counts[status === 0 ? 'passed' : 'failed'] += 1;
    if (status !== 0) told.push(name);
  }
  return { counts, told };
}

async function runVitest(suite, folder) {
  const file = path.join(folder, `${suite.name}.json`);
  const { projects = [suite.name], files = [] } = suite;
  const args = ['run', '--passWithNoTests', '--reporter=default', ...files];
  for (const project of projects) args.push('--project', project);
  args.push('--reporter', path.join(ROOT, 'scripts/reporter.mjs'));
  if (suite.name === 'lab') args.push(...machines);
  const status = await run(process.execPath, [inModules('vitest/vitest.mjs'), ...args], {
    minutes: suite.minutes,
    env: {
      ...suite.env,
      LUNSMITH_TEST_COUNTS: file,
      ...(labWanted ? { LUNSMITH_LAB: '1' } : {}),
      ...Object.fromEntries(machines.map((name) => [`LUNSMITH_LAB_${name.toUpperCase()}`, '1'])),
    },
  });
  let counts = { passed: 0, failed: 0, skipped: 0 };
  let told = [];
  try {
    ({ counts, failures: told } = JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    // It died before its end; the status below counts that.
  }
  if (counts.failed === 0 && status !== 0) counts.failed = 1;
  if (counts.passed + counts.failed + counts.skipped === 0) {
    console.log('FAILED: this suite holds no test');
    counts.failed = 1;
  }
  return { counts, told };
}

function checkTools() {
  installTools();
  const missing = missingTools();
  if (missing.length === 0) return;
  for (const { name, package: debian } of missing) {
    console.log(`Missing: ${name} (Debian package ${debian}); tests that need it are skipped`);
  }
  if (toolsRequired) add('tools', { passed: 0, failed: missing.length, skipped: 0 });
}

function chosenSuites(names) {
  const unknown = names.filter((name) => !SUITES.some((suite) => suite.name === name));
  if (unknown.length > 0) {
    const known = SUITES.map((suite) => suite.name).join(' ');
    throw new PrepareError(`No suite called ${unknown.join(', ')}; there are: ${known}`);
  }
  return names.length === 0 ? SUITES : SUITES.filter((suite) => names.includes(suite.name));
}

async function main() {
  const names = process.argv.slice(2).filter((name) => !machines.includes(name));
  const suites = chosenSuites(names);
  checkNodeVersion();
  install();
  build();
  checkTools();
  const folder = mkdtempSync(path.join(tmpdir(), 'lunsmith-test-'));
  for (const suite of suites) {
    const began = performance.now();
    console.log(`\n=== ${suite.name}: ${suite.title}`);
    const { counts, told } = await (suite.name === 'check' ? runCheck() : runVitest(suite, folder));
    add(suite.name, counts, told);
    const seconds = Math.round((performance.now() - began) / 1000);
    console.log(`--- ${suite.name}: ${phrase(counts)} (${seconds} s)`);
  }
  rmSync(folder, { recursive: true, force: true });
}

try {
  await main();
} catch (error) {
  console.error(error instanceof PrepareError ? `Error: ${error.message}` : error);
  add('npm test', { passed: 0, failed: 1, skipped: 0 });
}
finish();
