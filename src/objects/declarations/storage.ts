import type { Attribute, AttributeGroup, ValuesOf } from '../attribute.ts';
import type { BackstoreKind } from '../document.ts';
import { rateLimits } from './rate_limits.ts';

const flag = (value: boolean) => ({ kind: 'bool', style: 'digit', default: value }) as const;
const off = (why: string) => ({ ...flag(false), only: false, why }) as const;
const UINT32_MAX = 0xffff_ffff;
const count = (value: number, max: number = UINT32_MAX) =>
  ({ kind: 'uint', min: 0, max, default: value }) as const;
const NO_PI = 'protection information is not served';
const LIMITS = rateLimits('of all initiators together');
const NO_PR = 'reservations are not served';

/** Attributes of every storage object, with LIO's names. Narrower ranges say why. */
export const STORAGE_ATTRIBUTES = {
  alua_support: {
    ...flag(true),
    readonly: true,
    help: 'Whether the storage object has ALUA groups.',
  },
  block_size: {
    kind: 'uint',
    min: 512,
    max: 4096,
    oneOf: [512, 1024, 2048, 4096],
    unit: 'bytes',
    default: 512,
    applies: 'while-unexported',
    help: 'Block size of the underlying device.',
  },
  burst_time: LIMITS.burst_time,
  emulate_3pc: {
    ...off('EXTENDED COPY is not served'),
    help: 'If set to 1, enable Third Party Copy.',
  },
  emulate_caw: { ...flag(true), help: 'If set to 1, enable Compare and Write.' },
  emulate_dpo: { ...flag(true), help: 'If set to 1, turn on Disable Page Out.' },
  emulate_fua_read: { ...flag(true), help: 'If set to 1, enable Force Unit Access read.' },
  emulate_fua_write: { ...flag(true), help: 'If set to 1, enable Force Unit Access write.' },
  emulate_model_alias: {
    ...flag(false),
    applies: 'while-unexported',
    help: 'If set to 1, use the backend device name for the model alias.',
  },
  emulate_pr: { ...off(NO_PR), help: 'If set to 1, enable SCSI Reservations.' },
  emulate_rest_reord: {
    ...off('commands are reordered without restriction, and the control mode page says so'),
    help: 'If set to 0, the Queue Algorithm Modifier is Restricted Reordering.',
  },
  emulate_rsoc: { ...flag(true), help: 'If set to 1, serve REPORT SUPPORTED OPERATION CODES.' },
  emulate_tas: {
    ...flag(true),
    applies: 'while-unexported',
    help: 'If set to 1, enable Task Aborted Status.',
  },
  emulate_tpu: { ...flag(false), help: 'If set to 1, enable Thin Provisioning Unmap.' },
  emulate_tpws: { ...flag(false), help: 'If set to 1, enable Thin Provisioning Write Same.' },
  emulate_ua_intlck_ctrl: {
    kind: 'uint',
    min: 0,
    max: 0,
    default: 0,
    why: 'unit attention interlock is not served',
    help: 'If set to 1 or 2, enable Unit Attention Interlock.',
  },
  emulate_write_cache: {
    ...flag(false),
    help: 'If set to 1, turn on Write Cache Enable.',
  },
  enforce_pr_isids: { ...flag(true), help: 'If set to 1, enforce persistent reservation ISIDs.' },
  force_pr_aptpl: {
    ...off(NO_PR),
    help: 'If set to 1, force SPC-3 PR Activate Persistence across Target Power Loss operation.',
  },
  is_nonrot: { ...flag(false), help: 'If set to 1, the backstore is a non rotational device.' },
  max_bandwidth: LIMITS.max_bandwidth,
  max_iops: LIMITS.max_iops,
  max_unmap_block_desc_count: {
    ...count(0, 4096),
    help: 'Maximum number of block descriptors for UNMAP.',
  },
  max_unmap_lba_count: { ...count(0), unit: 'blocks', help: 'Maximum number of LBA for UNMAP.' },
  max_write_same_len: {
    ...count(4096),
    unit: 'blocks',
    help: 'Maximum length for WRITE_SAME.',
  },
  optimal_sectors: {
    ...count(16384, 16384),
    unit: 'blocks',
    applies: 'while-unexported',
    help: 'Optimal request size in sectors.',
  },
  pi_prot_format: { ...off(NO_PI), help: 'DIF protection format.' },
  pi_prot_type: { ...count(0, 0), why: NO_PI, help: 'DIF protection type.' },
  pi_prot_verify: { ...off(NO_PI), help: 'DIF protection verify.' },
  queue_depth: {
    kind: 'uint',
    min: 1,
    max: 128,
    default: 128,
    applies: 'while-unexported',
    help: 'Commands of one initiator under execution at once on this object; more wait.',
  },
  unmap_granularity: { ...count(1), unit: 'blocks', help: 'UNMAP granularity.' },
  unmap_granularity_alignment: {
    ...count(0),
    unit: 'blocks',
    help: 'UNMAP granularity alignment.',
  },
  unmap_zeroes_data: {
    ...flag(true),
    only: true,
    why: 'unmapped blocks always read as zeros',
    help: 'If set to 1, zeroes are read back after an UNMAP.',
  },
  hw_block_size: { ...count(512), readonly: true, unit: 'bytes', help: 'Hardware block size.' },
  hw_max_sectors: { ...count(16384), readonly: true, unit: 'blocks', help: 'Largest transfer.' },
  hw_queue_depth: { ...count(128), readonly: true, help: 'Hardware queue depth.' },
} as const satisfies AttributeGroup;
export type StorageAttributes = ValuesOf<typeof STORAGE_ATTRIBUTES>;

type Overrides = Partial<Record<keyof StorageAttributes, Attribute>>;
const UNMAP_LIMITS = {
  max_unmap_block_desc_count: { ...STORAGE_ATTRIBUTES.max_unmap_block_desc_count, default: 1 },
  max_unmap_lba_count: { ...STORAGE_ATTRIBUTES.max_unmap_lba_count, default: 8192 },
} satisfies Overrides;
const OVERRIDES: Record<BackstoreKind, Overrides> = {
  block: {
    emulate_write_cache: {
      ...STORAGE_ATTRIBUTES.emulate_write_cache,
      only: false,
      why: 'block devices are always written through',
    },
    max_write_same_len: { ...STORAGE_ATTRIBUTES.max_write_same_len, default: 65535 },
  },
  fileio: UNMAP_LIMITS,
  ramdisk: UNMAP_LIMITS,
};

/** The attribute table of one backstore kind: the common one with that kind's defaults. */
export const STORAGE_ATTRIBUTES_OF: Readonly<Record<BackstoreKind, typeof STORAGE_ATTRIBUTES>> = {
  block: { ...STORAGE_ATTRIBUTES, ...OVERRIDES.block } as typeof STORAGE_ATTRIBUTES,
  fileio: { ...STORAGE_ATTRIBUTES, ...OVERRIDES.fileio } as typeof STORAGE_ATTRIBUTES,
  ramdisk: { ...STORAGE_ATTRIBUTES, ...OVERRIDES.ramdisk } as typeof STORAGE_ATTRIBUTES,
};
