/** The configuration as the iSCSI layer sees it: kept current by the engine, read at each login. */
import type { IserSettings } from '../transport/datamover.ts';
import type { ValuesOf } from '../../objects/attribute.ts';
import type { AUTH, DISCOVERY_AUTH } from '../../objects/declarations/auth.ts';
import type { NODE_ACL_ATTRIBUTES } from '../../objects/declarations/node_acl.ts';
import type { TpgAttributes } from '../../objects/declarations/tpg.ts';
import type { TpgParameterBag } from '../../objects/iscsi_keys.ts';

export type ChapCredentials = ValuesOf<typeof AUTH>;
export type NodeAclAttributes = ValuesOf<typeof NODE_ACL_ATTRIBUTES>;

export interface NodeAclEntry {
  readonly initiatorName: string;
  readonly attributes: NodeAclAttributes;
  readonly auth: ChapCredentials;
}
export interface TpgEntry {
  readonly targetName: string;
  readonly tag: number;
  readonly enabled: boolean;
  readonly attributes: TpgAttributes;
  /** Sparse: absent means the default of `TPG_PARAMETERS`. */
  readonly parameters: TpgParameterBag;
  readonly auth: ChapCredentials;
  /** Normalised `address:port`, wildcards included. */
  readonly portals: ReadonlySet<string>;
  /** Those of them that serve iSER too. */
  readonly iserPortals?: ReadonlySet<string>;
  /** Key: initiator name, lower case. */
  readonly acls: ReadonlyMap<string, NodeAclEntry>;
}
export interface TargetEntry {
  readonly name: string;
  readonly tpgs: ReadonlyMap<number, TpgEntry>;
}
export interface TargetDirectory {
  readonly discoveryAuth: ValuesOf<typeof DISCOVERY_AUTH>;
  readonly targets: ReadonlyMap<string, TargetEntry>;
}

/** Who connected where; known before the first PDU. */
export interface Endpoint {
  /** The portal's configured key, `0.0.0.0:3260`. */
  readonly portal: string;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly transport: 'TCP' | 'iSER';
}

/** What login found out; the session is made from it. */
export interface LoginResult {
  readonly sessionType: 'Normal' | 'Discovery';
  readonly initiatorName: string;
  readonly initiatorAlias: string;
  /** 6 bytes as 12 hex digits. */
  readonly isid: string;
  readonly cid: number;
  /** TSIH of the request: 0 for a new session. */
  readonly tsih: number;
  /** CmdSN of the login's first request: ExpCmdSN of a new session. */
  readonly cmdSN: number;
  /** Absent in discovery sessions. */
  readonly tpg: TpgEntry | undefined;
  /** Absent: demo mode, or discovery. */
  readonly acl: NodeAclEntry | undefined;
  readonly authenticated: 'none' | 'CHAP' | 'mutual CHAP';
  readonly keys: NegotiatedKeys;
}

/** Every value that the full-feature phase needs, results of negotiation or RFC defaults. */
export interface NegotiatedKeys {
  readonly headerDigest: boolean;
  readonly dataDigest: boolean;
  /** What the initiator takes in one Data-In: limited by MaxXmitDataSegmentLength as well. */
  readonly maxSendDataSegmentLength: number;
  /** What we declared. */
  readonly maxRecvDataSegmentLength: number;
  readonly maxBurstLength: number;
  readonly firstBurstLength: number;
  readonly initialR2T: boolean;
  readonly immediateData: boolean;
  readonly maxOutstandingR2T: number;
  readonly defaultTime2Wait: number;
  readonly defaultTime2Retain: number;
  /** Present on iSER. */
  readonly iser?: IserSettings;
  /** As shown in `sessions`: key to value as text. */
  readonly shown: Readonly<Record<string, string>>;
}
