/** The shape of one row of the command table. */
import type { Command } from './command.ts';
import type { LogicalUnit } from './logical_unit.ts';
import type { ItlNexus } from './nexus.ts';

/** SPC-4 §5.15.2.4: up to which state of its target port group a command is still done. */
export const REACH = {
  ACTIVE: 0,
  STANDBY: 1,
  UNAVAILABLE: 2,
  /** Also while the state changes, and offline. */
  ANY: 3,
} as const;

export interface CommandRow {
  readonly opcode: number;
  readonly serviceAction?: number;
  readonly name: string;
  /**
   * SPC-4 §6.35.3 CDB usage data, as long as the CDB: bits that are evaluated are 1; a 1 elsewhere
   * is refused. Byte 0 is the opcode, and the service action stands in byte 1.
   */
  readonly usage: readonly number[];
  readonly dataDirection: 'none' | 'in' | 'out';
  /** Which of the shared checks apply. */
  readonly checks: {
    /** Runs although the medium is not ready. */
    readonly notReadyOk?: boolean;
    /** Changes the medium: refused on a write-protected one. */
    readonly writes?: boolean;
    /** Runs before a pending unit attention is told (SPC-4 §5.14). */
    readonly passesUnitAttention?: boolean;
    /** Runs on a LUN that is not mapped. */
    readonly anyLun?: boolean;
    /** Of `REACH`; absent: only while active. */
    readonly reach?: number;
  };
  /** Attributes may hide a command; it is then neither reported nor run. */
  readonly served?: (itl: ItlNexus) => boolean;
  /** Usage bits that hold under these attributes only (DPO, FUA, UNMAP). */
  readonly usageFor?: (logicalUnit: LogicalUnit) => readonly number[];
  readonly run: (command: Command) => void;
}
