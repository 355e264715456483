/** The backstores by all their names. */
import type { BackstoreKind } from '../document.ts';

const NAMES: Readonly<Record<string, BackstoreKind>> = {
  block: 'block',
  fileio: 'fileio',
  ramdisk: 'ramdisk',
  // Datera's and older names.
  iblock: 'block',
  rd_mcp: 'ramdisk',
  rd_dr: 'ramdisk',
};

/** `block` for `block` and `iblock`; undefined for what is no backstore here. */
export function backstoreOf(name: string): BackstoreKind | undefined {
  return Object.hasOwn(NAMES, name) ? NAMES[name] : undefined;
}
