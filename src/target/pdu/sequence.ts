/**
 * Sequence numbers at their common places: bytes 24-27 and 28-31 of requests, 24-35 of responses
 * (RFC 7143 §4.2.2). Data-Out and SNACK have no CmdSN: their bytes 24-27 are reserved.
 */
import { putUint32, uint32At } from '../../util/big_endian.ts';

const REQUEST = { CMD_SN: 24, EXP_STAT_SN: 28 } as const;
const RESPONSE = { STAT_SN: 24, EXP_CMD_SN: 28, MAX_CMD_SN: 32 } as const;

export function cmdSNOf(bhs: Buffer): number {
  return uint32At(bhs, REQUEST.CMD_SN);
}
export function expStatSNOf(bhs: Buffer): number {
  return uint32At(bhs, REQUEST.EXP_STAT_SN);
}
export function statSNOf(bhs: Buffer): number {
  return uint32At(bhs, RESPONSE.STAT_SN);
}
/** `at`: where the header begins in `buffer`. */
export function stampStatSN(buffer: Buffer, statSN: number, at = 0): void {
  putUint32(buffer, at + RESPONSE.STAT_SN, statSN);
}
export function stampWindow(buffer: Buffer, expCmdSN: number, maxCmdSN: number, at = 0): void {
  putUint32(buffer, at + RESPONSE.EXP_CMD_SN, expCmdSN);
  putUint32(buffer, at + RESPONSE.MAX_CMD_SN, maxCmdSN);
}
