/** One iSCSI session: I_T nexus, CmdSN window, commands in progress, its one connection. */
import type { SessionInfo } from '../../objects/engine_port.ts';
import type { ItNexus } from '../scsi/nexus.ts';
import type { LoginResult } from './directory.ts';

export interface Session {
  /** Unique for the life of the engine. */
  readonly sid: number;
  readonly tsih: number;
  readonly result: LoginResult;
  /** Undefined in a discovery session. */
  readonly nexus: ItNexus | undefined;
  /** `mappedLuns` is empty: the engine fills it in. */
  info(): SessionInfo;
  /** Drops the connection and aborts every command. */
  end(reason: string): void;
  /** Async message 1 (RFC 7143 §11.9): asks to log out, and drops the session after the time. */
  requestLogout(graceMs: number): void;
}
