/** Values of LIO's JSON as they occur: numbers as text, flags as numbers. */
import type { JsonMap } from './json_lines.ts';

/** Text or a number as text; undefined for all else. */
export function textOf(map: JsonMap, key: string): string | undefined {
  const value = map.get(key)?.value;
  if (typeof value === 'string') return value;
  return typeof value === 'number' ? String(value) : undefined;
}

export function wholeNumber(map: JsonMap, key: string): number | undefined {
  const text = textOf(map, key) ?? '';
  const number = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  return Number.isSafeInteger(number) ? number : undefined;
}

/** `true`, `1`, `"1"`, `"yes"`, `"true"`, and their opposites. */
export function isOn(map: JsonMap, key: string): boolean | undefined {
  const value = map.get(key)?.value;
  if (value === true || value === false) return value;
  const text = textOf(map, key)?.toLowerCase() ?? '';
  if (['1', 'yes', 'true'].includes(text)) return true;
  return ['0', 'no', 'false'].includes(text) ? false : undefined;
}
