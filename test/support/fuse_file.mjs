// A file that answers only while it is told to: one file in memory behind /dev/fuse, mounted over
// the file given. Commands on standard input: hang, go. After 20 s of hanging it answers all the
// same, so that nobody's event loop is held up for ever, and says so.
//   node fuse_file.mjs FILE BYTES
import { Buffer } from 'node:buffer';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import process from 'node:process';
import { createInterface } from 'node:readline';

const [file, bytes] = process.argv.slice(2);
const data = Buffer.alloc(Number(bytes));
const MAX_WRITE = 128 * 1024;
const IN_HEADER = 40;
const GIVES_UP_MS = 20_000;

/** linux/fuse.h. */
const OP = {
  FORGET: 2,
  GETATTR: 3,
  SETATTR: 4,
  OPEN: 14,
  READ: 15,
  WRITE: 16,
  STATFS: 17,
  RELEASE: 18,
  FSYNC: 20,
  FLUSH: 25,
  INIT: 26,
  INTERRUPT: 36,
  BATCH_FORGET: 42,
};
const ENOSYS = 38;

const device = fs.openSync('/dev/fuse', 'r+');
const options = `fd=3,rootmode=100000,user_id=${process.getuid()},group_id=${process.getgid()}`;
const mounted = spawnSync('mount', ['-i', '-t', 'fuse', '-o', options, 'test', file], {
  stdio: ['ignore', 'inherit', 'inherit', device],
});
if (mounted.status !== 0) process.exit(1);

let hanging = false;
let timer;
const waiting = [];

function reply(unique, error, ...parts) {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(parts.reduce((sum, part) => sum + part.length, 16));
  header.writeInt32LE(-error, 4);
  header.writeBigUInt64LE(unique, 8);
  try {
    fs.writevSync(device, [header, ...parts]);
  } catch (failure) {
    // Whoever asked has been killed meanwhile.
    if (failure.code !== 'ENOENT') throw failure;
  }
}

function attributes() {
  const answer = Buffer.alloc(16 + 88);
  answer.writeBigUInt64LE(BigInt(data.length), 16 + 8);
  answer.writeBigUInt64LE(BigInt(data.length / 512), 16 + 16);
  answer.writeUInt32LE(0o100600, 16 + 60);
  answer.writeUInt32LE(1, 16 + 64);
  answer.writeUInt32LE(4096, 16 + 80);
  return answer;
}

function init(request) {
  const answer = Buffer.alloc(64);
  answer.writeUInt32LE(7, 0);
  answer.writeUInt32LE(31, 4);
  answer.writeUInt32LE(request.readUInt32LE(IN_HEADER + 8), 8);
  answer.writeUInt16LE(64, 16);
  answer.writeUInt16LE(48, 18);
  answer.writeUInt32LE(MAX_WRITE, 20);
  answer.writeUInt32LE(1, 24);
  return answer;
}

/** @param {number} opcode @param {Buffer} request */
function answer(opcode, request) {
  const unique = request.readBigUInt64LE(8);
  const handleFirst = IN_HEADER + 8;
  if (opcode === OP.READ || opcode === OP.WRITE) {
    const at = Number(request.readBigUInt64LE(handleFirst));
    const length = request.readUInt32LE(handleFirst + 8);
    if (opcode === OP.READ) return reply(unique, 0, data.subarray(at, at + length));
    request.copy(data, at, IN_HEADER + 40, IN_HEADER + 40 + length);
    const written = Buffer.alloc(8);
    written.writeUInt32LE(length);
    return reply(unique, 0, written);
  }
  switch (opcode) {
    case OP.INIT:
      return reply(unique, 0, init(request));
    case OP.GETATTR:
    case OP.SETATTR:
      return reply(unique, 0, attributes());
    case OP.OPEN:
      return reply(unique, 0, Buffer.alloc(16));
    case OP.STATFS:
      return reply(unique, 0, Buffer.alloc(80));
    case OP.RELEASE:
    case OP.FSYNC:
    case OP.FLUSH:
      return reply(unique, 0);
    case OP.FORGET:
    case OP.BATCH_FORGET:
    case OP.INTERRUPT:
      return undefined;
    default:
      return reply(unique, ENOSYS);
  }
}

const HANGS = new Set([OP.READ, OP.WRITE, OP.FSYNC]);

function next() {
  const request = Buffer.alloc(MAX_WRITE + 4096);
  fs.read(device, request, 0, request.length, null, (error, length) => {
    if (error?.code === 'ENODEV') process.exit(0);
    if (error) return next();
    const opcode = request.readUInt32LE(4);
    const whole = request.subarray(0, length);
    if (hanging && HANGS.has(opcode)) {
      waiting.push([opcode, whole]);
      process.stdout.write('waiting\n');
    } else {
      answer(opcode, whole);
    }
    return next();
  });
}

function go() {
  clearTimeout(timer);
  hanging = false;
  for (const [opcode, request] of waiting.splice(0)) answer(opcode, request);
}

createInterface({ input: process.stdin })
  .on('line', (command) => {
    if (command === 'go') return go();
    hanging = true;
    timer = setTimeout(() => {
      process.stdout.write('gave up\n');
      go();
    }, GIVES_UP_MS);
    process.stdout.write('hangs\n');
  })
  .on('close', () => {
    go();
    spawnSync('umount', ['-l', file]);
    process.exit(0);
  });
next();
process.stdout.write('mounted\n');
