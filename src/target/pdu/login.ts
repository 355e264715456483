/**
 * Login Request and Login Response (RFC 7143 §11.12, §11.13):
 *
 *     byte 1       T C . . CSG(2) NSG(2)     byte 2   Version-max    byte 3  Version-min / -active
 *     bytes 8-13   ISID                      bytes 14-15  TSIH       bytes 16-19  ITT
 *     request:  20-21 CID, 24-27 CmdSN, 28-31 ExpStatSN
 *     response: 24-27 StatSN, 28-31 ExpCmdSN, 32-35 MaxCmdSN, 36 Status-Class, 37 Status-Detail
 */
import {
  ahsLengthOf,
  BHS,
  BHS_LENGTH,
  dataSegmentLengthOf,
  isImmediate,
  ittOf,
  OPCODE,
  RESERVED_TAG,
  setDataSegmentLength,
} from './bhs.ts';

const LOGIN = {
  VERSION_MAX: 2,
  VERSION_MIN: 3,
  ISID: 8,
  TSIH: 14,
  CID: 20,
  CMD_SN: 24,
  EXP_STAT_SN: 28,
  STATUS_CLASS: 36,
  STATUS_DETAIL: 37,
} as const;
const ISID_LENGTH = 6;

export const TRANSIT = 0x80;
export const CONTINUE = 0x40;
const FLAGS_RESERVED = 0x30;

export const STAGE = { SECURITY: 0, OPERATIONAL: 1, FULL_FEATURE: 3 } as const;

/** The only version of iSCSI (RFC 7143 §11.12.4). */
export const VERSION = 0x00;

export class LoginRequest {
  readonly bhs: Buffer;
  constructor(bhs: Buffer) {
    this.bhs = bhs;
  }
  get transit(): boolean {
    return (this.bhs.readUInt8(BHS.FLAGS) & TRANSIT) !== 0;
  }
  get continues(): boolean {
    return (this.bhs.readUInt8(BHS.FLAGS) & CONTINUE) !== 0;
  }
  get csg(): number {
    return (this.bhs.readUInt8(BHS.FLAGS) >> 2) & 3;
  }
  get nsg(): number {
    return this.bhs.readUInt8(BHS.FLAGS) & 3;
  }
  get versionMax(): number {
    return this.bhs.readUInt8(LOGIN.VERSION_MAX);
  }
  get versionMin(): number {
    return this.bhs.readUInt8(LOGIN.VERSION_MIN);
  }
  /** 12 hex digits. */
  get isid(): string {
    return this.bhs.toString('hex', LOGIN.ISID, LOGIN.ISID + ISID_LENGTH);
  }
  get tsih(): number {
    return this.bhs.readUInt16BE(LOGIN.TSIH);
  }
  get itt(): number {
    return ittOf(this.bhs);
  }
  get cid(): number {
    return this.bhs.readUInt16BE(LOGIN.CID);
  }
  get cmdSN(): number {
    return this.bhs.readUInt32BE(LOGIN.CMD_SN);
  }
  get expStatSN(): number {
    return this.bhs.readUInt32BE(LOGIN.EXP_STAT_SN);
  }
}

/** Why the header is no legal Login Request, or undefined. Versions are the login's own concern. */
export function invalidLoginRequest(bhs: Buffer): string | undefined {
  const pdu = new LoginRequest(bhs);
  // RFC 7143 §11.12: a Login Request is an immediate request.
  if (!isImmediate(bhs)) return 'Login Request without the I bit';
  if (ahsLengthOf(bhs) !== 0) return 'Login Request with additional header segments';
  if (pdu.itt === RESERVED_TAG) return 'Login Request with the reserved Initiator Task Tag';
  // RFC 7143 §11.12.2: a continued request cannot transit.
  if (pdu.continues && pdu.transit) return 'Login Request with both C and T';
  if ((bhs.readUInt8(BHS.FLAGS) & FLAGS_RESERVED) !== 0) return 'reserved flags in a Login Request';
  if (pdu.csg === 2 || pdu.csg === STAGE.FULL_FEATURE) return `no such current stage, ${pdu.csg}`;
  if (!pdu.transit) return undefined;
  // RFC 7143 §11.12.3: the stage may only go forward, and 2 does not exist.
  if (pdu.nsg === 2 || pdu.nsg <= pdu.csg) return `no transition from ${pdu.csg} to ${pdu.nsg}`;
  return undefined;
}

/** Status-Class and Status-Detail as one number, `0x0201` (RFC 7143 §11.13.5). */
export const LOGIN_STATUS = {
  SUCCESS: 0x0000,
  INITIATOR_ERROR: 0x0200,
  AUTHENTICATION_FAILURE: 0x0201,
  AUTHORIZATION_FAILURE: 0x0202,
  NOT_FOUND: 0x0203,
  TARGET_REMOVED: 0x0204,
  UNSUPPORTED_VERSION: 0x0205,
  TOO_MANY_CONNECTIONS: 0x0206,
  MISSING_PARAMETER: 0x0207,
  CANNOT_INCLUDE_IN_SESSION: 0x0208,
  SESSION_TYPE_NOT_SUPPORTED: 0x0209,
  SESSION_DOES_NOT_EXIST: 0x020a,
  INVALID_DURING_LOGIN: 0x020b,
  TARGET_ERROR: 0x0300,
  SERVICE_UNAVAILABLE: 0x0301,
  OUT_OF_RESOURCES: 0x0302,
} as const;
export type LoginStatus = (typeof LOGIN_STATUS)[keyof typeof LOGIN_STATUS];

export interface LoginResponseFields {
  readonly itt: number;
  /** 12 hex digits, the request's. */
  readonly isid: string;
  readonly tsih: number;
  readonly transit: boolean;
  readonly continues: boolean;
  readonly csg: number;
  /** 0 unless `transit`. */
  readonly nsg: number;
  readonly statusClass: number;
  readonly statusDetail: number;
}

/** A header whose StatSN, ExpCmdSN and MaxCmdSN the connection has still to stamp. */
export function encodeLoginResponse(fields: LoginResponseFields, textLength: number): Buffer {
  const bhs = Buffer.alloc(BHS_LENGTH);
  bhs.writeUInt8(OPCODE.LOGIN_RESPONSE, BHS.OPCODE);
  const flags = (fields.transit ? TRANSIT : 0) | (fields.continues ? CONTINUE : 0);
  bhs.writeUInt8(flags | (fields.csg << 2) | fields.nsg, BHS.FLAGS);
  bhs.writeUInt8(VERSION, LOGIN.VERSION_MAX);
  bhs.writeUInt8(VERSION, LOGIN.VERSION_MIN);
  setDataSegmentLength(bhs, textLength);
  bhs.write(fields.isid, LOGIN.ISID, ISID_LENGTH, 'hex');
  bhs.writeUInt16BE(fields.tsih, LOGIN.TSIH);
  bhs.writeUInt32BE(fields.itt, BHS.ITT);
  bhs.writeUInt8(fields.statusClass, LOGIN.STATUS_CLASS);
  bhs.writeUInt8(fields.statusDetail, LOGIN.STATUS_DETAIL);
  return bhs;
}

/** What a Login Response says; for tests and tools that play the initiator. */
export function decodeLoginResponse(bhs: Buffer): LoginResponseFields & { textLength: number } {
  const request = new LoginRequest(bhs);
  return {
    itt: request.itt,
    isid: request.isid,
    tsih: request.tsih,
    transit: request.transit,
    continues: request.continues,
    csg: request.csg,
    nsg: request.nsg,
    statusClass: bhs.readUInt8(LOGIN.STATUS_CLASS),
    statusDetail: bhs.readUInt8(LOGIN.STATUS_DETAIL),
    textLength: dataSegmentLengthOf(bhs),
  };
}
