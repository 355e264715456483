/** The logical units that data threads share. Thread 0 opens each first, and makes its block. */
import type { NumberedRange } from '../../storage/claimed_medium.ts';
import type { RamdiskSegment } from '../../storage/shared_ramdisk.ts';
import type { Peers } from './peers.ts';
import { tellClear, type AboutUnit as About } from './shared_claims.ts';
import { newUnitBlock, SharedUnit, type UnitShare } from './shared_unit.ts';

interface Leftover {
  readonly initiatorName: string;
  readonly change: number;
}

export class SharedUnits {
  readonly #peers: Peers;
  /** Those set aside by a plan under way included. */
  readonly #units = new Map<number, SharedUnit>();
  /** In thread 0: what a thread that opens the storage object of that unit serial number gets. */
  readonly #current = new Map<string, SharedUnit>();
  #lastId = 0;

  constructor(peers: Peers) {
    this.#peers = peers;
    const unit = (id: number): SharedUnit | undefined => this.#units.get(id);
    peers.onTold('unit.mode', ({ id }: About) => unit(id)?.modeChanged());
    peers.onTold('unit.attention', ({ id, value }: About<number>) => unit(id)?.attention(value));
    peers.onTold('unit.leftover', ({ id, value }: About<Leftover>) =>
      unit(id)?.countLeftover(value.initiatorName, value.change),
    );
    peers.onTold('unit.hold', ({ id, value }: About<number>) => unit(id)?.heldBy(value));
    peers.onTold('unit.turn', ({ id }: About) => unit(id)?.turnIsFree());
    peers.onTold('unit.claim', ({ id, value }: About<NumberedRange>, from) => {
      const found = unit(id);
      if (found === undefined) tellClear(peers, from, id, value.number);
      else found.claimedIn(from, value);
    });
    peers.onTold('unit.claim.end', ({ id, value }: About<number>) => unit(id)?.claimEnded(value));
    peers.onTold('unit.clear', ({ id, value }: About<number>) => unit(id)?.isClear(value));
    peers.onTold('unit.memory', ({ id, value }: About<readonly RamdiskSegment[]>) =>
      unit(id)?.memoryGrown(value),
    );
    peers.onAsked('unit.stop', ({ id, value }: About<boolean>, answer) => {
      const found = unit(id);
      if (found === undefined) answer();
      else found.stop(value, answer);
    });
    peers.onAsked('unit.still', ({ id }: About, answer) => {
      const found = unit(id);
      if (found === undefined) answer();
      else found.still(answer);
    });
    peers.onAsked('unit.open', (wwn: string, answer) => answer(this.#current.get(wwn)?.share));
  }

  /** Whether this thread opens storage objects before the others do. */
  get first(): boolean {
    return this.#peers.self === 0;
  }

  /** For the storage object with that unit serial number, which is about to be opened. */
  async open(wwn: string): Promise<SharedUnit> {
    const unit = this.first
      ? new SharedUnit(newUnitBlock(++this.#lastId), this.#peers)
      : await this.#openAfterFirst(wwn);
    this.#units.set(unit.block.id, unit);
    this.serves(wwn, unit);
    return unit;
  }

  /** What the others told before this call is known after it. */
  sync(): void {
    this.#peers.sync();
  }

  /** It is the one of that unit serial number: new, or brought back. */
  serves(wwn: string, unit: SharedUnit): void {
    if (this.first) this.#current.set(wwn, unit);
  }

  /** Closed: no message for it means anything any more. */
  closed(wwn: string, unit: SharedUnit): void {
    this.#units.delete(unit.block.id);
    if (this.#current.get(wwn) === unit) this.#current.delete(wwn);
  }

  async #openAfterFirst(wwn: string): Promise<SharedUnit> {
    const share = await new Promise<UnitShare | undefined>((resolve) =>
      this.#peers.ask(0, 'unit.open', wwn, resolve),
    );
    if (share === undefined) throw new Error(`thread 0 does not serve the unit ${wwn}`);
    return new SharedUnit(share.block, this.#peers, share.ramdisk);
  }
}
