/** The files of `packaging/`, from above this file, built or not. */
import { readFileSync } from 'node:fs';
import { ConfigError } from '../objects/errors.ts';

export function packagingFile(name: string): string {
  for (const up of ['../../packaging/', '../../../packaging/']) {
    try {
      return readFileSync(new URL(up + name, import.meta.url), 'utf8');
    } catch {
      // The other place, then.
    }
  }
  throw new ConfigError(`packaging/${name} is missing: this installation is not complete`);
}
