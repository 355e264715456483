// libiscsi's own library as an initiator, through the optional package koffi: for what its programs
// and QEMU cannot do (mutual CHAP with data, FUA, SYNCHRONIZE CACHE). Plain JavaScript, because
// test/interop/acknowledged_writer.mjs runs it in a process of its own without a build.
import { Buffer } from 'node:buffer';
import { existsSync, readdirSync } from 'node:fs';
import { URL } from 'node:url';

const BLOCK = 512;
const GOOD = 0;
const SESSION_NORMAL = 2;
/** READ(10) and WRITE(10) carry 16 bits of blocks; this stays well below. */
const CHUNK_BLOCKS = 1024;

function libraryFile() {
  for (const folder of ['/usr/lib', ...subfolders('/usr/lib')]) {
    for (const name of ['libiscsi.so.7', 'libiscsi.so.8', 'libiscsi.so.9', 'libiscsi.so.10']) {
      if (existsSync(`${folder}/${name}`)) return `${folder}/${name}`;
    }
  }
  return undefined;
}

function subfolders(folder) {
  return existsSync(folder) ? readdirSync(folder).map((name) => `${folder}/${name}`) : [];
}

/** Why there is no libiscsi here, or undefined when there is. */
export async function whyNoLibiscsi() {
  if (libraryFile() === undefined) return 'libiscsi is not installed';
  try {
    await import('koffi');
  } catch {
    return 'the optional package koffi is not installed';
  }
  return undefined;
}

let functions;
async function load() {
  if (functions !== undefined) return functions;
  const { default: koffi } = await import('koffi');
  const library = koffi.load(libraryFile());
  koffi.struct('scsi_iovec', { iov_base: 'void *', iov_len: 'size_t' });
  const ten = 'uint32 length, int blocksize, int protect, int dpo, int fua, int nv, int group';
  functions = {
    koffi,
    create: library.func('void *iscsi_create_context(const char *name)'),
    parse: library.func('void *iscsi_parse_full_url(void *iscsi, const char *url)'),
    error: library.func('const char *iscsi_get_error(void *iscsi)'),
    type: library.func('int iscsi_set_session_type(void *iscsi, int type)'),
    once: library.func('void iscsi_set_noautoreconnect(void *iscsi, int state)'),
    connect: library.func('int iscsi_full_connect_sync(void *iscsi, const char *portal, int lun)'),
    logout: library.func('int iscsi_logout_sync(void *iscsi)'),
    destroy: library.func('int iscsi_destroy_context(void *iscsi)'),
    write: library.func(
      `void *iscsi_write10_sync(void *iscsi, int lun, uint32 lba, const void *data, ${ten})`,
    ),
    read: library.func(
      `void *iscsi_read10_iov_sync(void *iscsi, int lun, uint32 lba, ${ten}, ` +
        'scsi_iovec *iov, int niov)',
    ),
    flush: library.func(
      'void *iscsi_synchronizecache10_sync(void *iscsi, int lun, int lba, int blocks, ' +
        'int sync_nv, int immed)',
    ),
    free: library.func('void scsi_free_scsi_task(void *task)'),
  };
  return functions;
}

/** A session; throws with libiscsi's own words when the login fails. */
export async function logIn(url, initiator) {
  const lib = await load();
  const iscsi = lib.create(initiator);
  if (lib.parse(iscsi, url) === null) throw new Error(`libiscsi: ${lib.error(iscsi)}`);
  const { host, pathname } = new URL(url.replace(/^iscsi:\/\/([^@/]*@)?/, 'http://'));
  const lun = Number(pathname.split('/').at(-1));
  lib.type(iscsi, SESSION_NORMAL);
  lib.once(iscsi, 1);
  if (lib.connect(iscsi, host, lun) !== 0) {
    const cause = lib.error(iscsi);
    lib.destroy(iscsi);
    throw new Error(`libiscsi: ${cause}`);
  }
  return new Session(lib, iscsi, lun);
}

class Session {
  #lib;
  #iscsi;
  #lun;

  constructor(lib, iscsi, lun) {
    this.#lib = lib;
    this.#iscsi = iscsi;
    this.#lun = lun;
  }

  /** Whole blocks at a block number; returns when the status is GOOD. */
  write(lba, data, { fua = false } = {}) {
    for (let at = 0; at < data.length; at += CHUNK_BLOCKS * BLOCK) {
      const part = data.subarray(at, at + CHUNK_BLOCKS * BLOCK);
      const where = lba + at / BLOCK;
      const flags = [part.length, BLOCK, 0, 0, fua ? 1 : 0, 0, 0];
      this.#check('WRITE(10)', this.#lib.write(this.#iscsi, this.#lun, where, part, ...flags));
    }
  }

  read(lba, byteLength) {
    const data = Buffer.alloc(byteLength);
    for (let at = 0; at < byteLength; at += CHUNK_BLOCKS * BLOCK) {
      const part = data.subarray(at, at + CHUNK_BLOCKS * BLOCK);
      const where = lba + at / BLOCK;
      const vector = [{ iov_base: part, iov_len: part.length }];
      const flags = [part.length, BLOCK, 0, 0, 0, 0, 0];
      const task = this.#lib.read(this.#iscsi, this.#lun, where, ...flags, vector, 1);
      this.#check('READ(10)', task);
    }
    return data;
  }

  flush() {
    this.#check('SYNCHRONIZE CACHE(10)', this.#lib.flush(this.#iscsi, this.#lun, 0, 0, 0, 0));
  }

  #check(command, task) {
    // The status is the first member of struct scsi_task.
    const status = task === null ? undefined : this.#lib.koffi.decode(task, 'int');
    if (task !== null) this.#lib.free(task);
    if (status === GOOD) return;
    throw new Error(`${command}: status ${status}: ${this.#lib.error(this.#iscsi)}`);
  }

  logOut() {
    this.#lib.logout(this.#iscsi);
    this.#lib.destroy(this.#iscsi);
  }
}
