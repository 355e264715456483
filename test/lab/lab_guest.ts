/** A guest of the lab: built when it is missing, then one script in it. */
import path from 'node:path';
import { have, mustRun, run } from '../support/programs.ts';

const MINUTE_MS = 60_000;
export const BUILD_MS = 15 * MINUTE_MS;
const VM = path.join(import.meta.dirname, 'vm');

export interface GuestImage {
  /** Of its folder in the cache. */
  readonly name: string;
  /** Debian packages besides those of every guest, with commas. */
  readonly packages: string;
}

/** That of linux_initiator.test.ts. */
export const STANDARD_IMAGE: GuestImage = { name: '', packages: '' };

export interface GuestRun {
  readonly image: GuestImage;
  readonly script: string;
  readonly seconds: number;
  /** What the builder and the runner of the guest understand. */
  readonly lab: Readonly<Record<string, string>>;
  /** Of the script. */
  readonly env: Readonly<Record<string, string>>;
}

export interface GuestResult {
  readonly status: number;
  readonly stdout: string;
  readonly output: string;
  /** By step: PASS, FAIL or SKIP. */
  readonly results: ReadonlyMap<string, string>;
}

/** Why it cannot run here; `variable` is set where it was asked for by name. */
export function whyNoGuest(variable: string, how: string): string | undefined {
  if (process.env[variable] !== '1') return `runs by ${how} only`;
  if (process.getuid?.() !== 0) return 'building the guest needs root';
  if (!have('apt-get')) return 'the guest is built from Debian packages';
  return undefined;
}

export async function runInGuest(guest: GuestRun): Promise<GuestResult> {
  const { image, script, seconds, lab, env } = guest;
  const home = process.env['XDG_CACHE_HOME'] ?? path.join(process.env['HOME'] ?? '', '.cache');
  const LAB_DIR = path.join(home, ['lunsmith-lab-guest', image.name].filter(Boolean).join('-'));
  const labEnv = { LAB_DIR, LAB_PACKAGES: image.packages, ...lab };
  await mustRun('bash', [path.join(VM, 'build.sh')], { timeoutMs: BUILD_MS, env: labEnv });
  const pairs = Object.entries(env).map(([key, value]) => `${key}=${value}`);
  const file = path.join(import.meta.dirname, script);
  const args = [path.join(VM, 'run_guest.sh'), String(seconds), file, ...pairs];
  const timeoutMs = (seconds + 60) * 1000;
  const { status, stdout, stderr } = await run('bash', args, { timeoutMs, env: labEnv });
  const results = new Map<string, string>();
  for (const [, result = '', step = ''] of stdout.matchAll(/^(PASS|FAIL|SKIP) (.+)$/gm)) {
    results.set(step, result);
  }
  return { status, stdout, output: `${stdout}\n${stderr}`, results };
}
