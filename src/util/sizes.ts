/**
 * Sizes as LIO's shell reads and shows them: whole bytes, or a number with k, m, g or t, optionally
 * followed by `i` and `B`, all of factor 1024.
 */
const UNITS = ['', 'k', 'm', 'g', 't'] as const;
const SHOWN = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'] as const;

export type ParsedSize = { ok: true; bytes: number } | { ok: false; reason: string };

const refuse = (reason: string): ParsedSize => ({ ok: false, reason });

/** `64M`, `10GiB`, `512` to bytes; `reason` is a whole sentence for the user. */
export function parseSize(text: string): ParsedSize {
  const word = text.trim();
  const match = /^(\d+)([kmgt]?)i?b?$/i.exec(word);
  if (match === null) {
    if (/^-\d/.test(word)) return refuse(`Size ${word} is negative`);
    const hint = 'write whole bytes, or a number with k, m, g or t, as 64M or 10GiB';
    return refuse(`Cannot interpret size, wrong format: ${text}: ${hint}`);
  }
  const [, digits = '', unit = ''] = match;
  if (unit === '' && /i/i.test(word)) {
    return refuse(`Cannot interpret size, wrong format: ${text}: "i" needs k, m, g or t before it`);
  }
  const exponent = UNITS.indexOf(unit.toLowerCase() as (typeof UNITS)[number]);
  const bytes = Number(digits) * 1024 ** exponent;
  if (bytes > Number.MAX_SAFE_INTEGER) return refuse(`The size is too large (${word})`);
  return { ok: true, bytes };
}

/** `64.0MiB`; below 1024 `N bytes`. */
export function formatSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`;
  let value = bytes / 1024;
  let step = 0;
  while (value >= 1024 && step < SHOWN.length - 1) {
    value /= 1024;
    step += 1;
  }
  // 1023.96 would round to "1024.0KiB".
  if (value >= 1023.95 && step < SHOWN.length - 1) {
    value /= 1024;
    step += 1;
  }
  return `${value.toFixed(1)}${SHOWN[step]}`;
}
