/**
 * Sequence numbers at their common places: bytes 24-27 and 28-31 of requests, 24-35 of responses
 * (RFC 7143 §4.2.2). Data-Out and SNACK have no CmdSN: their bytes 24-27 are reserved.
 */
const REQUEST = { CMD_SN: 24, EXP_STAT_SN: 28 } as const;
const RESPONSE = { STAT_SN: 24, EXP_CMD_SN: 28, MAX_CMD_SN: 32 } as const;

export function cmdSNOf(bhs: Buffer): number {
  return bhs.readUInt32BE(REQUEST.CMD_SN);
}
export function expStatSNOf(bhs: Buffer): number {
  return bhs.readUInt32BE(REQUEST.EXP_STAT_SN);
}
export function statSNOf(bhs: Buffer): number {
  return bhs.readUInt32BE(RESPONSE.STAT_SN);
}
/** `at`: where the header begins in `buffer`. */
export function stampStatSN(buffer: Buffer, statSN: number, at = 0): void {
  buffer.writeUInt32BE(statSN, at + RESPONSE.STAT_SN);
}
export function stampWindow(buffer: Buffer, expCmdSN: number, maxCmdSN: number, at = 0): void {
  buffer.writeUInt32BE(expCmdSN, at + RESPONSE.EXP_CMD_SN);
  buffer.writeUInt32BE(maxCmdSN, at + RESPONSE.MAX_CMD_SN);
}
