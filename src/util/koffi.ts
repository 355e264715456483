/** The optional package for foreign functions, loaded once, where there is one to load. */
import { createRequire } from 'node:module';

/** What of the package is used. */
export interface ForeignFunction {
  (...args: unknown[]): number;
  async(...args: unknown[]): void;
}
export interface Koffi {
  load(name: string): { func(prototype: string): ForeignFunction };
  errno(): number;
  address(memory: Buffer | Int32Array): bigint;
  /** The memory there, without a copy. */
  view(address: bigint, length: number): ArrayBuffer;
}

function load(): Koffi | null {
  // Names, numbers and structures of its callers are those of Linux.
  if (process.platform !== 'linux') return null;
  try {
    return createRequire(import.meta.url)('koffi') as Koffi;
  } catch {
    return null;
  }
}

/** Null: not installed, or not for this machine. */
export const KOFFI: Koffi | null = load();
