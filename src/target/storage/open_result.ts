/** What opening a medium gives: never an exception, for a medium that is away comes back. */
import type { Backstore, StorageFault } from './backstore.ts';

export type OpenResult =
  | { readonly ok: true; readonly backstore: Backstore }
  | { readonly ok: false; readonly fault: StorageFault };

/** `lost` is for the medium to say that it is gone for good and must be opened anew. */
export type OpenMedium = (lost: (fault: StorageFault) => void) => Promise<OpenResult>;

export const notOpened = (reason: string): OpenResult => ({
  ok: false,
  fault: { kind: 'notReady', reason },
});
