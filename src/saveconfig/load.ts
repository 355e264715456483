/** Reading a configuration file. */
import { readFile, stat } from 'node:fs/promises';
import type { Document } from '../objects/document.ts';
import { ConfigError } from '../objects/errors.ts';
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
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new ConfigError(`${file} is not UTF-8 text`);
  }
  return { bytes, document: fromYaml(text, file, options) };
}
