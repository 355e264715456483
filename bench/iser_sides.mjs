// Two small initiators with one face: `open`, `submit`, `logout`. For a command they do what a good
// initiator does and no more, so that they can be compared.
import { Buffer } from 'node:buffer';
import { connect } from 'node:net';

const dist = (file) => `../dist/src/${file}`;
const { IwarpConnection } = await import(dist('target/transport/iwarp/iwarp_connection.js'));
const { segmentSizeOf } = await import(dist('target/transport/iwarp/segment_size.js'));
const { SYSTEM_CLOCK } = await import(dist('util/clock.js'));

const BHS = 48;
const ISER_HEADER = 28;
const OP = { COMMAND: 1, LOGIN: 0x43, DATA_OUT: 5, LOGOUT: 0x46, R2T: 0x31, DATA_IN: 0x25 };
const RESPONSES = { LOGIN: 0x23, SCSI: 0x21, LOGOUT: 0x26 };
const BLOCK = 512;
/** What the kernel's initiator sends with a command that writes; the rest is read from it. */
const IMMEDIATE = 8192;
const padded = (length) => (length + 3) & ~3;

function open(port) {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.once('error', reject);
    socket.once('connect', () => resolve(socket));
  });
}

/** What both have in common: numbering, login, commands by tag. */
class Side {
  #cmdSN = 1;
  #expStatSN = 0;
  #tag = 0;
  pending = new Map();
  #waiting = null;
  closed = new Promise((resolve) => (this.over = resolve));

  header(opcode, flags, numbered) {
    const bhs = Buffer.alloc(BHS);
    bhs[0] = opcode;
    bhs[1] = flags;
    bhs.writeUInt32BE(this.#tag++, 16);
    bhs.writeUInt32BE(this.#cmdSN, 24);
    bhs.writeUInt32BE(this.#expStatSN, 28);
    if (numbered) this.#cmdSN = (this.#cmdSN + 1) >>> 0;
    return bhs;
  }

  async login(target, extra) {
    const keys = {
      InitiatorName: 'iqn.2026-01.net.example:load',
      TargetName: target,
      SessionType: 'Normal',
      MaxBurstLength: '1048576',
      ...extra,
    };
    const text = Buffer.from(
      Object.entries(keys)
        .map((pair) => `${pair.join('=')}\0`)
        .join(''),
    );
    const bhs = this.header(OP.LOGIN, 0x87, false);
    bhs.writeUIntBE(text.length, 5, 3);
    bhs.write('00023d0000' + (extra.RDMAExtensions ? '02' : '01'), 8, 'hex');
    this.send(bhs, text);
    for (;;) {
      const answer = await this.answer();
      if (answer[0] !== RESPONSES.LOGIN || answer[36] !== 0) throw new Error('login refused');
      if ((answer[1] & 0x80) !== 0) return this.ready();
      // What the target offers by itself is accepted.
      const offered = this.lastData;
      const again = Buffer.from(bhs);
      again.writeUIntBE(offered.length, 5, 3);
      this.send(again, offered);
    }
  }

  /** Unit attentions come first; a few commands that move nothing take them away. */
  async ready() {
    for (let count = 0; count < 4; count++) {
      const bhs = this.header(OP.COMMAND, 0x81, true);
      await new Promise((done) => {
        this.pending.set(bhs.readUInt32BE(16), { done });
        this.send(bhs, null);
      });
    }
  }

  async logout() {
    this.send(this.header(OP.LOGOUT, 0x80, false), null);
    await this.answer();
    await this.closed;
  }

  answer() {
    return new Promise((resolve) => (this.#waiting = resolve));
  }

  commandOf({ length, write, lba }) {
    const bhs = this.header(OP.COMMAND, 0x81 | (write ? 0x20 : 0x40), true);
    bhs.writeUInt32BE(length, 20);
    bhs[32] = write ? 0x2a : 0x28;
    bhs.writeUInt32BE(lba, 34);
    bhs.writeUInt16BE(length / BLOCK, 39);
    return bhs;
  }

  /** Any PDU that ends something. */
  ended(bhs, status) {
    this.#expStatSN = (bhs.readUInt32BE(24) + 1) >>> 0;
    const tag = bhs.readUInt32BE(16);
    const command = this.pending.get(tag);
    if (command === undefined) {
      const waiting = this.#waiting;
      this.#waiting = null;
      return waiting?.(Buffer.from(bhs));
    }
    this.pending.delete(tag);
    return command.done(status === 0 ? undefined : new Error(`status ${status}`));
  }
}

export class TcpSide extends Side {
  static keys = {
    MaxRecvDataSegmentLength: '262144',
    FirstBurstLength: '65536',
    ImmediateData: 'Yes',
  };
  #socket;
  #header = Buffer.alloc(BHS);
  #have = 0;
  #skip = 0;
  #text = [];
  #data = Buffer.alloc(1 << 20, 0x5a);

  static async open(port, target) {
    const side = new TcpSide();
    side.#socket = await open(port);
    side.#socket.on('data', (chunk) => side.#take(chunk));
    side.#socket.on('close', side.over);
    await side.login(target, TcpSide.keys);
    return side;
  }

  send(bhs, data) {
    this.#socket.cork();
    this.#socket.write(bhs);
    if (data !== null) {
      this.#socket.write(data);
      const padding = padded(data.length) - data.length;
      if (padding > 0) this.#socket.write(Buffer.alloc(padding));
    }
    this.#socket.uncork();
  }

  submit(command, done) {
    const bhs = this.commandOf(command);
    const { length, write } = command;
    this.pending.set(bhs.readUInt32BE(16), { done, length });
    const immediate = write ? Math.min(length, 65_536) : 0;
    bhs.writeUIntBE(immediate, 5, 3);
    this.send(bhs, immediate > 0 ? this.#data.subarray(0, immediate) : null);
  }

  #take(chunk) {
    for (let at = 0; at < chunk.length;) {
      if (this.#skip > 0) {
        const taken = Math.min(this.#skip, chunk.length - at);
        if (this.#header[0] === RESPONSES.LOGIN) this.#text.push(chunk.subarray(at, at + taken));
        this.#skip -= taken;
        at += taken;
        if (this.#skip === 0) this.#pdu();
        continue;
      }
      const taken = Math.min(BHS - this.#have, chunk.length - at);
      chunk.copy(this.#header, this.#have, at, at + taken);
      this.#have += taken;
      at += taken;
      if (this.#have < BHS) return;
      this.#have = 0;
      this.#text = [];
      this.#skip = padded(this.#header.readUIntBE(5, 3));
      if (this.#skip === 0) this.#pdu();
    }
  }

  #pdu() {
    const bhs = this.#header;
    if (bhs[0] === OP.R2T) return this.#dataOut(bhs);
    if (bhs[0] === OP.DATA_IN) return (bhs[1] & 1) !== 0 ? this.ended(bhs, bhs[3]) : undefined;
    this.lastData = Buffer.concat(this.#text).subarray(0, bhs.readUIntBE(5, 3));
    return this.ended(bhs, bhs[3]);
  }

  #dataOut(r2t) {
    const [offset, length] = [r2t.readUInt32BE(40), r2t.readUInt32BE(44)];
    for (let at = 0, dataSN = 0; at < length; dataSN++) {
      const end = Math.min(at + 262_144, length);
      const bhs = Buffer.alloc(BHS);
      bhs[0] = OP.DATA_OUT;
      bhs[1] = end === length ? 0x80 : 0;
      bhs.writeUIntBE(end - at, 5, 3);
      r2t.copy(bhs, 16, 16, 24);
      bhs.writeUInt32BE(dataSN, 36);
      bhs.writeUInt32BE(offset + at, 40);
      this.send(bhs, this.#data.subarray(at, end));
      at = end;
    }
  }
}

export class IserSide extends Side {
  static emss = segmentSizeOf('127.0.0.1');
  static crc = false;
  #memory = [];
  #message = Buffer.alloc(ISER_HEADER + BHS + IMMEDIATE);

  static async open(port, target) {
    const side = new this();
    const socket = await open(port);
    const privateData = Buffer.from([0x80, 0, 0, 0]);
    const offer = { crc: this.crc, ird: 128, ord: 1, privateData };
    await new Promise((resolve, reject) => {
      side.rdma = new IwarpConnection({
        socket,
        clock: SYSTEM_CLOCK,
        emss: this.emss,
        startup: { role: 'initiator', enhanced: true, offer },
        events: {
          established: resolve,
          received: (buffer) => side.#received(buffer),
          internalError: reject,
          disconnected: (why) => {
            side.over();
            reject(new Error(why));
          },
        },
      });
    });
    for (let count = 0; count < 160; count++) side.rdma.postReceive(Buffer.alloc(1024));
    await side.login(target, {
      RDMAExtensions: 'Yes',
      InitiatorRecvDataSegmentLength: '262144',
      TargetRecvDataSegmentLength: String(IMMEDIATE),
      FirstBurstLength: '65536',
      ImmediateData: 'Yes',
    });
    return side;
  }

  send(bhs, data, write = null, read = null) {
    const message = this.#message;
    const length = padded(data?.length ?? 0);
    message.fill(0, 0, ISER_HEADER);
    message[0] = 0x10 | (write === null ? 0 : 8) | (read === null ? 0 : 4);
    message.writeUInt32BE(write?.stag ?? 0, 4);
    message.writeUInt32BE(read?.stag ?? 0, 16);
    bhs.copy(message, ISER_HEADER);
    message.fill(0, ISER_HEADER + BHS, ISER_HEADER + BHS + length);
    data?.copy(message, ISER_HEADER + BHS);
    this.rdma.send(message.subarray(0, ISER_HEADER + BHS + length), null);
  }

  submit(command, done) {
    const { length, write } = command;
    const bhs = this.commandOf(command);
    const memory = this.#memory.pop() ?? Buffer.alloc(1 << 20, 0x5a);
    const access = write ? { remoteRead: true } : { remoteWrite: true };
    const immediate = write ? Math.min(length, IMMEDIATE) : 0;
    // What goes with the command needs no tag.
    const region =
      immediate < length ? this.rdma.register(memory.subarray(immediate, length), access) : null;
    const finished = (error) => {
      this.#memory.push(memory);
      done(error ?? (region?.valid ? new Error('the tag did not come back') : undefined));
    };
    this.pending.set(bhs.readUInt32BE(16), { done: finished, length });
    bhs.writeUIntBE(immediate, 5, 3);
    const data = immediate > 0 ? memory.subarray(0, immediate) : null;
    this.send(bhs, data, write ? region : null, write ? null : region);
  }

  #received(buffer) {
    const bhs = buffer.subarray(ISER_HEADER, ISER_HEADER + BHS);
    const length = bhs.readUIntBE(5, 3);
    this.lastData = Buffer.from(buffer.subarray(ISER_HEADER + BHS, ISER_HEADER + BHS + length));
    this.rdma.postReceive(buffer);
    this.ended(bhs, bhs[3]);
  }
}
