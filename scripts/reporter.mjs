// A vitest reporter that counts: one line per skipped test with its reason; the sums and what
// failed as JSON in the file that LUNSMITH_TEST_COUNTS names.
import { writeFileSync } from 'node:fs';
import path from 'node:path';

/** What is kept of a failure: its first lines say enough, and a log that is cut keeps its end. */
const LINES_KEPT = 12;
const WIDTH_KEPT = 300;

function told(where, errors) {
  const text = errors
    .map(({ message, diff }) => [message, diff].filter(Boolean).join('\n'))
    .join('\n');
  const lines = text.split('\n').slice(0, LINES_KEPT);
  return [where, ...lines.map((line) => `    ${line.slice(0, WIDTH_KEPT)}`)].join('\n');
}

export default class CountingReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const counts = { passed: 0, failed: 0, skipped: 0 };
    const failures = unhandledErrors.map((error) => told('outside any test', [error]));
    for (const module of modules) {
      const file = path.relative(process.cwd(), module.moduleId);
      for (const test of module.children.allTests()) {
        this.#count(test, counts);
        const { state, errors = [] } = test.result();
        if (state === 'failed') failures.push(told(`${file} > ${test.fullName}`, errors));
      }
      // A file or hook that fails takes its tests with it: it must not count as nothing.
      for (const suite of [module, ...module.children.allSuites()]) {
        const errors = suite.errors();
        if (errors.length > 0) failures.push(told(`${file} > ${suite.name ?? 'the file'}`, errors));
      }
    }
    counts.failed = failures.length;
    const file = process.env.LUNSMITH_TEST_COUNTS;
    if (file !== undefined) writeFileSync(file, JSON.stringify({ counts, failures }));
  }

  #count(test, counts) {
    const { state, note } = test.result();
    if (state === 'passed') counts.passed += 1;
    else if (state !== 'failed') {
      counts.skipped += 1;
      console.log(`skipped: ${test.fullName}: ${note ?? test.meta().reason ?? 'no reason given'}`);
    }
  }
}
