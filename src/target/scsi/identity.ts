/** Who we say we are, in INQUIRY data and vital product data. */
export const VENDOR = 'LUNSMITH';

/** Left-aligned ASCII, padded with spaces. Bytes that are no graphic ASCII become `?`. */
export function ascii(text: string, length: number): Buffer {
  const clean = text.replace(/[^\x20-\x7e]/g, '?');
  return Buffer.from(clean.padEnd(length, ' ').slice(0, length), 'latin1');
}
