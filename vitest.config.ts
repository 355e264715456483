import { defineConfig } from 'vitest/config';

/**
 * What a test polls for comes when the machine has time for it: only a machine that hangs takes
 * longer. Less than any test's own limit, so that a failure names what was waited for.
 */
const POLL_WITHIN_MS = 15_000;

interface ProjectOptions {
  readonly testTimeout?: number;
  /** Files side by side; off where they compete for the machine or a port. */
  readonly parallel?: boolean;
}

/** Each project is one suite of scripts/suites.mjs. */
const project = (name: string, include: string, options: ProjectOptions = {}) => ({
  test: {
    name,
    include: [include],
    testTimeout: options.testTimeout ?? 20_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: POLL_WITHIN_MS } },
    fileParallelism: options.parallel ?? true,
  },
});

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      project('tidy', 'test/*.test.ts', { testTimeout: 60_000 }),
      project('unit', 'test/unit/**/*.test.ts'),
      project('shell', 'test/shell/**/*.test.ts', { testTimeout: 60_000 }),
      project('loopback', 'test/loopback/**/*.test.ts', { testTimeout: 60_000 }),
      project('e2e', 'test/e2e/**/*.test.ts', { testTimeout: 60_000, parallel: false }),
      project('terminal', 'test/terminal/**/*.test.ts', { testTimeout: 60_000, parallel: false }),
      project('interop', 'test/interop/**/*.test.ts', { testTimeout: 120_000, parallel: false }),
      project('lab', 'test/lab/**/*.test.ts', { parallel: false }),
      project('conformance', 'test/conformance/**/*.test.ts', {
        testTimeout: 120_000,
        parallel: false,
      }),
    ],
  },
});
