/**
 * An initiator that speaks iSER, on the same iWARP library as the target: it gives its memory for
 * each command and looks at what the target did with it. The PDUs are those of `Initiator`.
 */
import { EventEmitter } from 'node:events';
import { connect, type Socket } from 'node:net';
import { SYSTEM_CLOCK } from '../../src/util/clock.ts';
import { IwarpConnection } from '../../src/target/transport/iwarp/iwarp_connection.ts';
import type { MemoryRegion, RdmaEvents } from '../../src/target/transport/rdma_connection.ts';
import { Initiator, OP, type Answer, type Completed, type ScsiOptions } from './initiator.ts';

const ISER_HEADER = 28;
const HEADERS = ISER_HEADER + 48;
/** As the kernel's initiator: 128 bytes of data behind the headers, more while logging in. */
const RECEIVE_LENGTH = HEADERS + 128;
const LOGIN_RECEIVE_LENGTH = HEADERS + 8192;
const RECEIVES = 80;
const [HELLO, HELLO_REPLY] = [2, 3];
const ISER_KEYS = {
  RDMAExtensions: 'Yes',
  InitiatorRecvDataSegmentLength: '262144',
  TargetRecvDataSegmentLength: '8192',
};

export interface IserOptions {
  readonly crc?: boolean;
  readonly enhanced?: boolean;
  readonly emss?: number;
  /** False: the target must not send a tag back with its response. */
  readonly sendInvalidate?: boolean;
  /** RDMA Reads of the target that are served at a time. */
  readonly ird?: number;
  readonly host?: string;
}

/** Stands where `Initiator` expects a socket: PDUs of the target come out of it. */
class PduSource extends EventEmitter {
  readonly #end: () => void;
  constructor(end: () => void) {
    super();
    this.#end = end;
  }
  write(): void {
    throw new Error('bytes past the data mover');
  }
  destroy(): void {
    this.#end();
  }
}

export class IserInitiator extends Initiator {
  static readonly keys = ISER_KEYS;
  readonly rdma: IwarpConnection;
  /** For bytes past the library. */
  readonly tcp: Socket;
  /** Messages sent so far. */
  sends = 0;
  readonly #source: PduSource;
  readonly #regions = new Map<number, MemoryRegion>();
  /** Tags that the target took back, in order. */
  readonly invalidated: number[] = [];
  readonly helloReplies: Buffer[] = [];
  /** Why the connection ended. */
  ended: string | null = null;
  /** Longest message that the target sent since login. */
  longestMessage = 0;

  private constructor(source: PduSource, rdma: IwarpConnection, socket: Socket) {
    super(source as unknown as Socket);
    this.#source = source;
    this.rdma = rdma;
    this.tcp = socket;
  }

  /** Resolves when both sides may send; rejects when the target refuses. */
  static connect(port: number, options: IserOptions = {}): Promise<IserInitiator> {
    const { crc = false, enhanced = true, emss = 1448, ird = 128 } = options;
    const { sendInvalidate = true, host = '127.0.0.1' } = options;
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host, noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        let initiator: IserInitiator | null = null;
        const events: RdmaEvents = {
          established: () => {
            if (initiator === null) return;
            initiator.rdma.postReceive(Buffer.alloc(LOGIN_RECEIVE_LENGTH));
            resolve(initiator);
          },
          received: (buffer, length, tag) => initiator?.take(buffer, length, tag),
          internalError: (error) => {
            throw error;
          },
          disconnected: (why) => {
            reject(new Error(why));
            initiator?.over(why);
          },
        };
        const privateData = Buffer.from([sendInvalidate ? 0x80 : 0xc0, 0, 0, 0]);
        const rdma = new IwarpConnection({
          socket,
          clock: SYSTEM_CLOCK,
          emss,
          events,
          startup: { role: 'initiator', enhanced, offer: { crc, ird, ord: 1, privateData } },
        });
        const source = new PduSource(() => rdma.disconnect(false));
        initiator = new IserInitiator(source, rdma, socket);
      });
    });
  }

  over(why: string): void {
    this.ended = why;
    this.#source.emit('close');
  }

  /** One message of the target. */
  take(buffer: Buffer, length: number, tag: number | null): void {
    this.rdma.postReceive(buffer);
    if (tag !== null) this.invalidated.push(tag);
    if (buffer[0]! >> 4 === HELLO_REPLY) return void this.helloReplies.push(Buffer.from(buffer));
    if (buffer[0] !== 0x10) throw new Error(`iSER header begins with ${buffer[0]}`);
    const pdu = Buffer.from(buffer.subarray(ISER_HEADER, length));
    if ((pdu[0]! & 0x3f) !== OP.LOGIN_RESPONSE) {
      this.longestMessage = Math.max(this.longestMessage, length);
    }
    this.#source.emit('data', pdu);
    return undefined;
  }

  /** iSER version 10, and how many reads are served at a time. */
  hello(ird: number): void {
    const message = Buffer.alloc(ISER_HEADER);
    message[0] = HELLO << 4;
    message[1] = 0xaa;
    message.writeUInt16BE(ird, 2);
    this.sends++;
    this.rdma.send(message, null);
  }

  /** Full feature phase: small buffers, many of them. */
  postReceives(): void {
    for (let count = 0; count < RECEIVES; count++) {
      this.rdma.postReceive(Buffer.alloc(RECEIVE_LENGTH));
    }
  }

  override async login(options: Parameters<Initiator['login']>[0] = {}): Promise<Answer> {
    const normal = options.keys?.['SessionType'] !== 'Discovery';
    const keys = { ...(normal ? ISER_KEYS : {}), ...options.keys };
    const answer = await super.login({ ...options, keys });
    this.postReceives();
    return answer;
  }

  override send(bhs: Buffer, data?: Buffer, ahs?: Buffer): void {
    this.sendWith(null, null, bhs, data, ahs);
  }

  /** A PDU that gives memory: `write` is read by the target, `read` is written by it. */
  sendWith(
    write: MemoryRegion | null,
    read: MemoryRegion | null,
    bhs: Buffer,
    data?: Buffer,
    ahs?: Buffer,
  ): void {
    const header = Buffer.alloc(ISER_HEADER);
    header[0] = 0x10 | (write === null ? 0 : 0x08) | (read === null ? 0 : 0x04);
    header.writeUInt32BE(write?.stag ?? 0, 4);
    header.writeUInt32BE(read?.stag ?? 0, 16);
    this.sends++;
    this.rdma.send(Buffer.concat([header, this.wire(bhs, data, ahs)]), null);
  }

  register(memory: Buffer, access: 'read' | 'write'): MemoryRegion {
    const rights = access === 'read' ? { remoteWrite: true } : { remoteRead: true };
    const region = this.rdma.register(memory, rights);
    if (region === null) throw new Error('no more regions');
    return region;
  }

  /** Sends a command with memory for it: `payload` behind what is sent unasked. */
  command(options: ScsiOptions, payload: Buffer = Buffer.alloc(0), unsolicited = 0): number {
    const { bhs, itt } = this.scsiHeader(options);
    const edtl = options.edtl ?? 0;
    const rest = payload.subarray(Math.max(unsolicited, options.data?.length ?? 0));
    const writes = options.write === true && rest.length > 0;
    const write = writes ? this.register(Buffer.from(rest), 'write') : null;
    const reads = options.read === true && edtl > 0;
    const read = reads ? this.register(Buffer.alloc(edtl), 'read') : null;
    const region = write ?? read;
    if (region !== null) this.#regions.set(itt, region);
    this.sendWith(write, read, bhs, options.data, options.ahs);
    return itt;
  }

  override async run(options: ScsiOptions & { readonly payload?: Buffer }): Promise<Completed> {
    const itt = this.command(options, options.payload);
    return this.finish(itt);
  }

  override async finish(itt: number): Promise<Completed> {
    const region = this.#regions.get(itt);
    const memory = region?.memory ?? Buffer.alloc(0);
    const answer = await this.expect(OP.SCSI_RESPONSE);
    if (answer.itt !== itt) throw new Error(`answer for ${answer.itt} instead of ${itt}`);
    if (region !== undefined) this.#giveBack(itt, region);
    const { status, sense } = answer;
    const length = answer.underflow ? memory.length - answer.residual : memory.length;
    return { status, sense, data: memory.subarray(0, length), last: answer, answers: [answer] };
  }

  #giveBack(itt: number, region: MemoryRegion): void {
    this.#regions.delete(itt);
    this.rdma.invalidate(region);
  }
}
