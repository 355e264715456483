/** MODE SENSE and MODE SELECT, 6 and 10 (SPC-4 §6.9 to §6.12). */
import { cdbLength, cdbParameterLength, readUInt64, writeUInt64 } from './cdb.ts';
import type { Command } from './command.ts';
import type { LogicalUnit } from './logical_unit.ts';
import { forbiddenChange, MODE_PAGES, modePage, PAGE_CONTROL } from './mode_pages.ts';
import type { ModePage } from './mode_pages.ts';
import { SENSE } from './sense.ts';
import { UNIT_ATTENTION } from './unit_attention.ts';

const DBD = 0x08;
const LLBAA = 0x10;
const ALL_PAGES = 0x3f;
const ALL_SUBPAGES = 0xff;
const WP = 0x80;
const DPOFUA = 0x10;
const LONGLBA = 0x01;

const isSix = (cdb: Buffer): boolean => cdbLength(cdb[0] ?? 0) === 6;

/** DPO and FUA are one bit to initiators, so that both must be served. */
export function servesDpoFua({ attributes }: LogicalUnit): boolean {
  const { emulate_dpo, emulate_fua_read, emulate_fua_write } = attributes;
  return emulate_dpo && emulate_fua_read && emulate_fua_write;
}

/** Why writes are refused: mapping, medium or SWP. */
export function isWriteProtected(command: Command): boolean {
  const { itl, logicalUnit } = command;
  if (itl?.writeProtect === true || logicalUnit.softwareWriteProtect) return true;
  return logicalUnit.storage.readOnly;
}

export function modeSense(command: Command): void {
  const { cdb } = command;
  const pageControl = (cdb[2] ?? 0) >>> 6;
  const code = (cdb[2] ?? 0) & 0x3f;
  const subpage = cdb[3] ?? 0;
  if (subpage !== 0 && subpage !== ALL_SUBPAGES) return command.invalidField(3);
  const asked = code === ALL_PAGES ? undefined : modePage(code);
  if (code !== ALL_PAGES && asked === undefined) return command.invalidField(2, 5);
  if (pageControl === PAGE_CONTROL.SAVED) {
    return command.check(SENSE.SAVING_PARAMETERS_NOT_SUPPORTED);
  }
  const { logicalUnit } = command;
  const pages = asked === undefined ? MODE_PAGES : [asked];
  const bytes = pages.map((page) => valuesOf(page, pageControl, logicalUnit));
  const descriptor = blockDescriptor(command);
  const header = modeHeader(command, descriptor.length);
  const data = Buffer.concat([header, descriptor, ...bytes]);
  if (isSix(cdb)) data[0] = Math.min(data.length - 1, 0xff);
  else data.writeUInt16BE(data.length - 2, 0);
  return command.sendParameterData(data, cdbParameterLength(cdb));
}

function valuesOf(page: ModePage, pageControl: number, logicalUnit: LogicalUnit): Buffer {
  if (pageControl === PAGE_CONTROL.CHANGEABLE) return page.changeable();
  if (pageControl === PAGE_CONTROL.DEFAULT) return page.defaults(logicalUnit);
  return page.current(logicalUnit);
}

function modeHeader(command: Command, descriptorLength: number): Buffer {
  const deviceSpecific =
    (isWriteProtected(command) ? WP : 0) | (servesDpoFua(command.logicalUnit) ? DPOFUA : 0);
  if (isSix(command.cdb)) return Buffer.from([0, 0, deviceSpecific, descriptorLength]);
  const long = descriptorLength === 16 ? LONGLBA : 0;
  return Buffer.from([0, 0, 0, deviceSpecific, long, 0, 0, descriptorLength]);
}

function blockDescriptor(command: Command): Buffer {
  const { cdb, logicalUnit } = command;
  const flags = cdb[1] ?? 0;
  if ((flags & DBD) !== 0) return Buffer.alloc(0);
  const { blockCount, blockSize } = logicalUnit;
  if (!isSix(cdb) && (flags & LLBAA) !== 0) {
    const long = Buffer.alloc(16);
    writeUInt64(blockCount, long, 0);
    long.writeUInt32BE(blockSize, 12);
    return long;
  }
  const short = Buffer.alloc(8);
  short.writeUInt32BE(Math.min(blockCount, 0xffff_ffff), 0);
  short.writeUInt32BE(blockSize, 4);
  return short;
}

const PF = 0x10;
const PF_BIT = 4;

export function modeSelect(command: Command): void {
  const { cdb } = command;
  const listLength = cdbParameterLength(cdb);
  if (listLength === 0) return command.good();
  // PF=0 would mean vendor-specific pages, of which there are none.
  if (((cdb[1] ?? 0) & PF) === 0) return command.invalidField(1, PF_BIT);
  return command.receiveParameterList(listLength, (list) => {
    const changes = parseModeList(command, list, listLength);
    if (changes !== null) applyModePages(command, changes);
  });
}

interface PageChange {
  readonly page: ModePage;
  readonly values: Buffer;
}

/** Null: refused, and the command is over. Everything is checked before anything changes. */
function parseModeList(command: Command, list: Buffer, listLength: number): PageChange[] | null {
  const six = isSix(command.cdb);
  const headerLength = six ? 4 : 8;
  const refuse = (field: number): null => {
    command.invalidParameter(field);
    return null;
  };
  const tooShort = (): null => {
    command.check(SENSE.PARAMETER_LIST_LENGTH_ERROR);
    return null;
  };
  if (list.length < listLength || list.length < headerLength) return tooShort();
  const mediumTypeAt = six ? 1 : 2;
  if (list[mediumTypeAt] !== 0) return refuse(mediumTypeAt);
  const descriptorLength = six ? (list[3] ?? 0) : list.readUInt16BE(6);
  const pagesAt = headerLength + descriptorLength;
  if (pagesAt > list.length) return tooShort();
  const long = !six && ((list[4] ?? 0) & LONGLBA) !== 0;
  const descriptor = list.subarray(headerLength, pagesAt);
  if (!fitsMedium(command.logicalUnit, descriptor, long)) return refuse(headerLength);
  const changes: PageChange[] = [];
  for (let at = pagesAt; at < list.length;) {
    if (at + 2 > list.length) return tooShort();
    const page = modePage((list[at] ?? 0) & 0x3f);
    // PS and SPF must be zero too, so that the whole byte is the code.
    if (page === undefined || list[at] !== page.code) return refuse(at);
    const current = page.current(command.logicalUnit);
    if ((list[at + 1] ?? 0) + 2 !== current.length) return refuse(at + 1);
    if (at + current.length > list.length) return tooShort();
    const values = list.subarray(at, at + current.length);
    const bad = forbiddenChange(values, current, page.changeable());
    if (bad >= 0) return refuse(at + bad);
    changes.push({ page, values });
    at += current.length;
  }
  return changes;
}

/** The block descriptor cannot change the medium: only what holds already is accepted. */
function fitsMedium(logicalUnit: LogicalUnit, descriptor: Buffer, long: boolean): boolean {
  if (descriptor.length === 0) return true;
  if (descriptor.length !== (long ? 16 : 8)) return false;
  const blockCount = long ? readUInt64(descriptor, 0) : descriptor.readUInt32BE(0);
  const blockSize = long ? descriptor.readUInt32BE(12) : descriptor.readUInt32BE(4) & 0xff_ffff;
  if (blockSize !== logicalUnit.blockSize) return false;
  const all = long ? 2 ** 64 : 0xffff_ffff;
  return blockCount === 0 || blockCount === all || blockCount === logicalUnit.blockCount;
}

function applyModePages(command: Command, changes: readonly PageChange[]): void {
  const { logicalUnit, itl } = command;
  const cachedBefore = logicalUnit.storage.writeCache;
  let changed = false;
  for (const { page, values } of changes) {
    changed ||= !page.current(logicalUnit).equals(values);
    page.select(logicalUnit, values);
  }
  // SPC-4 §6.9: every other nexus hears of it.
  if (changed) {
    logicalUnit.modeChanged();
    logicalUnit.siblings?.raise(UNIT_ATTENTION.MODE_PARAMETERS_CHANGED);
    logicalUnit.raise(UNIT_ATTENTION.MODE_PARAMETERS_CHANGED, itl);
  }
  if (!cachedBefore || logicalUnit.storage.writeCache) return command.good();
  // The cache is off from now on, so nothing in it may stay volatile.
  return logicalUnit.storage.flush((fault) => {
    if (command.halted()) return;
    if (fault !== null) command.fault(fault);
    else command.good();
  });
}
