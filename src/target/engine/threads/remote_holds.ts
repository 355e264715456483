/**
 * The claims on files and devices (a lock, O_EXCL), which thread 0 keeps for all: two descriptors
 * of one process would shut each other out as two processes do.
 */
import type { FileHandle } from 'node:fs/promises';
import { claimExclusively } from '../../storage/block.ts';
import { lockFile, Refused } from '../../storage/fileio.ts';
import { acquireHold, type Hold, type HoldKeeper } from '../../storage/hold.ts';
import type { Peers } from './peers.ts';

interface Wanted {
  readonly key: string;
  readonly kind: 'fileio' | 'block';
  readonly path: string;
}
type Outcome =
  { readonly id: number } | { readonly refused: string; readonly code: string | undefined };

/** In thread 0. */
export function keepHolds(peers: Peers): void {
  const held = new Map<number, Hold>();
  let lastId = 0;
  peers.onAsked('hold', ({ key, kind, path }: Wanted, answer) => {
    const claim = (): Promise<FileHandle> =>
      kind === 'block' ? claimExclusively(path) : lockFile(path);
    acquireHold(key, claim).then(
      (hold) => {
        held.set(++lastId, hold);
        answer({ id: lastId } satisfies Outcome);
      },
      (error: NodeJS.ErrnoException) => {
        answer({ refused: error.message, code: error.code } satisfies Outcome);
      },
    );
  });
  peers.onAsked('hold.release', (id: number, answer) => {
    const hold = held.get(id);
    held.delete(id);
    void hold?.release().finally(answer);
  });
}

/** In the others: the claim of thread 0, once more. */
export function holdOfThread0(peers: Peers, kind: 'fileio' | 'block', path: string): HoldKeeper {
  return (key) =>
    new Promise((resolve, reject) => {
      peers.ask(0, 'hold', { key, kind, path } satisfies Wanted, (outcome: Outcome) => {
        if ('id' in outcome) return resolve({ release: () => release(peers, outcome.id) });
        const { refused, code } = outcome;
        if (code === undefined) return reject(new Refused(refused));
        return reject(Object.assign(new Error(refused), { code }));
      });
    });
}

function release(peers: Peers, id: number): Promise<void> {
  return new Promise((resolve) => peers.ask(0, 'hold.release', id, () => resolve()));
}
