/** What stands at one place of a configuration, as a document of its own. */
import { EMPTY_DOCUMENT, type Document, type DocumentPath } from '../objects/document.ts';
import { isSecret } from '../objects/attribute.ts';
import { DISCOVERY_AUTH } from '../objects/declarations/auth.ts';
import { isRecord } from '../objects/equal.ts';
import { overlay } from './complete.ts';

/** Scalars are kept, groups and collections emptied. */
function emptied(value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const entries = Object.entries(value).map(([key, v]) => [key, isRecord(v) ? {} : v] as const);
  return Object.fromEntries(entries);
}

function pick(value: unknown, path: DocumentPath): unknown {
  const [key, ...rest] = path;
  if (key === undefined || !isRecord(value)) return value;
  if (!Object.hasOwn(value, key)) return emptied(value);
  return { ...emptied(value), [key]: pick(value[key], rest) };
}

/** The document with only what is at or below the paths; what is above keeps its plain values. */
export function partOf(document: Document, paths: readonly DocumentPath[]): Document {
  const picked = paths.map((path) => pick(document, path));
  return picked.reduce<unknown>(overlay, EMPTY_DOCUMENT) as Document;
}

const SECRETS = Object.entries(DISCOVERY_AUTH)
  .filter(([, attribute]) => isSecret(attribute))
  .map(([name]) => name);

/** The document without any secret. */
export function withoutSecrets(document: Document): Document {
  const strip = (value: unknown): unknown => {
    if (!isRecord(value)) return value;
    const entries = Object.entries(value).map(([key, entry]) => {
      if (key !== 'auth' && key !== 'discovery_auth') return [key, strip(entry)] as const;
      const bag = Object.entries(entry as object).filter(([name]) => !SECRETS.includes(name));
      return [key, Object.fromEntries(bag)] as const;
    });
    return Object.fromEntries(entries);
  };
  return { ...document, iscsi: strip(document.iscsi) as Document['iscsi'] };
}
