/** The login phase of one connection (RFC 7143 §6.3). */
import type { Log } from '../../util/log.ts';
import type { LoginResponseFields } from '../pdu/login.ts';
import { LoginRequest, LOGIN_STATUS } from '../pdu/login.ts';
import type { Endpoint, LoginResult, TargetDirectory } from './directory.ts';

export interface LoginRefusal {
  readonly initiator: string;
  readonly target: string;
  /** One sentence for the administrator; the peer learns the status only. */
  readonly rule: string;
  readonly statusClass: number;
  readonly statusDetail: number;
}
export type Established =
  | { readonly tsih: number }
  | { readonly statusClass: number; readonly statusDetail: number; readonly rule: string };

export interface LoginServices {
  readonly directory: TargetDirectory;
  readonly endpoint: Endpoint;
  readonly log: Log;
  readonly randomBytes?: (n: number) => Buffer;
  /** Called with the finished negotiation before the last response; makes or reinstates the
   * session. */
  establish(result: LoginResult): Established;
  refused(event: LoginRefusal): void;
}

export interface LoginStep {
  /** For `encodeLoginResponse`; StatSN, ExpCmdSN and MaxCmdSN are the connection's to stamp. */
  readonly response: LoginResponseFields;
  /** Data segment of the response. */
  readonly text: Buffer;
  /** Present with the last response of a successful login. */
  readonly finished?: LoginResult;
  /** Close once the response is sent. */
  readonly close?: boolean;
}

export class LoginMachine {
  readonly #services: LoginServices;
  constructor(services: LoginServices) {
    this.#services = services;
  }

  /** One Login Request: header and complete data segment. Never throws. */
  step(bhs: Buffer, data: Buffer): LoginStep {
    const request = new LoginRequest(bhs);
    this.#services.log.debug('login request', { bytes: data.length });
    return {
      response: {
        itt: request.itt,
        isid: request.isid,
        tsih: 0,
        transit: false,
        continues: false,
        csg: 0,
        nsg: 0,
        statusClass: LOGIN_STATUS.TARGET_ERROR >> 8,
        statusDetail: LOGIN_STATUS.TARGET_ERROR & 0xff,
      },
      text: Buffer.alloc(0),
      close: true,
    };
  }
}
