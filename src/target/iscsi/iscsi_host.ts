/** What the iSCSI layer needs of the engine that embeds it. */
import type { Clock } from '../../util/clock.ts';
import type { Log } from '../../util/log.ts';
import type { ItNexus } from '../scsi/nexus.ts';
import type { LoginResult, TargetDirectory } from './directory.ts';
import type { LoginRefusal } from './login.ts';
import type { Session } from './session.ts';

export interface RefusedLogin extends LoginRefusal {
  /** The peer's IP address. */
  readonly address: string;
}

export interface IscsiHost {
  readonly directory: TargetDirectory;
  readonly clock: Clock;
  readonly log: Log;
  /** The nexus of a normal session, with its LUNs mapped. The session closes it. */
  openNexus(result: LoginResult): ItNexus;
  /** Full feature phase reached; discovery sessions too. */
  sessionOpened(session: Session): void;
  /** Once per `sessionOpened`: connection gone, nexus closed; commands may still be stopping. */
  sessionClosed(session: Session): void;
  /** Of any session, be it that it never reached full feature phase. */
  sessionGone?(session: Session): void;
  loginRefused(event: RefusedLogin): void;
}
