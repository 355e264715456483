/** libiscsi's conformance suite, one case per process. */
import { mustRun, run } from '../support/programs.ts';

const CASE_TIMEOUT_MS = 60_000;
/** Another build of the tool, for cases that the distribution's does not have yet. */
export const TOOL = process.env['LUNSMITH_ISCSI_TEST_CU'] ?? 'iscsi-test-cu';

export interface CaseResult {
  /** CUnit counts a skipped case as passed: its own message tells. */
  readonly outcome: 'pass' | 'skip' | 'fail';
  /** The tool's messages, or how it ended. */
  readonly detail: string;
}

/** `Read10.Simple` …: every case the installed tool knows. */
export async function listCases(): Promise<string[]> {
  const { stdout } = await mustRun(TOOL, ['-l']);
  return stdout
    .split('\n')
    .filter((line) => /^ALL\.[^.]+\.[^.]+$/.test(line))
    .map((line) => line.slice('ALL.'.length));
}

/** `urls`: one path, or two for the multipath cases. */
export async function runCase(name: string, urls: readonly string[]): Promise<CaseResult> {
  const args = ['--dataloss', '--allow-sanitize', '--normal', '-t', `ALL.${name}`, ...urls];
  const outcome = await run(TOOL, args, { timeoutMs: CASE_TIMEOUT_MS });
  return judge(outcome.stdout + outcome.stderr, outcome.timedOut, urls.length);
}

const BANNER = 'CUnit - A unit testing framework';
const NO_RESERVATIONS = '[SKIPPED] PERSISTENT RESERVE IN is not implemented.';

/**
 * Before a case, and after it on each path, the tool looks for leftover reservations, and says so
 * where a target has none. That is not the case's own message.
 */
function withoutHousekeeping(output: string, paths: number): string {
  const banner = output.indexOf(BANNER);
  if (banner === -1) return output;
  let text = output.slice(banner);
  if (!output.slice(0, banner).includes(NO_RESERVATIONS)) return text;
  for (let path = 0; path < paths; path += 1) {
    const last = text.lastIndexOf(NO_RESERVATIONS);
    if (last !== -1) text = text.slice(0, last) + text.slice(last + NO_RESERVATIONS.length);
  }
  return text;
}

export function judge(output: string, timedOut: boolean, paths = 1): CaseResult {
  const text = withoutHousekeeping(output, paths);
  const messages = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => /^\[(FAILED|SKIPPED)\]|^\d+\. test_/.test(line));
  const detail = messages.join('\n') || text.trim();
  if (timedOut) return { outcome: 'fail', detail: `No end within a minute\n${detail}` };
  const summary = /^\s*tests\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)/m.exec(text);
  const [ran, passed] = [summary?.[2], summary?.[3]];
  if (ran !== '1' || passed !== '1') return { outcome: 'fail', detail };
  if (text.includes('[SKIPPED]')) return { outcome: 'skip', detail };
  return { outcome: 'pass', detail: '' };
}
