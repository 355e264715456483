import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';

const SOURCE = join(import.meta.dirname, '../../../src');
/** `import … from 'x'` and `export … from 'x'`, not `import type` and not `import('x')`. */
const STATIC = /^(?:import|export)(?! type\b)[^'"]*?from\s+'([^']+)'|^import '([^']+)'/gms;

/** Packages that node reads before the first line of a module runs. */
function packagesOf(entry: string): Set<string> {
  const packages = new Set<string>();
  const seen = new Set<string>();
  const visit = (file: string) => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const [, from, bare] of readFileSync(file, 'utf8').matchAll(STATIC)) {
      const name = from ?? bare ?? '';
      if (name.startsWith('.')) visit(join(dirname(file), name));
      else if (!name.startsWith('node:')) packages.add(name);
    }
  };
  visit(join(SOURCE, entry));
  return packages;
}

describe('what a one-shot command loads before it runs', () => {
  test('the program itself loads no package', () => {
    expect([...packagesOf('bin/lunsmith.ts')]).toEqual([]);
  });

  test('the shell loads nothing of prompts, dialogs and tables', () => {
    expect([...packagesOf('bin/shell_role.ts')]).toEqual(['chalk']);
  });

  test('the terminal loads the core of the prompt, and dialogs only when one is shown', () => {
    const packages = packagesOf('shell/terminal.ts');
    expect(packages).toContain('@inquirer/core');
    expect(packages).not.toContain('@inquirer/prompts');
  });
});
