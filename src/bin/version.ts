/** The package's version, from the package.json above this file, built or not. */
import { readFileSync } from 'node:fs';

export function packageVersion(): string {
  for (const up of ['../../package.json', '../../../package.json']) {
    try {
      const text = readFileSync(new URL(up, import.meta.url), 'utf8');
      const { name, version } = JSON.parse(text) as { name?: string; version?: string };
      if (name === 'lunsmith' && version !== undefined) return version;
    } catch {
      // The other place, then.
    }
  }
  return 'unknown';
}
