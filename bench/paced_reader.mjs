// A thread that reads one block of LUN 0 at a fixed pace, whatever the answers do: a stall counts
// for every read that fell into it. Its latencies between the messages 'begin' and 'end'.
import { Buffer } from 'node:buffer';
import { connect } from 'node:net';
import { setInterval } from 'node:timers';
import { parentPort, workerData } from 'node:worker_threads';

const PACE_MS = 2;
const BLOCK = 512;
const { port, target, initiator } = workerData;

const socket = connect({ port, host: '127.0.0.1', noDelay: true });
let cmdSN = 1;
let expStatSN = 0;
let itt = 1;
let input = Buffer.alloc(0);
let latencies = [];
/** When a read of that tag was due. */
const due = new Map();

function header(opcode, flags) {
  const bhs = Buffer.alloc(48);
  bhs[0] = opcode;
  bhs[1] = flags;
  bhs.writeUInt32BE(itt++, 16);
  bhs.writeUInt32BE(cmdSN, 24);
  bhs.writeUInt32BE(expStatSN, 28);
  return bhs;
}

function login() {
  const keys = { InitiatorName: initiator, TargetName: target, SessionType: 'Normal' };
  const text = Object.entries(keys).map(([k, v]) => `${k}=${v}\0`);
  const data = Buffer.from(text.join(''));
  // Operational stage to full feature phase.
  const bhs = header(0x43, 0x87);
  bhs.write('00023d000009', 8, 'hex');
  bhs.writeUIntBE(data.length, 5, 3);
  socket.write(Buffer.concat([bhs, data, Buffer.alloc((4 - (data.length % 4)) % 4)]));
}

function read() {
  const bhs = header(0x01, 0xc1);
  bhs.writeUInt32BE(BLOCK, 20);
  bhs[32] = 0x28;
  bhs[40] = 1;
  cmdSN = (cmdSN + 1) >>> 0;
  socket.write(bhs);
  return bhs.readUInt32BE(16);
}

let wanted;
function tick() {
  const now = performance.now();
  for (; wanted <= now; wanted += PACE_MS) due.set(read(), wanted);
}

function answered(bhs) {
  const opcode = bhs[0] & 0x3f;
  const final = opcode === 0x21 || (opcode === 0x25 && (bhs[1] & 1) === 1);
  if (final || opcode === 0x23 || opcode === 0x20) expStatSN = (bhs.readUInt32BE(24) + 1) >>> 0;
  if (opcode === 0x23) {
    if (bhs[36] !== 0) throw new Error(`login refused: ${bhs[36]} ${bhs[37]}`);
    // The unit attention of a new nexus goes to the first command.
    read();
    parentPort.postMessage('ready');
    wanted = performance.now();
    setInterval(tick, 1);
  }
  if (opcode === 0x20 && bhs.readUInt32BE(20) !== 0xffff_ffff) {
    // The target asks whether we are there.
    const nop = header(0x40, 0x80);
    nop.writeUInt32BE(0xffff_ffff, 16);
    nop.writeUInt32BE(bhs.readUInt32BE(20), 20);
    socket.write(nop);
  }
  if (!final) return;
  const begun = due.get(bhs.readUInt32BE(16));
  due.delete(bhs.readUInt32BE(16));
  if (begun !== undefined) latencies.push(performance.now() - begun);
}

socket.on('connect', login);
socket.on('data', (chunk) => {
  input = Buffer.concat([input, chunk]);
  while (input.length >= 48) {
    const length = input.readUIntBE(5, 3);
    const whole = 48 + ((length + 3) & ~3);
    if (input.length < whole) return;
    answered(input.subarray(0, 48));
    input = input.subarray(whole);
  }
});
socket.on('close', () => {
  throw new Error('the connection was closed');
});

parentPort.on('message', (what) => {
  if (what === 'begin') latencies = [];
  else {
    const sorted = latencies.toSorted((a, b) => a - b);
    const p99 = sorted[Math.floor(sorted.length * 0.99)] ?? 0;
    parentPort.postMessage({ reads: sorted.length, p99, max: sorted.at(-1) ?? 0 });
  }
});
