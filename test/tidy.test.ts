/**
 * What no compiler checks: layers, sizes, forbidden syntax, dead files, documented limits.
 * Each rule reports all its violations at once.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { layerViolations } from './tidy/layers.ts';
import { importsOf, readSourceFiles, resolveImport, ROOT, urlsOf } from './tidy/source_files.ts';
import {
  bareOffsets,
  citedClauses,
  forbiddenSyntax,
  limitConstants,
  sizeViolations,
} from './tidy/syntax_rules.ts';

const files = readSourceFiles();
const inSrc = files.filter((file) => file.name.startsWith('src/'));
const entries = inSrc.filter((file) => file.name.startsWith('src/bin/'));

/** Fails with the violations themselves rather than with their number. */
const expectNone = (violations: readonly string[]) => expect(violations.join('\n')).toBe('');

describe('the source as a whole', () => {
  test('there are source files and tests to look at', () => {
    expect(inSrc.length).toBeGreaterThan(20);
    expect(files.filter((file) => file.name.startsWith('test/')).length).toBeGreaterThan(3);
  });

  test('each layer imports only what the layer table allows', () => {
    expectNone(layerViolations(files));
  });

  test('files, functions and lines keep their sizes', () => {
    expectNone(files.flatMap(sizeViolations));
  });

  test('no forbidden syntax, no unfinished work, no silenced checks', () => {
    expectNone(files.flatMap(forbiddenSyntax));
  });

  test('file names are snake_case', () => {
    const named = /^(?:[a-z0-9_]+\/)*[a-z0-9_]+(\.test)?\.(ts|mjs)$/;
    expectNone(files.map((file) => file.name).filter((name) => !named.test(name)));
  });

  test('only pdu/ knows header offsets as numbers', () => {
    expectNone(files.flatMap(bareOffsets));
  });

  test('each file of src is reachable from an entry of src/bin', () => {
    const byName = new Map(inSrc.map((file) => [file.name, file]));
    const reached = new Set<string>();
    const visit = (name: string) => {
      const file = byName.get(name);
      if (file === undefined || reached.has(name)) return;
      reached.add(name);
      for (const { specifier } of importsOf(file)) {
        if (specifier.startsWith('.')) visit(resolveImport(name, specifier));
      }
      urlsOf(file).forEach(visit);
    };
    entries.forEach((file) => visit(file.name));
    expectNone(inSrc.map((file) => file.name).filter((name) => !reached.has(name)));
  });

  const clausesFile = path.join(ROOT, 'docs/CONFORMANCE.md');
  test('each cited clause stands in docs/CONFORMANCE.md', () => {
    const listed = readFileSync(clausesFile, 'utf8');
    expectNone(citedClauses(inSrc).filter((clause) => !listed.includes(`| ${clause} `)));
  });

  const limitsFile = path.join(ROOT, 'docs/LIMITS.md');
  test('each limit constant stands in docs/LIMITS.md', () => {
    const listed = readFileSync(limitsFile, 'utf8');
    const missing = inSrc.flatMap((file) =>
      limitConstants(file)
        .filter((name) => !listed.includes(name))
        .map((name) => `${file.name}: ${name}`),
    );
    expectNone(missing);
  });
});
