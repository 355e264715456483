/** Reading a foreign configuration where the shell runs, with what only the daemon can tell. */
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { ControlClient } from '../control/protocol.ts';
import type { Document } from '../objects/document.ts';
import type { BackingInfo } from '../objects/engine_port.ts';
import { ConfigError } from '../objects/errors.ts';
import { backingOf, storageObjects } from '../objects/rules.ts';
import type { Imported, SourceText, Surroundings } from '../saveconfig/import/imported.ts';
import { withoutObjects } from '../saveconfig/import/merge_imported.ts';
import { isOwnFormat, READERS, recognise, type Format } from '../saveconfig/import/recognise.ts';

/** More is no configuration. */
const MAX_SOURCE_BYTES = 64 * 1024 * 1024;
/** What one look at the machine tells may raise the next question. */
const MAX_LOOKS = 5;

const codeOf = (error: unknown): string =>
  (error as NodeJS.ErrnoException).code ?? (error as Error).message;

/** Throws ConfigError; undefined when there is no such file and that is no mistake. */
function readText(file: string): SourceText | undefined {
  try {
    const info = statSync(file);
    if (!info.isFile()) throw new ConfigError(`${file} is not a regular file`);
    if (info.size > MAX_SOURCE_BYTES) {
      throw new ConfigError(`${file} is no configuration: larger than ${MAX_SOURCE_BYTES} bytes`);
    }
    const text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
    return { file, text };
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
    if (error instanceof TypeError) throw new ConfigError(`${file} is not UTF-8 text`);
    throw new ConfigError(`Cannot read ${file}: ${codeOf(error)}`);
  }
}

/** Names in a folder that fit, where only the last part of the pattern may hold wildcards. */
function namesLike(pattern: string): readonly string[] {
  const folder = dirname(pattern);
  const escaped = basename(pattern).replace(/[.+^${}()|[\]\\]/g, '\\$&');
  const fits = new RegExp(`^${escaped.replaceAll('*', '[^/]*').replaceAll('?', '.')}$`);
  try {
    const names = readdirSync(folder).filter((name) => !name.startsWith('.') && fits.test(name));
    return names.sort().map((name) => join(folder, name));
  } catch {
    return [];
  }
}

function filesAround(source: SourceText, auth: string | undefined) {
  return (pattern: string): readonly SourceText[] => {
    if (auth !== undefined) {
      const given = readText(auth);
      if (given === undefined) throw new ConfigError(`${auth} not found`);
      return [given];
    }
    const path = resolve(dirname(source.file), pattern);
    const names = /[*?]/.test(path) ? namesLike(path) : [path];
    const found = names.flatMap((name) => readText(name) ?? []);
    if (found.length > 0 || names.length !== 1) return found;
    // Brought here from another machine, the files lie beside each other.
    return [readText(join(dirname(source.file), basename(path))) ?? []].flat();
  };
}

export interface ImportAnswers {
  readonly format: Format;
  readonly imported: Imported;
  /** Storage objects whose file or device is not there: reference and path. */
  readonly missing: readonly { readonly reference: string; readonly path: string }[];
}

/** Throws ConfigError. */
export async function importFile(
  client: ControlClient,
  file: string,
  options: { readonly from: Format | undefined; readonly auth: string | undefined },
): Promise<ImportAnswers> {
  const source = readText(file);
  if (source === undefined) throw new ConfigError(`${file} not found`);
  const format = options.from ?? recognise(source.text);
  if (options.from === undefined && isOwnFormat(source.text)) {
    throw new ConfigError(`${file} is a configuration of lunsmith: use restoreconfig`);
  }
  if (format === undefined) {
    const all = Object.keys(READERS).join(', ');
    throw new ConfigError(`Whose configuration ${file} is cannot be told: give from=, of ${all}`);
  }
  const known = new Map<string, BackingInfo>();
  let asked = new Set<string>();
  const around: Surroundings = {
    files: filesAround(source, options.auth),
    backing: (path) => {
      if (!known.has(path)) asked.add(path);
      return known.get(path);
    },
    newWwn: () => randomUUID(),
  };
  for (let look = 1; ; look += 1) {
    asked = new Set();
    const result = READERS[format](source, around);
    if (!result.ok) throw new ConfigError(result.problem);
    const { document } = result.imported;
    for (const [, object] of storageObjects(document)) {
      const path = backingOf(object);
      if (path !== undefined && !known.has(path)) asked.add(path);
    }
    if (asked.size === 0 || look === MAX_LOOKS) {
      return { format, imported: result.imported, missing: missingOf(document, known) };
    }
    for (const path of asked) known.set(path, await probe(client, path));
  }
}

const NOTHING: BackingInfo = {
  exists: false,
  type: 'none',
  size: 0,
  readonly: false,
  parentExists: false,
};

/** A path that cannot even be asked about is one that is not there. */
async function probe(client: ControlClient, path: string): Promise<BackingInfo> {
  if (!path.startsWith('/') || path.length > 4096 || path.includes('\0')) return NOTHING;
  return client.call('probe', { path });
}

function missingOf(document: Document, known: ReadonlyMap<string, BackingInfo>) {
  return [...storageObjects(document)].flatMap(([reference, object]) => {
    const path = backingOf(object);
    if (path === undefined || known.get(path)?.exists === true) return [];
    return [{ reference, path }];
  });
}

export type MissingPolicy = 'keep' | 'refuse' | 'skip' | 'create';

export interface Resolved {
  readonly document: Document;
  readonly createFiles: readonly { path: string; size: number; sparse: boolean }[];
}

/** What becomes of storage objects whose file or device is not there. Throws ConfigError. */
export function resolveMissing(answers: ImportAnswers, policy: MissingPolicy): Resolved {
  const { imported, missing } = answers;
  const { document } = imported;
  const lines = missing.map(({ reference, path }) => `${reference}: ${path} does not exist here`);
  if (missing.length === 0 || policy === 'keep') return { document, createFiles: [] };
  if (policy === 'skip') {
    const references = new Set(missing.map(({ reference }) => reference));
    return { document: withoutObjects(document, references), createFiles: [] };
  }
  const { fileio } = document.backstores;
  const files = missing.flatMap(({ reference, path }) => {
    const name = reference.replace(/^fileio\//, '');
    const size = Object.hasOwn(fileio, name) ? fileio[name]?.size : undefined;
    return size === undefined || name === reference ? [] : [{ path, size, sparse: true }];
  });
  if (policy === 'create' && files.length === missing.length) {
    return { document, createFiles: files };
  }
  const hint =
    policy === 'create'
      ? 'only files can be made: use missing=skip, or bring the devices'
      : 'bring them here, or leave them out by missing=skip, or make empty files by missing=create';
  throw new ConfigError(['Nothing is imported:', ...lines.map((l) => `  ${l}`), hint].join('\n'));
}
