/**
 * Who may log in where, as LIO means it: the target portal group is the one that owns the portal,
 * an explicit node ACL wins, then demo mode (generate_node_acls), else nobody.
 */
import { nameKey } from '../../objects/names.ts';
import { LOGIN_STATUS } from '../pdu/login.ts';
import type { LoginStatus } from '../pdu/login.ts';
import { shownText } from '../pdu/text.ts';
import type {
  ChapCredentials,
  Endpoint,
  NodeAclEntry,
  TargetDirectory,
  TpgEntry,
} from './directory.ts';

export interface Denied {
  readonly denied: true;
  readonly status: LoginStatus;
  readonly rule: string;
}
/** How an initiator has to prove itself. */
export interface AuthPolicy {
  readonly required: boolean;
  /** Methods that we accept; CHAP only where there are credentials to check against. */
  readonly methods: readonly string[];
  readonly credentials: ChapCredentials;
  readonly owner: string;
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

function policyOf(
  credentials: ChapCredentials,
  owner: string,
  required: boolean,
  wanted: readonly string[],
): AuthPolicy {
  const configured = credentials.userid !== '' && credentials.password !== '';
  const methods = required ? ['CHAP'] : wanted.filter((method) => method !== 'CHAP' || configured);
  return { required, methods, credentials, owner };
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
    if (!tpg.portals.has(endpoint.portal)) continue;
    // RFC 7143 §11.13.5: the target exists but is not operational.
    if (!tpg.enabled) {
      return deny(LOGIN_STATUS.SERVICE_UNAVAILABLE, `tpg${tpg.tag} of the target is disabled`);
    }
    return tpg;
  }
  return deny(LOGIN_STATUS.NOT_FOUND, `the target has no portal ${endpoint.portal}`);
}

function requiresChap(tpg: TpgEntry, acl: NodeAclEntry | undefined): boolean {
  // The parameter AuthMethod=CHAP leaves no way to log in without it.
  if (tpg.parameters.AuthMethod === 'CHAP') return true;
  const own = acl?.attributes.authentication ?? -1;
  return own === -1 ? tpg.attributes.authentication : own === 1;
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
  if (!acl && !tpg.attributes.generate_node_acls) {
    return deny(
      LOGIN_STATUS.AUTHORIZATION_FAILURE,
      'no node ACL for this initiator, generate_node_acls=0',
    );
  }
  // In demo mode anybody gets in with the TPG's credentials, so an ACL without its own may as well.
  const own = acl && (acl.auth.userid !== '' || !tpg.attributes.generate_node_acls);
  const owner = own ? 'node ACL' : 'TPG';
  const wanted = (tpg.parameters.AuthMethod ?? 'CHAP,None').split(',');
  const credentials = own ? acl.auth : tpg.auth;
  const policy = policyOf(credentials, owner, requiresChap(tpg, acl), wanted);
  return { denied: false, tpg, acl, policy };
}

/** For a discovery session. */
export function admitDiscovery(directory: TargetDirectory): Admitted {
  const { enable, ...credentials } = directory.discoveryAuth;
  const policy = policyOf(credentials, 'discovery_auth', enable, ['CHAP', 'None']);
  return { denied: false, tpg: undefined, acl: undefined, policy };
}

/** Why CHAP cannot be served although it is required, or undefined. */
export function missingCredentials(policy: AuthPolicy): string | undefined {
  if (!policy.required) return undefined;
  const { userid, password } = policy.credentials;
  if (userid !== '' && password !== '') return undefined;
  return `CHAP is required but the ${policy.owner} has no userid/password`;
}
