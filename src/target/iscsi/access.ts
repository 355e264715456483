/**
 * Who may log in where, as LIO means it: the target portal group is the one that owns the portal,
 * an explicit node ACL wins, then demo mode (generate_node_acls), else nobody.
 */
import {
  admissionProblem,
  authPolicy,
  policyOf,
  type AuthPolicy,
} from '../../objects/access_rules.ts';
import { nameKey } from '../../objects/names.ts';
import { LOGIN_STATUS } from '../pdu/login.ts';
import type { LoginStatus } from '../pdu/login.ts';
import { shownText } from '../pdu/text.ts';
import type { Endpoint, NodeAclEntry, TargetDirectory, TpgEntry } from './directory.ts';

export interface Denied {
  readonly denied: true;
  readonly status: LoginStatus;
  readonly rule: string;
}
export interface Admitted {
  readonly denied: false;
  /** Absent in discovery sessions. */
  readonly tpg: TpgEntry | undefined;
  /** Absent in demo mode and discovery. */
  readonly acl: NodeAclEntry | undefined;
  readonly policy: AuthPolicy;
}

function deny(status: LoginStatus, rule: string): Denied {
  return { denied: true, status, rule };
}

const NO_PORTALS: ReadonlySet<string> = new Set();

/** Where a TPG is reached by this transport: iSER only where it is enabled, TCP everywhere. */
export function portalsFor(tpg: TpgEntry, transport: Endpoint['transport']): ReadonlySet<string> {
  return transport === 'iSER' ? (tpg.iserPortals ?? NO_PORTALS) : tpg.portals;
}

/** The TPG of `targetName` that the portal belongs to. */
function tpgAt(
  directory: TargetDirectory,
  targetName: string,
  endpoint: Endpoint,
): TpgEntry | Denied {
  const target = directory.targets.get(nameKey(targetName));
  if (!target) return deny(LOGIN_STATUS.NOT_FOUND, `there is no target ${shownText(targetName)}`);
  for (const tpg of target.tpgs.values()) {
    if (!portalsFor(tpg, endpoint.transport).has(endpoint.portal)) continue;
    // RFC 7143 §11.13.5: the target exists but is not operational.
    if (!tpg.enabled) {
      return deny(LOGIN_STATUS.SERVICE_UNAVAILABLE, `tpg${tpg.tag} of the target is disabled`);
    }
    return tpg;
  }
  const kind = endpoint.transport === 'iSER' ? 'iSER portal' : 'portal';
  return deny(LOGIN_STATUS.NOT_FOUND, `the target has no ${kind} ${endpoint.portal}`);
}

/** For a normal session. */
export function admit(
  directory: TargetDirectory,
  endpoint: Endpoint,
  targetName: string,
  initiatorName: string,
): Admitted | Denied {
  const tpg = tpgAt(directory, targetName, endpoint);
  if ('denied' in tpg) return tpg;
  const acl = tpg.acls.get(nameKey(initiatorName));
  const problem = admissionProblem(tpg, acl);
  if (problem !== undefined) return deny(LOGIN_STATUS.AUTHORIZATION_FAILURE, problem);
  return { denied: false, tpg, acl, policy: authPolicy(tpg, acl) };
}

/** For a discovery session. */
export function admitDiscovery(directory: TargetDirectory): Admitted {
  const { enable, ...credentials } = directory.discoveryAuth;
  const because = 'enable of discovery_auth';
  const wanted = ['CHAP', 'None'];
  const policy = policyOf(credentials, 'discovery_auth', { required: enable, because }, wanted);
  return { denied: false, tpg: undefined, acl: undefined, policy };
}
