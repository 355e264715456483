/**
 * YAML as text: a small writer whose output YAML 1.1 and 1.2 readers understand alike. A string
 * stands plain only where no reader takes it for anything else; otherwise it is double-quoted.
 */

/** A value that is written as given, `10GiB` or `5`. */
export class Plain {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}
/** A mapping written on one line. */
export class Flow {
  readonly entries: readonly (readonly [string, YamlScalar])[];
  constructor(entries: readonly (readonly [string, YamlScalar])[]) {
    this.entries = entries;
  }
}
export type YamlScalar = string | number | boolean | Plain;
export type YamlList = readonly (YamlScalar | Flow)[];
/** In the order of writing; keys of digits are written as numbers. */
export type YamlMap = ReadonlyMap<string, YamlValue>;
export type YamlValue = YamlScalar | Flow | YamlList | YamlMap;

/** Letters first, so never a number, date or sexagesimal; no `: `, no ` #`, no indicators. */
const SAFE = /^[A-Za-z/][A-Za-z0-9_./-]*(?::[A-Za-z0-9_./-]+)*$/;
/** In one-line mappings some readers end a plain scalar at a colon. */
const SAFE_IN_FLOW = /^[A-Za-z/][A-Za-z0-9_./-]*$/;
const RESERVED = /^(y|n|yes|no|true|false|on|off|null|nan|inf)$/i;
/** What JSON leaves bare but YAML calls not printable, and its line breaks beyond LF. */
const UNPRINTABLE = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g;

function quoted(text: string): string {
  const escape = (c: string) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(text).replace(UNPRINTABLE, escape);
}

function scalar(value: YamlScalar, safe = SAFE): string {
  if (value instanceof Plain) return value.text;
  if (typeof value !== 'string') return String(value);
  return safe.test(value) && !RESERVED.test(value) ? value : quoted(value);
}

function keyText(key: string): string {
  return /^(0|[1-9]\d{0,9})$/.test(key) ? key : scalar(key);
}

function inline(value: YamlScalar | Flow): string {
  if (!(value instanceof Flow)) return scalar(value);
  const pairs = value.entries.map(([key, v]) => `${key}: ${scalar(v, SAFE_IN_FLOW)}`);
  return `{ ${pairs.join(', ')} }`;
}

function isMap(value: YamlValue): value is YamlMap {
  return value instanceof Map;
}

function writeEntry(lines: string[], indent: string, key: string, value: YamlValue): void {
  const name = keyText(key);
  if (isMap(value)) {
    lines.push(`${indent}${name}:${value.size === 0 ? ' {}' : ''}`);
    writeMap(lines, `${indent}  `, value);
  } else if (Array.isArray(value)) {
    const list = value as YamlList;
    lines.push(`${indent}${name}:${list.length === 0 ? ' []' : ''}`);
    for (const entry of list) lines.push(`${indent}  - ${inline(entry)}`);
  } else {
    lines.push(`${indent}${name}: ${inline(value as YamlScalar | Flow)}`);
  }
}

function writeMap(lines: string[], indent: string, map: YamlMap): void {
  for (const [key, value] of map) writeEntry(lines, indent, key, value);
}

/** The lines of a block mapping, each ended by a newline. */
export function renderYaml(map: YamlMap): string {
  const lines: string[] = [];
  writeMap(lines, '', map);
  return lines.map((line) => `${line}\n`).join('');
}
