/**
 * A small iSCSI initiator for tests. It has encoders of its own, so that a mistake in `src/` is not
 * made twice, and it can be told to send what no sane initiator would.
 */
import { connect, type Socket } from 'node:net';
import { crc32cTable } from '../../src/util/crc32c.ts';

export const OP = {
  NOP_OUT: 0x00,
  SCSI_COMMAND: 0x01,
  TMF: 0x02,
  LOGIN: 0x03,
  TEXT: 0x04,
  DATA_OUT: 0x05,
  LOGOUT: 0x06,
  SNACK: 0x10,
  NOP_IN: 0x20,
  SCSI_RESPONSE: 0x21,
  TMF_RESPONSE: 0x22,
  LOGIN_RESPONSE: 0x23,
  TEXT_RESPONSE: 0x24,
  DATA_IN: 0x25,
  LOGOUT_RESPONSE: 0x26,
  R2T: 0x31,
  ASYNC: 0x32,
  REJECT: 0x3f,
} as const;
export const RESERVED = 0xffff_ffff;

/** A PDU from the target. */
export class Answer {
  readonly bhs: Buffer;
  readonly data: Buffer;
  constructor(bhs: Buffer, data: Buffer) {
    this.bhs = bhs;
    this.data = data;
  }
  get opcode(): number {
    return this.bhs[0]! & 0x3f;
  }
  get flags(): number {
    return this.bhs[1]!;
  }
  get final(): boolean {
    return (this.flags & 0x80) !== 0;
  }
  /** SCSI Response, TMF, Logout: response; Reject: reason. */
  get response(): number {
    return this.bhs[2]!;
  }
  get status(): number {
    return this.bhs[3]!;
  }
  /** Data-In: S bit. */
  get hasStatus(): boolean {
    return this.opcode === OP.SCSI_RESPONSE || (this.flags & 1) !== 0;
  }
  get lunField(): Buffer {
    return this.bhs.subarray(8, 16);
  }
  get itt(): number {
    return this.bhs.readUInt32BE(16);
  }
  get ttt(): number {
    return this.bhs.readUInt32BE(20);
  }
  get statSN(): number {
    return this.bhs.readUInt32BE(24);
  }
  get expCmdSN(): number {
    return this.bhs.readUInt32BE(28);
  }
  get maxCmdSN(): number {
    return this.bhs.readUInt32BE(32);
  }
  /** Data-In, R2T; ExpDataSN of a SCSI Response. */
  get dataSN(): number {
    return this.bhs.readUInt32BE(36);
  }
  get bufferOffset(): number {
    return this.bhs.readUInt32BE(40);
  }
  /** R2T: desired length; SCSI Response and Data-In: residual. */
  get residual(): number {
    return this.bhs.readUInt32BE(44);
  }
  get overflow(): boolean {
    return (this.flags & 4) !== 0;
  }
  get underflow(): boolean {
    return (this.flags & 2) !== 0;
  }
  /** `0b/0c/0d` of the sense data, or ''. */
  get sense(): string {
    if (this.data.length < 2 + 14) return '';
    const sense = this.data.subarray(2);
    return [sense[2]! & 0xf, sense[12]!, sense[13]!].map(hex2).join('/');
  }
}
const hex2 = (value: number): string => value.toString(16).padStart(2, '0');

export interface ScsiOptions {
  readonly itt?: number;
  readonly lun?: number;
  readonly cdb?: Buffer;
  readonly read?: boolean;
  readonly write?: boolean;
  readonly edtl?: number;
  readonly final?: boolean;
  readonly immediate?: boolean;
  readonly cmdSN?: number;
  readonly attribute?: number;
  /** Immediate data. */
  readonly data?: Buffer;
  readonly ahs?: Buffer;
}
export interface DataOutOptions {
  readonly itt: number;
  readonly ttt?: number;
  readonly dataSN?: number;
  readonly offset?: number;
  readonly final?: boolean;
  readonly data?: Buffer;
}
export interface TmfOptions {
  readonly function: number;
  readonly itt?: number;
  readonly lun?: number;
  readonly refItt?: number;
  readonly refCmdSN?: number;
  readonly immediate?: boolean;
  readonly cmdSN?: number;
}
export interface LoginOptions {
  readonly keys?: Readonly<Record<string, string>>;
  readonly isid?: string;
  readonly tsih?: number;
  readonly cid?: number;
  readonly cmdSN?: number;
}
export interface Completed {
  readonly status: number;
  readonly sense: string;
  readonly data: Buffer;
  readonly last: Answer;
  readonly answers: readonly Answer[];
}

export class Initiator {
  readonly socket: Socket;
  /** CmdSN of the next numbered request. */
  cmdSN = 1;
  expStatSN = 0;
  nextItt = 1;
  tsih = 0;
  headerDigest = false;
  dataDigest = false;
  /** Bytes that the target sent, all of them. */
  readonly received: Buffer[] = [];
  #input = Buffer.alloc(0);
  readonly #answers: Answer[] = [];
  readonly #waiting: ((answer: Answer | null) => void)[] = [];
  #ended = false;
  readonly closed: Promise<void>;

  protected constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#ended = true;
        for (const tell of this.#waiting.splice(0)) tell(null);
        resolve();
      });
    });
  }

  static open(port: number, host = '127.0.0.1'): Promise<Initiator> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host, noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => resolve(new Initiator(socket)));
    });
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** The bytes of a PDU with lengths, padding and digests as they belong. */
  wire(bhs: Buffer, data: Buffer = Buffer.alloc(0), ahs: Buffer = Buffer.alloc(0)): Buffer {
    bhs[4] = ahs.length / 4;
    bhs.writeUIntBE(data.length, 5, 3);
    const parts = [bhs, ahs];
    if (this.headerDigest) parts.push(digestOf(Buffer.concat([bhs, ahs])));
    if (data.length > 0) {
      const padded = Buffer.concat([data, Buffer.alloc((4 - (data.length % 4)) % 4)]);
      parts.push(padded);
      if (this.dataDigest) parts.push(digestOf(padded));
    }
    return Buffer.concat(parts);
  }

  send(bhs: Buffer, data?: Buffer, ahs?: Buffer): void {
    this.socket.write(this.wire(bhs, data, ahs));
  }

  /** The next PDU of the target; null when it closed the connection. */
  next(): Promise<Answer | null> {
    const answer = this.#answers.shift();
    if (answer !== undefined) return Promise.resolve(answer);
    if (this.#ended) return Promise.resolve(null);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The next PDU, which must have this opcode. */
  async expect(opcode: number): Promise<Answer> {
    const answer = await this.next();
    if (answer === null) throw new Error(`connection closed instead of PDU 0x${hex2(opcode)}`);
    if (answer.opcode !== opcode) {
      throw new Error(`PDU 0x${hex2(answer.opcode)} instead of 0x${hex2(opcode)}`);
    }
    return answer;
  }

  // Requests

  loginHeader(options: LoginOptions = {}): Buffer {
    const bhs = this.#header(OP.LOGIN, 0x87, true);
    bhs.write(options.isid ?? '00023d000001', 8, 'hex');
    bhs.writeUInt16BE(options.tsih ?? 0, 14);
    bhs.writeUInt32BE(this.nextItt++, 16);
    bhs.writeUInt16BE(options.cid ?? 0, 20);
    bhs.writeUInt32BE(options.cmdSN ?? this.cmdSN, 24);
    return bhs;
  }

  /** Operational stage to full feature phase in one request. Resolves with the response. */
  async login(options: LoginOptions = {}): Promise<Answer> {
    this.cmdSN = options.cmdSN ?? this.cmdSN;
    const bhs = this.loginHeader(options);
    this.send(bhs, textOf(options.keys ?? {}));
    let answer = await this.expect(OP.LOGIN_RESPONSE);
    const keys = keysOf(answer.data);
    // Keys that the target offers by itself are accepted as they are.
    while (answer.bhs[36] === 0 && !answer.final) {
      const offered = Object.entries(keysOf(answer.data));
      const mine = options.keys ?? {};
      this.send(
        Buffer.from(bhs),
        textOf(Object.fromEntries(offered.filter(([k]) => !(k in mine)))),
      );
      answer = await this.expect(OP.LOGIN_RESPONSE);
      Object.assign(keys, keysOf(answer.data));
    }
    if (answer.bhs[36] === 0 && (answer.flags & 0x83) === 0x83) {
      this.headerDigest = keys['HeaderDigest'] === 'CRC32C';
      this.dataDigest = keys['DataDigest'] === 'CRC32C';
      this.tsih = answer.bhs.readUInt16BE(14);
    }
    return answer;
  }

  /** Returns the Initiator Task Tag. */
  scsi(options: ScsiOptions): number {
    const { bhs, itt } = this.scsiHeader(options);
    this.send(bhs, options.data, options.ahs);
    return itt;
  }

  scsiHeader(options: ScsiOptions): { bhs: Buffer; itt: number } {
    const itt = options.itt ?? this.nextItt++;
    const flags =
      ((options.final ?? true) ? 0x80 : 0) |
      (options.read === true ? 0x40 : 0) |
      (options.write === true ? 0x20 : 0) |
      (options.attribute ?? 1);
    const bhs = this.#header(OP.SCSI_COMMAND, flags, options.immediate ?? false, options.cmdSN);
    bhs.writeUInt16BE(options.lun ?? 0, 8);
    bhs.writeUInt32BE(itt, 16);
    bhs.writeUInt32BE(options.edtl ?? 0, 20);
    (options.cdb ?? Buffer.alloc(16)).copy(bhs, 32);
    return { bhs, itt };
  }

  dataOut(options: DataOutOptions): void {
    const bhs = Buffer.alloc(48);
    bhs[0] = OP.DATA_OUT;
    bhs[1] = (options.final ?? true) ? 0x80 : 0;
    bhs.writeUInt32BE(options.itt, 16);
    bhs.writeUInt32BE(options.ttt ?? RESERVED, 20);
    bhs.writeUInt32BE(this.expStatSN, 28);
    bhs.writeUInt32BE(options.dataSN ?? 0, 36);
    bhs.writeUInt32BE(options.offset ?? 0, 40);
    this.send(bhs, options.data);
  }

  tmf(options: TmfOptions): number {
    const itt = options.itt ?? this.nextItt++;
    const bhs = this.#header(
      OP.TMF,
      0x80 | options.function,
      options.immediate ?? true,
      options.cmdSN,
    );
    bhs.writeUInt16BE(options.lun ?? 0, 8);
    bhs.writeUInt32BE(itt, 16);
    bhs.writeUInt32BE(options.refItt ?? RESERVED, 20);
    bhs.writeUInt32BE(options.refCmdSN ?? 0, 32);
    this.send(bhs);
    return itt;
  }

  nopOut(options: { itt?: number; ttt?: number; data?: Buffer; immediate?: boolean } = {}): number {
    const itt = options.itt ?? this.nextItt++;
    const bhs = this.#header(OP.NOP_OUT, 0x80, options.immediate ?? true);
    bhs.writeUInt32BE(itt, 16);
    bhs.writeUInt32BE(options.ttt ?? RESERVED, 20);
    this.send(bhs, options.data);
    return itt;
  }

  text(keys: Readonly<Record<string, string>>, ttt = RESERVED): number {
    const itt = this.nextItt++;
    const bhs = this.#header(OP.TEXT, 0x80, false);
    bhs.writeUInt32BE(itt, 16);
    bhs.writeUInt32BE(ttt, 20);
    this.send(bhs, textOf(keys));
    return itt;
  }

  logout(options: { reason?: number; cid?: number; immediate?: boolean } = {}): number {
    const itt = this.nextItt++;
    const bhs = this.#header(OP.LOGOUT, 0x80 | (options.reason ?? 0), options.immediate ?? false);
    bhs.writeUInt32BE(itt, 16);
    bhs.writeUInt16BE(options.cid ?? 0, 20);
    this.send(bhs);
    return itt;
  }

  /** A request of any opcode with nothing but its tag and numbers. */
  bare(opcode: number, itt = this.nextItt++, immediate = true): void {
    const bhs = this.#header(opcode, 0x80, immediate);
    bhs.writeUInt32BE(itt, 16);
    this.send(bhs);
  }

  /** A whole command: answers R2Ts from `write`, gathers Data-In, resolves with the status. */
  async run(options: ScsiOptions & { readonly payload?: Buffer }): Promise<Completed> {
    return this.finish(this.scsi(options), options.payload ?? Buffer.alloc(0));
  }

  async finish(itt: number, payload: Buffer = Buffer.alloc(0)): Promise<Completed> {
    const pieces: Buffer[] = [];
    const answers: Answer[] = [];
    for (;;) {
      const answer = await this.next();
      if (answer === null) throw new Error('connection closed during a command');
      if (answer.itt !== itt) throw new Error(`answer for ${answer.itt} instead of ${itt}`);
      answers.push(answer);
      if (answer.opcode === OP.R2T) {
        const end = answer.bufferOffset + answer.residual;
        const data = payload.subarray(answer.bufferOffset, end);
        this.dataOut({ itt, ttt: answer.ttt, offset: answer.bufferOffset, data });
        continue;
      }
      if (answer.opcode === OP.DATA_IN) pieces.push(answer.data);
      if (answer.hasStatus) {
        const { status } = answer;
        const sense = answer.opcode === OP.SCSI_RESPONSE ? answer.sense : '';
        return { status, sense, data: Buffer.concat(pieces), last: answer, answers };
      }
    }
  }

  #header(opcode: number, flags: number, immediate: boolean, cmdSN?: number): Buffer {
    const bhs = Buffer.alloc(48);
    bhs[0] = opcode | (immediate ? 0x40 : 0);
    bhs[1] = flags;
    bhs.writeUInt32BE(cmdSN ?? this.cmdSN, 24);
    bhs.writeUInt32BE(this.expStatSN, 28);
    if (!immediate && cmdSN === undefined) this.cmdSN = (this.cmdSN + 1) >>> 0;
    return bhs;
  }

  #take(chunk: Buffer): void {
    this.received.push(chunk);
    this.#input = Buffer.concat([this.#input, chunk]);
    for (;;) {
      const header = 48 + (this.headerDigest ? 4 : 0);
      if (this.#input.length < header) return;
      const bhs = this.#input.subarray(0, 48);
      const length = bhs.readUIntBE(5, 3);
      const padded = (length + 3) & ~3;
      const whole = header + padded + (this.dataDigest && length > 0 ? 4 : 0);
      if (this.#input.length < whole) return;
      const body = this.#input.subarray(header, header + padded);
      this.#checkDigests(bhs, body);
      if (!body.subarray(length).equals(Buffer.alloc(padded - length))) {
        throw new Error('padding is not zero');
      }
      const answer = new Answer(Buffer.from(bhs), Buffer.from(body.subarray(0, length)));
      this.#input = this.#input.subarray(whole);
      if (answer.opcode !== OP.R2T) this.expStatSN = answer.statSN + 1;
      const waiter = this.#waiting.shift();
      if (waiter === undefined) this.#answers.push(answer);
      else waiter(answer);
      // Digests may begin with the next PDU: `login` sets them in its own turn.
      if (answer.opcode === OP.LOGIN_RESPONSE) {
        queueMicrotask(() => this.#input.length > 0 && this.#take(Buffer.alloc(0)));
        return;
      }
    }
  }

  #checkDigests(bhs: Buffer, body: Buffer): void {
    if (this.headerDigest && this.#input.readUInt32LE(48) !== crc32cTable(bhs)) {
      throw new Error('the target sent a wrong header digest');
    }
    const at = 48 + (this.headerDigest ? 4 : 0) + body.length;
    if (this.dataDigest && body.length > 0 && this.#input.readUInt32LE(at) !== crc32cTable(body)) {
      throw new Error('the target sent a wrong data digest');
    }
  }
}

export function digestOf(bytes: Buffer): Buffer {
  const digest = Buffer.alloc(4);
  digest.writeUInt32LE(crc32cTable(bytes));
  return digest;
}

export function textOf(keys: Readonly<Record<string, string>>): Buffer {
  return Buffer.from(
    Object.entries(keys)
      .map(([key, value]) => `${key}=${value}\0`)
      .join(''),
  );
}

export function keysOf(text: Buffer): Record<string, string> {
  const pairs = text
    .toString('utf8')
    .split('\0')
    .filter((pair) => pair !== '');
  return Object.fromEntries(
    pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  );
}
