/**
 * The text keys of RFC 7143 §13, once: `set parameter` shows the rows with `parameter: true`, login
 * negotiation follows `rule`, so the two cannot disagree.
 */
import type { Attribute, AttributeGroup, SparseValuesOf } from './attribute.ts';

/** How two sides reach a result (RFC 7143 §6.2). `declarative`: each side states its own. */
export type NegotiationRule = 'min' | 'max' | 'and' | 'or' | 'first-in-list' | 'declarative';
/** IO: only in login; LO: leading login only; FFPO: full feature phase only; ALL: both. */
export type KeyUse = 'IO' | 'LO' | 'FFPO' | 'ALL';

export type KeyDeclaration = Attribute & {
  readonly rule: NegotiationRule;
  readonly use: KeyUse;
  readonly scope: 'session' | 'connection';
  readonly sentBy: 'both' | 'initiator' | 'target';
  /** Values holding when nobody sends the key, where it differs from what we offer (`default`). */
  readonly rfcDefault?: number | boolean | string;
  /** What a peer may say, where this engine serves less (RFC 7143 §13). */
  readonly wire?: { readonly min: number; readonly max: number };
  /** Answer `Irrelevant` in a discovery session. */
  readonly irrelevantInDiscovery?: true;
  readonly securityStage?: true;
  /** Means nothing, and is not understood, where data does not move by RDMA. */
  readonly iserOnly?: true;
};

const DIGESTS = ['CRC32C,None', 'None,CRC32C', 'CRC32C', 'None'] as const;
const LO_SESSION = { use: 'LO', scope: 'session', sentBy: 'both', applies: 'next-login' } as const;
const SEGMENT = { kind: 'uint', min: 512, max: 16_777_215, unit: 'bytes' } as const;
const yes = { kind: 'bool', style: 'yesno', default: true } as const;
const no = { kind: 'bool', style: 'yesno', default: false } as const;
const IN_ORDER_WHY = 'data is always moved in order';
const MARKER_WHY = 'markers were removed by RFC 7143';

/** The keys that an administrator sees as `parameter` group of a TPG, with LIO's help texts. */
export const TPG_PARAMETERS = {
  AuthMethod: {
    kind: 'choice',
    values: ['CHAP,None', 'CHAP', 'None', 'None,CHAP'],
    default: 'CHAP,None',
    rule: 'first-in-list',
    use: 'IO',
    scope: 'connection',
    sentBy: 'both',
    securityStage: true,
    applies: 'next-login',
    spec: 'RFC 7143 §12',
    help: 'Authentication method used by the TPG.',
  },
  DataDigest: {
    kind: 'choice',
    values: DIGESTS,
    default: 'CRC32C,None',
    rfcDefault: 'None',
    rule: 'first-in-list',
    use: 'IO',
    scope: 'connection',
    sentBy: 'both',
    applies: 'next-login',
    spec: 'RFC 7143 §13.1',
    help: 'If set to CRC32C, the integrity of the PDU data part is verified.',
  },
  DataPDUInOrder: {
    ...LO_SESSION,
    ...yes,
    only: true,
    why: IN_ORDER_WHY,
    rule: 'or',
    irrelevantInDiscovery: true,
    spec: 'RFC 7143 §13.18',
    help: 'If set to Yes, the data PDUs within sequences must be in order.',
  },
  DataSequenceInOrder: {
    ...LO_SESSION,
    ...yes,
    only: true,
    why: IN_ORDER_WHY,
    rule: 'or',
    irrelevantInDiscovery: true,
    spec: 'RFC 7143 §13.19',
    help: 'If set to Yes, the data sequences must be in order.',
  },
  DefaultTime2Retain: {
    ...LO_SESSION,
    kind: 'uint',
    min: 0,
    max: 3600,
    unit: 'seconds',
    default: 20,
    rule: 'min',
    spec: 'RFC 7143 §13.16',
    help:
      'Maximum time, in seconds, after an initial wait, before which an active task ' +
      'reassignment is still possible after an unexpected connection termination or a ' +
      'connection reset.',
  },
  DefaultTime2Wait: {
    ...LO_SESSION,
    kind: 'uint',
    min: 0,
    max: 3600,
    unit: 'seconds',
    default: 2,
    rule: 'max',
    spec: 'RFC 7143 §13.15',
    help:
      'Minimum time, in seconds, to wait before attempting an explicit/implicit logout or an ' +
      'active task reassignment after an unexpected connection termination or a connection ' +
      'reset.',
  },
  ErrorRecoveryLevel: {
    ...LO_SESSION,
    kind: 'uint',
    min: 0,
    max: 0,
    default: 0,
    why: 'error recovery levels 1 and 2 are not served',
    wire: { min: 0, max: 2 },
    rule: 'min',
    spec: 'RFC 7143 §13.20',
    help: 'Recovery levels represent a combination of recovery capabilities.',
  },
  FirstBurstLength: {
    ...LO_SESSION,
    ...SEGMENT,
    default: 65_536,
    rule: 'min',
    irrelevantInDiscovery: true,
    spec: 'RFC 7143 §13.14',
    help: 'Maximum amount in bytes of unsolicited data an initiator may send.',
  },
  HeaderDigest: {
    kind: 'choice',
    values: DIGESTS,
    default: 'CRC32C,None',
    rfcDefault: 'None',
    rule: 'first-in-list',
    use: 'IO',
    scope: 'connection',
    sentBy: 'both',
    applies: 'next-login',
    spec: 'RFC 7143 §13.1',
    help: 'If set to CRC32C, the integrity of the PDU header part is verified.',
  },
  IFMarkInt: {
    ...LO_SESSION,
    kind: 'choice',
    values: ['Reject'],
    default: 'Reject',
    why: MARKER_WHY,
    rule: 'declarative',
    help: 'Deprecated according to RFC 7143.',
  },
  IFMarker: {
    ...LO_SESSION,
    ...no,
    only: false,
    why: MARKER_WHY,
    rule: 'and',
    help: 'Deprecated according to RFC 7143.',
  },
  ImmediateData: {
    ...LO_SESSION,
    ...yes,
    rule: 'and',
    irrelevantInDiscovery: true,
    spec: 'RFC 7143 §13.11',
    help: 'Immediate data support.',
  },
  InitialR2T: {
    ...LO_SESSION,
    ...yes,
    rule: 'or',
    irrelevantInDiscovery: true,
    spec: 'RFC 7143 §13.10',
    help: 'If set to No, the default use of R2T (Ready To Transfer) is disabled.',
  },
  MaxBurstLength: {
    ...LO_SESSION,
    ...SEGMENT,
    default: 262_144,
    rule: 'min',
    irrelevantInDiscovery: true,
    spec: 'RFC 7143 §13.13',
    help: 'Maximum SCSI data payload in bytes in a Data-In or a solicited Data-Out iSCSI sequence.',
  },
  MaxConnections: {
    ...LO_SESSION,
    kind: 'uint',
    min: 1,
    max: 1,
    default: 1,
    why: 'sessions of several connections are not served',
    wire: { min: 1, max: 65_535 },
    rule: 'min',
    irrelevantInDiscovery: true,
    spec: 'RFC 7143 §13.2',
    help: 'Maximum number of connections acceptable.',
  },
  MaxOutstandingR2T: {
    ...LO_SESSION,
    kind: 'uint',
    min: 1,
    max: 65_535,
    default: 1,
    rule: 'min',
    irrelevantInDiscovery: true,
    spec: 'RFC 7143 §13.17',
    help: 'Maximum number of outstanding R2Ts per task.',
  },
  MaxRecvDataSegmentLength: {
    ...SEGMENT,
    default: 8192,
    rule: 'declarative',
    use: 'ALL',
    scope: 'connection',
    sentBy: 'both',
    applies: 'next-login',
    spec: 'RFC 7143 §13.12',
    help: 'Maximum data segment length in bytes the target can receive in an iSCSI PDU.',
  },
  /** Not a key of the RFC: LIO's name for what its target declares on the wire. */
  MaxXmitDataSegmentLength: {
    ...SEGMENT,
    default: 262_144,
    rule: 'declarative',
    use: 'ALL',
    scope: 'connection',
    sentBy: 'target',
    applies: 'next-login',
    help: 'Outgoing MaxRecvDataSegmentLength sent over the wire during iSCSI login response.',
  },
  OFMarkInt: {
    ...LO_SESSION,
    kind: 'choice',
    values: ['Reject'],
    default: 'Reject',
    why: MARKER_WHY,
    rule: 'declarative',
    help: 'Deprecated according to RFC 7143.',
  },
  OFMarker: {
    ...LO_SESSION,
    ...no,
    only: false,
    why: MARKER_WHY,
    rule: 'and',
    help: 'Deprecated according to RFC 7143.',
  },
  TargetAlias: {
    kind: 'text',
    lengthMax: 255,
    default: 'lunsmith target',
    rule: 'declarative',
    use: 'ALL',
    scope: 'session',
    sentBy: 'target',
    applies: 'next-login',
    spec: 'RFC 7143 §13.7',
    help: 'Human-readable target name or description.',
  },
} as const satisfies Readonly<Record<string, KeyDeclaration>> & AttributeGroup;
export type TpgParameterBag = SparseValuesOf<typeof TPG_PARAMETERS>;

const DECLARED = {
  kind: 'text',
  lengthMax: 255,
  default: '',
  rule: 'declarative',
  scope: 'session',
} as const;

const ISER_SESSION = { ...LO_SESSION, irrelevantInDiscovery: true, iserOnly: true } as const;

/** Keys that no administrator sets. */
const SESSION_KEYS = {
  InitiatorName: {
    ...DECLARED,
    lengthMax: 223,
    use: 'IO',
    sentBy: 'initiator',
    spec: 'RFC 7143 §13.5',
    help: 'The initiator, in the first request of each login.',
  },
  InitiatorAlias: {
    ...DECLARED,
    use: 'ALL',
    sentBy: 'initiator',
    spec: 'RFC 7143 §13.6',
    help: 'What people call the initiator.',
  },
  TargetName: {
    ...DECLARED,
    lengthMax: 223,
    use: 'IO',
    sentBy: 'both',
    spec: 'RFC 7143 §13.4',
    help: 'The target to log in to; also the answer to SendTargets.',
  },
  TargetAddress: {
    ...DECLARED,
    use: 'ALL',
    sentBy: 'target',
    spec: 'RFC 7143 §13.8',
    help: 'Where a target is reached: address, port and portal group tag.',
  },
  TargetPortalGroupTag: {
    kind: 'uint',
    min: 0,
    max: 65_535,
    default: 1,
    rule: 'declarative',
    use: 'IO',
    scope: 'session',
    sentBy: 'target',
    spec: 'RFC 7143 §13.9',
    help: 'Tag of the portal group of this connection, in the first login response.',
  },
  SessionType: {
    kind: 'choice',
    values: ['Normal', 'Discovery'],
    default: 'Normal',
    rule: 'declarative',
    use: 'LO',
    scope: 'session',
    sentBy: 'initiator',
    spec: 'RFC 7143 §13.21',
    help: 'Whether the session moves data or only asks for targets.',
  },
  SendTargets: {
    ...DECLARED,
    use: 'FFPO',
    sentBy: 'initiator',
    spec: 'RFC 7143 Appendix C',
    help: 'Asks for targets and their addresses.',
  },
  TaskReporting: {
    ...LO_SESSION,
    kind: 'choice',
    values: ['RFC3720'],
    default: 'RFC3720',
    rule: 'first-in-list',
    irrelevantInDiscovery: true,
    spec: 'RFC 7143 §13.23',
    help: 'When the end of an aborted task is reported.',
  },
  iSCSIProtocolLevel: {
    ...LO_SESSION,
    kind: 'uint',
    min: 1,
    max: 1,
    default: 1,
    wire: { min: 0, max: 31 },
    rule: 'min',
    irrelevantInDiscovery: true,
    spec: 'RFC 7143 §13.22',
    help: 'Level of iSCSI: 1 is RFC 7143, 2 adds RFC 7144.',
  },
  NodeArchitecture: {
    ...DECLARED,
    use: 'LO',
    sentBy: 'initiator',
    spec: 'RFC 7143 §13.24',
    help: 'What the initiator says that it runs on.',
  },
  /** Ours is Yes on a connection that moves data by RDMA, and No on any other. */
  RDMAExtensions: {
    ...LO_SESSION,
    ...no,
    rule: 'and',
    irrelevantInDiscovery: true,
    spec: 'RFC 7145 §6.3',
    help: 'Whether data moves by RDMA.',
  },
  TargetRecvDataSegmentLength: {
    ...ISER_SESSION,
    ...SEGMENT,
    default: 8192,
    rule: 'min',
    spec: 'RFC 7145 §6.4',
    help: 'Maximum data segment length in bytes that the target takes in a message of iSER.',
  },
  InitiatorRecvDataSegmentLength: {
    ...ISER_SESSION,
    ...SEGMENT,
    default: 262_144,
    rule: 'min',
    spec: 'RFC 7145 §6.5',
    help: 'Maximum data segment length in bytes that the initiator takes in a message of iSER.',
  },
  MaxOutstandingUnexpectedPDUs: {
    ...ISER_SESSION,
    kind: 'uint',
    min: 0,
    max: 4_294_967_295,
    default: 0,
    rule: 'declarative',
    spec: 'RFC 7145 §6.7',
    help: 'PDUs that a side takes without expecting them; 0 leaves it open.',
  },
  MaxAHSLength: {
    ...ISER_SESSION,
    kind: 'uint',
    min: 2,
    max: 4_294_967_295,
    default: 256,
    rule: 'declarative',
    spec: 'RFC 7145 §6.8',
    help: 'Maximum length in bytes of the additional header segments that a side takes.',
  },
  /** Initiators that do not say give a buffer for solicited data only, as ours is here. */
  TaggedBufferForSolicitedDataOnly: {
    ...ISER_SESSION,
    ...yes,
    rule: 'and',
    spec: 'RFC 7145 §6.9',
    help: 'Whether a write buffer begins behind the data that is sent unasked.',
  },
  iSERHelloRequired: {
    ...ISER_SESSION,
    ...no,
    rule: 'or',
    spec: 'RFC 7145 §6.10',
    help: 'Whether Hello messages are exchanged before anything else.',
  },
} as const satisfies Readonly<Record<string, KeyDeclaration>>;

const KEYS: Readonly<Record<string, KeyDeclaration>> = { ...TPG_PARAMETERS, ...SESSION_KEYS };
/** An attribute of LIO that never stands on the wire. */
const NOT_ON_THE_WIRE = 'MaxXmitDataSegmentLength';

/** The declaration of a key that a peer may name; case counts (RFC 7143 §6.1). */
export function keyDeclaration(name: string): KeyDeclaration | undefined {
  return Object.hasOwn(KEYS, name) && name !== NOT_ON_THE_WIRE ? KEYS[name] : undefined;
}

/** Names of every key that peers may send or receive, in a fixed order. */
export const WIRE_KEYS: readonly string[] = Object.keys(KEYS).filter(
  (name) => name !== NOT_ON_THE_WIRE,
);
