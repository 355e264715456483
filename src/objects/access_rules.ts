/**
 * Who may log in to a TPG, how it must prove itself, and what it then sees: each decision once, for
 * the engine, which acts on it, and for the shell, which explains it.
 */
import { effective, type ValuesOf } from './attribute.ts';
import { AUTH } from './declarations/auth.ts';
import { NODE_ACL_ATTRIBUTES } from './declarations/node_acl.ts';
import { TPG_ATTRIBUTES, type TpgAttributes } from './declarations/tpg.ts';
import type { MappedLun, NodeAcl, Tpg } from './document.ts';

export type Credentials = ValuesOf<typeof AUTH>;

/** What the rules ask of a TPG, defaults filled in. */
export interface TpgAccess {
  readonly attributes: Pick<
    TpgAttributes,
    'authentication' | 'generate_node_acls' | 'demo_mode_write_protect' | 'prod_mode_write_protect'
  >;
  /** Sparse. */
  readonly parameters: { readonly AuthMethod?: string };
  readonly auth: Credentials;
}
export interface AclAccess {
  readonly attributes: { readonly authentication: number };
  readonly auth: Credentials;
}

export function tpgAccess(tpg: Tpg): TpgAccess {
  return {
    attributes: effective(TPG_ATTRIBUTES, tpg.attributes),
    parameters: tpg.parameters,
    auth: effective(AUTH, tpg.auth),
  };
}

export function aclAccess(acl: NodeAcl): AclAccess {
  return {
    attributes: effective(NODE_ACL_ATTRIBUTES, acl.attributes),
    auth: effective(AUTH, acl.auth),
  };
}

/** Why an initiator may not log in at all, or undefined. */
export function admissionProblem(tpg: TpgAccess, acl: AclAccess | undefined): string | undefined {
  if (acl !== undefined || tpg.attributes.generate_node_acls) return undefined;
  return 'no node ACL for this initiator, generate_node_acls=0';
}

/** How an initiator has to prove itself. */
export interface AuthPolicy {
  readonly required: boolean;
  /** Methods that we accept; CHAP only where there are credentials to check against. */
  readonly methods: readonly string[];
  readonly credentials: Credentials;
  /** Whose credentials they are: `node ACL`, `TPG`. */
  readonly owner: string;
  /** What makes CHAP required, or not: `authentication=1 of the TPG`. */
  readonly because: string;
}

interface Requirement {
  readonly required: boolean;
  readonly because: string;
}

function requirement(tpg: TpgAccess, acl: AclAccess | undefined): Requirement {
  // The parameter AuthMethod=CHAP leaves no way to log in without it.
  if (tpg.parameters.AuthMethod === 'CHAP') {
    return { required: true, because: 'parameter AuthMethod=CHAP of the TPG' };
  }
  const own = acl?.attributes.authentication ?? -1;
  if (own !== -1) {
    return { required: own === 1, because: `attribute authentication=${own} of the node ACL` };
  }
  const { authentication } = tpg.attributes;
  const digit = authentication ? 1 : 0;
  return { required: authentication, because: `attribute authentication=${digit} of the TPG` };
}

export function policyOf(
  credentials: Credentials,
  owner: string,
  { required, because }: Requirement,
  wanted: readonly string[],
): AuthPolicy {
  const configured = credentials.userid !== '' && credentials.password !== '';
  const methods = required ? ['CHAP'] : wanted.filter((method) => method !== 'CHAP' || configured);
  return { required, methods, credentials, owner, because };
}

/** For a normal session. */
export function authPolicy(tpg: TpgAccess, acl: AclAccess | undefined): AuthPolicy {
  // In demo mode anybody gets in with the TPG's credentials, so an ACL without its own may as well.
  const own = acl && (acl.auth.userid !== '' || !tpg.attributes.generate_node_acls);
  const wanted = (tpg.parameters.AuthMethod ?? 'CHAP,None').split(',');
  const credentials = own ? acl.auth : tpg.auth;
  return policyOf(credentials, own ? 'node ACL' : 'TPG', requirement(tpg, acl), wanted);
}

/** Why CHAP cannot be served although it is required, or undefined. */
export function missingCredentials(policy: AuthPolicy): string | undefined {
  if (!policy.required) return undefined;
  const { userid, password } = policy.credentials;
  if (userid !== '' && password !== '') return undefined;
  return `CHAP is required but the ${policy.owner} has no userid/password`;
}

/**
 * Why an initiator may not write to a LUN, or undefined; `mapped` is its own mapping, absent in
 * demo mode.
 */
export function writeProtection(
  { attributes }: Pick<TpgAccess, 'attributes'>,
  mapped: MappedLun | undefined,
): string | undefined {
  if (mapped === undefined) {
    return attributes.demo_mode_write_protect ? 'demo_mode_write_protect=1 of the TPG' : undefined;
  }
  if (mapped.write_protect) return 'write_protect=true of the mapped LUN';
  return attributes.prod_mode_write_protect ? 'prod_mode_write_protect=1 of the TPG' : undefined;
}
