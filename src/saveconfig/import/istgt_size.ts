/** Sizes as istgt writes them: `Auto`, `10GB`, `20GB-1MB`. */
const FACTORS: Readonly<Record<string, number>> = {
  '': 1,
  K: 1024,
  M: 1024 ** 2,
  G: 1024 ** 3,
  T: 1024 ** 4,
};

export type IstgtSize =
  | { readonly ok: true; readonly bytes: number | undefined }
  | { readonly ok: false; readonly reason: string };

/** `bytes` undefined: as large as the file or device is. */
export function istgtSize(text: string): IstgtSize {
  if (/^(auto|size)$/i.test(text)) return { ok: true, bytes: undefined };
  if (!/^\d{1,15}[KMGT]?B?([+-]\d{1,15}[KMGT]?B?)*$/i.test(text)) {
    return { ok: false, reason: `${text.slice(0, 40)} is not a size` };
  }
  let bytes = 0;
  for (const [, sign, digits, unit = ''] of text.matchAll(/([+-]?)(\d+)([KMGT]?)B?/gi)) {
    const part = Number(digits) * (FACTORS[unit.toUpperCase()] ?? 1);
    bytes += sign === '-' ? -part : part;
  }
  const possible = Number.isSafeInteger(bytes) && bytes > 0;
  return possible ? { ok: true, bytes } : { ok: false, reason: `${text} is not a possible size` };
}
