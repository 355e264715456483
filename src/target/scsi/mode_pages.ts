/** Mode pages (SPC-4 §7.5, SBC-3 §6.5), each once: its values, and what of it may be changed. */
import type { LogicalUnit } from './logical_unit.ts';

/** Page control of MODE SENSE. */
export const PAGE_CONTROL = { CURRENT: 0, CHANGEABLE: 1, DEFAULT: 2, SAVED: 3 } as const;

export interface ModePage {
  readonly code: number;
  /** With its two bytes of header; PS is zero, nothing is saved. */
  current(logicalUnit: LogicalUnit): Buffer;
  defaults(logicalUnit: LogicalUnit): Buffer;
  /** Ones where MODE SELECT may change a bit. */
  changeable(): Buffer;
  /** A page that differs from the current one in changeable bits only. */
  select(logicalUnit: LogicalUnit, page: Buffer): void;
}

const WCE = 0x04;
const CACHING = { code: 0x08, length: 20 } as const;

function cachingPage(writeCache: boolean): Buffer {
  const page = Buffer.alloc(CACHING.length);
  page[0] = CACHING.code;
  page[1] = CACHING.length - 2;
  page[2] = writeCache ? WCE : 0;
  return page;
}

const caching: ModePage = {
  code: CACHING.code,
  current: (logicalUnit) => cachingPage(logicalUnit.storage.writeCache),
  defaults: (logicalUnit) => cachingPage(logicalUnit.defaultWriteCache),
  changeable: () => cachingPage(true),
  select(logicalUnit, page) {
    logicalUnit.storage.setWriteCache(((page[2] ?? 0) & WCE) !== 0);
  },
};

const CONTROL = { code: 0x0a, length: 12 } as const;
const D_SENSE = 0x04;
const GLTSD = 0x02;
/** QUEUE ALGORITHM MODIFIER 1: SIMPLE commands in flight together may be done in any order. */
const UNRESTRICTED_REORDERING = 0x10;
const SWP = 0x08;
const TAS = 0x40;
const BUSY_TIMEOUT_UNLIMITED = 0xffff;

function controlPage(tas: boolean, descriptorSense: boolean, swp: boolean): Buffer {
  const page = Buffer.alloc(CONTROL.length);
  page[0] = CONTROL.code;
  page[1] = CONTROL.length - 2;
  page[2] = (descriptorSense ? D_SENSE : 0) | GLTSD;
  page[3] = UNRESTRICTED_REORDERING;
  page[4] = swp ? SWP : 0;
  page[5] = tas ? TAS : 0;
  page.writeUInt16BE(BUSY_TIMEOUT_UNLIMITED, 8);
  return page;
}

const control: ModePage = {
  code: CONTROL.code,
  current: ({ attributes, descriptorSense, softwareWriteProtect }) =>
    controlPage(attributes.emulate_tas, descriptorSense, softwareWriteProtect),
  defaults: ({ attributes }) => controlPage(attributes.emulate_tas, false, false),
  changeable() {
    const page = Buffer.alloc(CONTROL.length);
    page[0] = CONTROL.code;
    page[1] = CONTROL.length - 2;
    page[2] = D_SENSE;
    page[4] = SWP;
    return page;
  },
  select(logicalUnit, page) {
    logicalUnit.descriptorSense = ((page[2] ?? 0) & D_SENSE) !== 0;
    logicalUnit.softwareWriteProtect = ((page[4] ?? 0) & SWP) !== 0;
  },
};

/** In ascending order, as "all pages" returns them. */
export const MODE_PAGES: readonly ModePage[] = [caching, control];

export function modePage(code: number): ModePage | undefined {
  return MODE_PAGES.find((page) => page.code === code);
}

/** `mask` is 1 where `page` may differ; header bytes are checked by the caller. -1: fine. */
export function forbiddenChange(page: Buffer, current: Buffer, mask: Buffer): number {
  for (let at = 2; at < page.length; at++) {
    const differs = (page[at] ?? 0) ^ (current[at] ?? 0);
    if ((differs & ~(mask[at] ?? 0)) !== 0) return at;
  }
  return -1;
}
