/**
 * This process's claim on a file or device, against others: once per medium, however many times it
 * is open here, since a changed storage object is opened anew before the old one is closed.
 */
import type { FileHandle } from 'node:fs/promises';

interface Entry {
  users: number;
  readonly handle: Promise<FileHandle>;
  /** Set when the last user has left: until it resolves the claim still stands. */
  leaving: Promise<void> | null;
}

const entries = new Map<string, Entry>();

/** One user's part of a claim. */
export interface Hold {
  release(): Promise<void>;
}

/** Where the claim is kept: here, or in the data thread that keeps those of all. */
export type HoldKeeper = (key: string, claim: () => Promise<FileHandle>) => Promise<Hold>;

/** What several data threads need to know to open one medium. */
export interface OpenShared {
  /** Other data threads serve it as well. */
  readonly shared?: boolean | undefined;
  readonly keeper?: HoldKeeper | undefined;
}

/** `claim` opens the handle whose life is the claim's; what it rejects with is passed on. */
export async function acquireHold(key: string, claim: () => Promise<FileHandle>): Promise<Hold> {
  let entry = entries.get(key);
  while (entry?.leaving) {
    await entry.leaving;
    entry = entries.get(key);
  }
  if (entry === undefined) {
    entry = { users: 0, handle: claim(), leaving: null };
    entries.set(key, entry);
  }
  entry.users++;
  const held = entry;
  try {
    await held.handle;
  } catch (error) {
    held.users--;
    if (entries.get(key) === held) entries.delete(key);
    throw error;
  }
  return { release: () => release(key, held) };
}

export function isHeld(key: string): boolean {
  return entries.has(key);
}

async function release(key: string, entry: Entry): Promise<void> {
  if (--entry.users > 0) return;
  entry.leaving = entry.handle.then((handle) => handle.close()).finally(() => entries.delete(key));
  await entry.leaving;
}
