// A vitest reporter that counts: one line per skipped test with its reason, and the sums as JSON in
// the file that LUNSMITH_TEST_COUNTS names.
import { writeFileSync } from 'node:fs';

export default class CountingReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const counts = { passed: 0, failed: 0, skipped: 0 };
    for (const module of modules) {
      for (const test of module.children.allTests()) this.#count(test, counts);
      // A file or hook that fails takes its tests with it: it must not count as nothing.
      const failedSuites = [...module.children.allSuites()].filter(
        (suite) => suite.errors().length > 0,
      );
      counts.failed += failedSuites.length + (module.errors().length > 0 ? 1 : 0);
    }
    counts.failed += unhandledErrors.length;
    const file = process.env.LUNSMITH_TEST_COUNTS;
    if (file !== undefined) writeFileSync(file, JSON.stringify(counts));
  }

  #count(test, counts) {
    const { state, note } = test.result();
    if (state === 'passed') counts.passed += 1;
    else if (state === 'failed') counts.failed += 1;
    else {
      counts.skipped += 1;
      console.log(`skipped: ${test.fullName}: ${note ?? test.meta().reason ?? 'no reason given'}`);
    }
  }
}
