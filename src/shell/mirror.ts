/** The daemon's document as this shell knows it, kept current by the daemon's notifications. */
import type { ControlClient, DaemonInfo, Revisioned, RuntimeAnswer } from '../control/protocol.ts';
import type { Document } from '../objects/document.ts';
import type { RuntimeState } from '../objects/engine_port.ts';
import type { Host, View } from '../objects/node.ts';
import { applyEdits } from '../objects/edits.ts';
import { Transaction } from './transaction.ts';

export interface RevisionedView extends View {
  readonly revision: number;
}

export class Mirror {
  readonly #client: ControlClient;
  #known: Revisioned | undefined;
  #daemon: DaemonInfo | undefined;
  #health: RuntimeAnswer | undefined;
  /** What is staged in this shell: commands see and change it instead of what runs. */
  candidate: Transaction | undefined;

  constructor(client: ControlClient) {
    this.#client = client;
    client.on('changed', ({ revision, edits }) => {
      const known = this.#known;
      if (known === undefined || revision <= known.revision) return;
      // A gap, for whatever reason: the next look fetches the whole document.
      if (revision !== known.revision + 1) this.#known = undefined;
      else this.#known = { revision, document: applyEdits(known.document, edits) };
    });
    client.on('attached', () => {
      this.#known = undefined;
      this.#daemon = undefined;
    });
  }

  /** What commands look at: the candidate while a transaction is open. */
  async view(): Promise<RevisionedView> {
    const running = await this.running();
    const { candidate } = this;
    return candidate === undefined ? running : { ...running, document: candidate.document };
  }

  async begin(): Promise<Transaction> {
    const { revision, document } = await this.running();
    this.candidate = new Transaction({ revision, document });
    return this.candidate;
  }

  /** What was sent once is not sent again while it holds. */
  async #runtime(): Promise<RuntimeState> {
    const known = this.#health;
    const asked = known?.health === undefined ? {} : { known: known.health };
    const answer = await this.#client.call('runtime', asked);
    const { storageObjects, portals } = answer;
    const whole =
      answer.unchanged === true && known !== undefined
        ? { ...answer, storageObjects: known.storageObjects, portals: known.portals }
        : { ...answer, storageObjects, portals };
    this.#health = whole;
    return whole;
  }

  async running(): Promise<RevisionedView> {
    const runtime = await this.#runtime();
    await this.daemon();
    const fetched = this.#known ?? (await this.#client.call('document', {}));
    // A notification may have arrived meanwhile: the newer of the two holds.
    const known = this.#known;
    const newest = known !== undefined && known.revision >= fetched.revision ? known : fetched;
    this.#known = newest;
    return { document: newest.document, revision: newest.revision, runtime };
  }

  /** The document that a change of this shell made. */
  adopt(revision: number, document: Document): void {
    if (this.#known === undefined || this.#known.revision < revision) {
      this.#known = { revision, document };
    }
  }

  drop(): void {
    this.#known = undefined;
  }

  async daemon(): Promise<DaemonInfo> {
    this.#daemon ??= await this.#client.call('hello', {});
    return this.#daemon;
  }

  /** What commands may ask of the engine's machine. */
  host(): Host {
    return {
      probe: (path) => this.#client.call('probe', { path }),
      addresses: () => this.#client.call('addresses', {}),
      rescan: async (storageObject) => (await this.#client.call('rescan', { storageObject })).size,
      hostname: () => this.#daemon?.hostname ?? 'localhost',
    };
  }
}
