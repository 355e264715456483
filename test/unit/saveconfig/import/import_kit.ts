/** What tests of importers share: a machine that knows nothing, and serial numbers in order. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { BackingInfo } from '../../../../src/objects/engine_port.ts';
import type {
  FormatReader,
  Imported,
  SourceText,
  Surroundings,
} from '../../../../src/saveconfig/import/imported.ts';
import { wwnOf } from '../../../fixtures/documents.ts';

const FIXTURES = path.resolve(import.meta.dirname, '../../../fixtures/import');

export function fixture(name: string): SourceText {
  return { file: name, text: readFileSync(path.join(FIXTURES, name), 'utf8') };
}

export function file(size: number): BackingInfo {
  return { exists: true, type: 'file', size, readonly: false, parentExists: true };
}
export function device(size: number): BackingInfo {
  return { exists: true, type: 'block', size, readonly: false, parentExists: true };
}

export function surroundings(
  backings: Readonly<Record<string, BackingInfo>> = {},
  files: Readonly<Record<string, readonly SourceText[]>> = {},
): Surroundings {
  let count = 0xa000;
  return {
    files: (pattern) => files[pattern] ?? [],
    backing: (name) => backings[name],
    newWwn: () => wwnOf((count += 1)),
  };
}

export function imported(
  read: FormatReader,
  source: SourceText,
  around: Surroundings = surroundings(),
): Imported {
  const result = read(source, around);
  if (!result.ok) throw new Error(result.problem);
  return result.imported;
}

/** `12: what: why`, as people read it. */
export function reasons({ notCarried }: Imported): string[] {
  return notCarried.map(({ line, what, why }) => `${line ?? '-'}: ${what}: ${why}`);
}
