/**
 * RDMA over an ordinary TCP socket, in user space: MPA, DDP and RDMAP from end to end, as initiator
 * or as responder. The peer needs an iWARP adapter or a driver that acts as one, we need neither.
 */
import type { Socket } from 'node:net';
import type { Clock } from '../../../util/clock.ts';
import { ownedCopy } from '../../../util/bytes.ts';
import { serialAdd } from '../../../util/serial32.ts';
import { onInput } from '../lent_socket.ts';
import { OUTPUT_HIGH_WATER, OutputQueue } from '../output_queue.ts';
import type {
  MemoryRegion,
  PendingRead,
  RdmaConnection,
  RdmaEvents,
  ReadOutcome,
  RegionAccess,
  RemoteBuffer,
} from '../rdma_connection.ts';
import { QUEUE, type DdpSegment } from './ddp.ts';
import { FpduFramer, type FpduSink } from './fpdu.ts';
import { InputRecord } from './input_record.ts';
import { MemoryTable } from './memory_table.ts';
import type { MpaAgreement } from './mpa_negotiation.ts';
import {
  encodeReadRequest,
  RDMAP_OPCODE,
  READ_REQUEST_LENGTH,
  sendOpcode,
  type PeerReadRequest,
} from './rdmap.ts';
import { ReadQueue, type Read } from './read_queue.ts';
import { Receiver, type ReceiverSink } from './receiver.ts';
import { Sender } from './sender.ts';
import { Startup, type StartupOptions } from './startup.ts';
import { describeTerminate, encodeTerminate, FAULT, type Fault } from './terminate.ts';

export const IWARP_PROVIDER = 'iwarp (user space)';
/** Time for the peer to take what is queued and to close, once we are done with it. */
const CLOSE_GRACE_MS = 2_000;
/** What is asked to leave before the peer's first frame waits for it: this many calls. */
const MAX_EARLY_SENDS = 256;

export interface IwarpOptions {
  readonly socket: Socket;
  readonly clock: Clock;
  readonly events: RdmaEvents;
  readonly startup: StartupOptions;
  /** Bytes that one TCP segment of the socket carries. */
  readonly emss: number;
  /** Keeps what comes in until `takeInput`. */
  readonly record?: boolean;
}

type State = 'startup' | 'running' | 'over';

export class IwarpConnection implements RdmaConnection, FpduSink, ReceiverSink {
  readonly provider = IWARP_PROVIDER;
  heardMs: number;
  readonly #options: IwarpOptions;
  readonly #startup: Startup;
  readonly #output: OutputQueue;
  readonly #memory = new MemoryTable();
  readonly #reads = new ReadQueue((read) => this.#issue(read));
  readonly #receiver = new Receiver(this, this.#memory, this.#reads);
  #framer: FpduFramer | null = null;
  #sender: Sender | null = null;
  #agreement: MpaAgreement | null = null;
  #state: State = 'startup';
  /** RFC 5044 §7.1: the responder sends nothing before the first FPDU of the initiator. */
  #early: (() => void)[] | null = null;
  /** Message sequence numbers of the next message on each queue. */
  #sendMsn = 1;
  #readMsn = 1;
  #servedReads = 0;
  #record: InputRecord | null = null;
  /** What comes now was answered by another data thread. */
  #replaying = false;
  #paused = false;
  #why = 'connection closed by the peer';

  constructor(options: IwarpOptions) {
    this.#options = options;
    const { socket, clock } = options;
    this.heardMs = clock.nowMs();
    if (options.record === true) this.#record = new InputRecord();
    this.#startup = new Startup(options.startup);
    this.#output = new OutputQueue(socket, () => this.#roomAgain());
    onInput(socket, (chunk) => this.#receive(chunk));
    socket.on('error', (error) => {
      if (this.#state !== 'over') this.#why = `connection lost: ${error.message}`;
    });
    socket.once('close', () => this.#closed());
    const opening = this.#startup.opening();
    if (opening !== null) socket.write(opening);
  }

  get maxOutgoingReads(): number {
    return this.#reads.limit;
  }
  limitOutgoingReads(count: number): void {
    this.#reads.limit = Math.min(this.#reads.limit, count);
  }
  get queuedBytes(): number {
    return this.#output.pending;
  }
  /** For tests of leaks. */
  get counts(): { regions: number; receives: number; reads: number; served: number } {
    return {
      regions: this.#memory.size,
      receives: this.#receiver.postedReceives,
      reads: this.#reads.size,
      served: this.#servedReads,
    };
  }

  register(memory: Buffer, access: RegionAccess): MemoryRegion | null {
    return this.#state === 'over' ? null : this.#memory.register(memory, access);
  }

  invalidate(region: MemoryRegion): void {
    if (region.valid) this.#memory.invalidate(region.stag);
  }

  postReceive(buffer: Buffer): void {
    if (this.#state !== 'over') this.#receiver.post(buffer);
  }

  send(message: Buffer, invalidate: number | null, solicited = false): void {
    if (this.#early !== null) {
      // Copied, as it would be if it left now.
      const copy = ownedCopy(message);
      this.#waits(() => this.send(copy, invalidate, solicited));
      return;
    }
    if (this.#state !== 'running') return;
    const opcode = sendOpcode(invalidate !== null, solicited);
    const fields = { opcode, invalidate: invalidate ?? 0, queue: QUEUE.SEND, msn: this.#sendMsn };
    this.#sendMsn = serialAdd(this.#sendMsn, 1);
    this.#sender?.untagged(fields, message);
  }

  write(data: Buffer, remote: RemoteBuffer, offset: number, done: () => void): void {
    if (this.#state !== 'running') return done();
    if (this.#waits(() => this.write(data, remote, offset, done))) return undefined;
    const copied = this.#sender?.tagged(RDMAP_OPCODE.WRITE, remote, offset, data) ?? true;
    if (copied) this.#output.whenRoom(done);
    else this.#output.whenSent(done);
    return undefined;
  }

  read(
    into: Buffer,
    remote: RemoteBuffer,
    offset: number,
    done: (outcome: ReadOutcome) => void,
  ): PendingRead | null {
    if (this.#state !== 'running') return null;
    const sinkStag = this.#memory.tagWithoutRegion();
    const read = { remote, offset, sinkStag, into, length: into.length, received: 0, done };
    return this.#reads.add(read) ? read : null;
  }

  abandonRead(read: PendingRead): void {
    this.#reads.abandon(read);
  }

  /** All input so far, for another data thread; null: it must stay here. Recording ends. */
  takeInput(): Buffer | null {
    const record = this.#record;
    this.#record = null;
    // What was answered must have left: the other thread goes on behind it.
    this.#output.flush();
    return this.#options.socket.writableLength > 0 ? null : (record?.bytes ?? null);
  }

  disconnect(graceful: boolean): void {
    if (this.#state === 'over') return;
    this.#why = 'connection closed by this side';
    this.#end(graceful);
  }

  // FpduSink

  ulpdu(bytes: Buffer, at: number, length: number): void {
    if (this.#state !== 'running') return;
    if (this.#early !== null) this.#sendEarly();
    if (length === 0 && this.#agreement?.rtr === 'empty') return;
    const fault = this.#receiver.take(bytes, at, length);
    if (fault === null || this.#state !== 'running') return;
    this.#terminate(fault);
  }

  begins(bytes: Buffer, at: number, length: number): boolean {
    // The first frame of an initiator opens our mouth as a whole.
    return this.#early === null && this.#receiver.begins(bytes, at, length);
  }

  part(bytes: Buffer, from: number, to: number): void {
    this.#receiver.part(bytes, from, to);
  }

  ends(): void {
    this.#receiver.ends();
  }

  badCrc(): void {
    this.#terminate(FAULT.badCrc);
  }

  // ReceiverSink

  received(buffer: Buffer, length: number, invalidated: number | null, solicited: boolean): void {
    this.#options.events.received(buffer, length, invalidated, solicited);
  }

  readRequested(request: PeerReadRequest, source: Buffer): boolean {
    // The peer may see the end of a response before we know that it left; and a read of nothing may
    // be what it is ready to receive by.
    const busy = this.#servedReads >= 2 * (this.#agreement?.ird ?? 0);
    if (busy && (request.size > 0 || this.#servedReads > 0)) return false;
    if (this.#replaying) return true;
    this.#servedReads++;
    this.#sender?.tagged(RDMAP_OPCODE.READ_RESPONSE, request.sink, 0, source);
    this.#output.whenSent(() => {
      this.#servedReads--;
    });
    return true;
  }

  terminated(message: Buffer): void {
    this.#why = `terminated by the peer: ${describeTerminate(message)}`;
    this.#end(true);
  }

  #receive(chunk: Buffer): void {
    if (this.#state === 'over') return;
    this.heardMs = this.#options.clock.nowMs();
    this.#record?.add(chunk);
    try {
      if (this.#state === 'startup') this.#takeStartup(chunk);
      else this.#framer?.push(chunk);
    } catch (error) {
      this.#options.events.internalError(error);
      return;
    }
    // A peer that sends without reading must not make us keep the answers without end.
    if (!this.#paused && this.#state === 'running' && this.#output.pending > OUTPUT_HIGH_WATER) {
      this.#paused = true;
      this.#options.socket.pause();
    }
  }

  #takeStartup(chunk: Buffer): void {
    const step = this.#startup.take(chunk);
    if (step.state === 'incomplete') return;
    if (step.reply !== null) this.#options.socket.write(step.reply);
    if (step.state === 'refused') {
      this.#why = step.why;
      const { terminate = null } = step;
      if (terminate !== null) {
        this.#sender = new Sender({ ...this.#options, ...terminate, output: this.#output });
        this.#sendTerminate(terminate.fault, null);
      }
      this.#end(step.reply !== null || terminate !== null);
      return;
    }
    this.#begin(step.agreement);
    if (step.rest.length === 0) return;
    this.#replaying = this.#options.startup.role === 'responder';
    this.#framer?.push(step.rest);
    this.#replaying = false;
  }

  #begin(agreement: MpaAgreement): void {
    const { emss, startup, events } = this.#options;
    const { crc } = agreement;
    this.#agreement = agreement;
    this.#sender = new Sender({ output: this.#output, crc, emss });
    this.#framer = new FpduFramer(this, crc);
    this.#reads.limit = agreement.ord;
    this.#state = 'running';
    if (startup.role === 'responder') this.#early = [];
    events.established(agreement.privateData);
  }

  /** True: not now, but once the peer has sent its first frame; or never. */
  #waits(later: () => void): boolean {
    if (this.#state !== 'running') return true;
    if (this.#early === null) return false;
    if (this.#early.length < MAX_EARLY_SENDS) this.#early.push(later);
    return true;
  }

  /** Or, once the connection is over, tells those who wait. */
  #sendEarly(): void {
    const early = this.#early ?? [];
    this.#early = null;
    for (const send of early) send();
  }

  #issue(read: Read): void {
    if (this.#waits(() => this.#issue(read))) return;
    const request = Buffer.alloc(READ_REQUEST_LENGTH);
    const { sinkStag, length: size, remote: source, offset: sourceOffset } = read;
    encodeReadRequest(request, { sinkStag, size, source, sourceOffset });
    const opcode = RDMAP_OPCODE.READ_REQUEST;
    const fields = { opcode, invalidate: 0, queue: QUEUE.READ_REQUEST, msn: this.#readMsn };
    this.#readMsn = serialAdd(this.#readMsn, 1);
    this.#sender?.untagged(fields, request);
  }

  #terminate(fault: Fault): void {
    if (this.#state !== 'running') return;
    this.#why = `terminated: ${fault.text}`;
    const unread = fault === FAULT.badCrc || fault === FAULT.shortSegment;
    this.#sendTerminate(fault, unread ? null : this.#receiver.segment);
    this.#end(true);
  }

  #sendTerminate(fault: Fault, segment: DdpSegment | null): void {
    const opcode = RDMAP_OPCODE.TERMINATE;
    const fields = { opcode, invalidate: 0, queue: QUEUE.TERMINATE, msn: 1 };
    this.#sender?.untagged(fields, encodeTerminate(fault, segment));
  }

  /** Nothing is taken or given any more; what is queued still leaves where `graceful`. */
  #end(graceful: boolean): void {
    this.#state = 'over';
    this.#framer?.stop();
    const { socket, clock } = this.#options;
    this.#memory.clear();
    this.#receiver.clear();
    if (!graceful || socket.destroyed) {
      socket.destroy();
      return;
    }
    this.#output.flush();
    // What still comes is read and dropped: unread input would turn our FIN into a reset, which
    // can overtake what was sent last.
    socket.resume();
    this.#output.whenSent(() => socket.end());
    const grace = clock.after(CLOSE_GRACE_MS, () => socket.destroy());
    // It holds the connection, and all that belongs to it.
    socket.once('close', () => grace.cancel());
  }

  #closed(): void {
    this.#state = 'over';
    this.#sendEarly();
    this.#framer?.stop();
    this.#memory.clear();
    this.#receiver.clear();
    this.#output.close();
    this.#reads.flush();
    this.#options.events.disconnected(this.#why);
  }

  #roomAgain(): void {
    if (!this.#paused || this.#output.pending > OUTPUT_HIGH_WATER / 2) return;
    this.#paused = false;
    this.#options.socket.resume();
  }
}
