/** Reading a configuration: the file itself, or one of its backups. */
import * as nodeFs from 'node:fs/promises';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Document } from '../objects/document.ts';
import { ConfigError } from '../objects/errors.ts';
import { backupsOf, readBackup } from './backups.ts';
import { fromYaml, type ReadOptions } from './from_yaml.ts';
import { causeOf } from './save.ts';

/** 10,000 LUNs need 2 MiB; more than this is not a configuration. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;

export interface Loaded {
  readonly bytes: Buffer;
  readonly document: Document;
}

/** Undefined when there is no such file; ConfigError with every problem when it cannot be used. */
export async function loadFile(file: string, options: ReadOptions): Promise<Loaded | undefined> {
  let bytes: Buffer;
  try {
    const info = await stat(file);
    if (!info.isFile()) throw new ConfigError(`${file} is not a regular file`);
    if (info.size > MAX_FILE_BYTES) {
      throw new ConfigError(`${file} is not a configuration: larger than ${MAX_FILE_BYTES} bytes`);
    }
    bytes = await readFile(file);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new ConfigError(`Cannot read ${file}: ${causeOf(error)}`, { cause: error });
  }
  return { bytes, document: documentOf(bytes, file, options) };
}

function documentOf(bytes: Buffer, file: string, options: ReadOptions): Document {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new ConfigError(`${file} is not UTF-8 text`);
  }
  return fromYaml(text, file, options);
}

/** A backup of `file` by its number, 1 the newest. Throws ConfigError. */
export async function loadBackup(
  file: string,
  number: number,
  options: ReadOptions,
): Promise<{ readonly file: string; readonly document: Document }> {
  const { folder, backups } = await backupsOf(nodeFs, file);
  const backup = backups.find((one) => one.number === number);
  if (backup === undefined) {
    const known = backups.length === 0 ? 'there are none' : `there are 1 to ${backups.length}`;
    throw new ConfigError(`No backup ${number} in ${folder}: ${known}`);
  }
  const name = join(folder, backup.name);
  let bytes: Buffer;
  try {
    bytes = await readBackup(nodeFs, folder, backup);
  } catch (error) {
    throw new ConfigError(`Cannot read ${name}: ${causeOf(error)}`, { cause: error });
  }
  return { file: name, document: documentOf(bytes, name, options) };
}
