/** Secrets leave no trace: what the history, the log and error texts hold of a line. */
import { isSecret } from '../objects/attribute.ts';
import { AUTH, AUTH_ALIASES, DISCOVERY_AUTH } from '../objects/declarations/auth.ts';
import { keywordOf, parseLine } from './grammar.ts';

const DECLARED = Object.entries({ ...AUTH, ...DISCOVERY_AUTH })
  .filter(([, attribute]) => isSecret(attribute))
  .map(([name]) => name);

/** Every name that a secret is typed under, in both dialects. */
const SECRET_NAMES: ReadonlySet<string> = new Set([
  ...DECLARED,
  ...Object.entries(AUTH_ALIASES)
    .filter(([, name]) => DECLARED.includes(name))
    .map(([alias]) => alias),
]);

const looksSecret = (name: string) => SECRET_NAMES.has(name) || /password|secret/i.test(name);

/** The line with each secret value replaced by `…`. */
export function withoutSecrets(line: string): string {
  let safe = line;
  try {
    for (const word of [...parseLine(line)].reverse()) {
      const keyword = keywordOf(word);
      if (keyword === undefined || keyword.value === '' || !looksSecret(keyword.name)) continue;
      // A switch such as show_secrets=true holds no secret.
      if (keyword.name === 'show_secrets') continue;
      safe = `${safe.slice(0, word.start)}${keyword.name}=…${safe.slice(word.end)}`;
    }
    return safe;
  } catch {
    // Unreadable: from the first name that may hold a secret on, nothing is kept.
    return line.replace(/([A-Za-z0-9_]*(?:password|secret)[A-Za-z0-9_]*\s*=).*$/i, '$1…');
  }
}
