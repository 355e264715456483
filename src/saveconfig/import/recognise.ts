/** Which program's configuration a text is. */
import type { FormatReader } from './imported.ts';
import { readIstgt } from './istgt.ts';
import { readLio } from './lio.ts';
import { readLioJson } from './lio_json.ts';
import { readNetbsd } from './netbsd.ts';
import { readTgt } from './tgt.ts';

export const FORMATS = ['lio-json', 'lio', 'tgt', 'istgt', 'netbsd'] as const;
export type Format = (typeof FORMATS)[number];

export const READERS: Readonly<Record<Format, FormatReader>> = {
  'lio-json': readLioJson,
  lio: readLio,
  tgt: readTgt,
  istgt: readIstgt,
  netbsd: readNetbsd,
};

/** Seen before anything else decides. */
const LOOKED_AT = 256 * 1024;

const MARKS: readonly (readonly [Format, RegExp])[] = [
  ['lio-json', /^\s*\{/],
  ['istgt', /^\s*\[(Global|LogicalUnit\d+|PortalGroup\d+)\]/m],
  ['lio', /^\s*(storage\s+\w+(\s+disk\s|\s*\{)|fabric\s+\w+)/m],
  ['tgt', /^\s*(<target\s|default-driver\s|<?<?include\s)/im],
  ['netbsd', /^\s*(extent|target)\d+(=\S+)?\s+\S+/m],
];

/** Undefined when nothing in the text tells. */
export function recognise(text: string): Format | undefined {
  const head = text.slice(0, LOOKED_AT);
  // A zero-byte saveconfig.json is the one empty file that is met in practice.
  if (head.trim() === '') return 'lio-json';
  return MARKS.find(([, mark]) => mark.test(head))?.[0];
}

/** A configuration of lunsmith itself. */
export function isOwnFormat(text: string): boolean {
  return /^version:\s*\d/m.test(text.slice(0, LOOKED_AT));
}
