import { defineConfig } from 'vitest/config';

/** Fast suites first; each project is one suite of scripts/test.mjs. */
const project = (name: string, include: string[], timeoutMs = 20_000) => ({
  test: { name, include, testTimeout: timeoutMs, hookTimeout: 60_000 },
});

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      project('tidy', ['test/*.test.ts']),
      project('unit', ['test/unit/**/*.test.ts', 'test/compliance/**/*.test.ts']),
    ],
  },
});
