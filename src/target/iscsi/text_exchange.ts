/** Text Requests in the full feature phase (RFC 7143 §6.4, §11.10). */
import type { TextResponseFields } from '../pdu/text_request.ts';
import type { Endpoint, LoginResult, TargetDirectory } from './directory.ts';

export interface TextServices {
  readonly directory: TargetDirectory;
  readonly endpoint: Endpoint;
  readonly result: LoginResult;
}
export type TextStep =
  | {
      /** For `encodeTextResponse`; the sequence numbers are the connection's to stamp. */
      readonly response: TextResponseFields;
      readonly text: Buffer;
      /** Limit of Data-In segments from now on, where the exchange that ends here changed it. */
      readonly newMaxSendDataSegmentLength?: number;
    }
  /** Reason of a Reject PDU (RFC 7143 §11.17.1), and why. */
  | { readonly reject: number; readonly rule: string };

export class TextMachine {
  readonly #services: TextServices;
  constructor(services: TextServices) {
    this.#services = services;
  }

  /** One Text Request: header and complete data segment. Never throws. */
  step(_bhs: Buffer, _data: Buffer): TextStep {
    return { reject: 0x05, rule: `no text exchange with ${this.#services.result.initiatorName}` };
  }
}
