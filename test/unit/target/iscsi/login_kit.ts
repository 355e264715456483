/** A login played without a socket: directory, machine and requests as short calls. */
import { effective } from '../../../../src/objects/attribute.ts';
import { NODE_ACL_ATTRIBUTES } from '../../../../src/objects/declarations/node_acl.ts';
import { TPG_ATTRIBUTES } from '../../../../src/objects/declarations/tpg.ts';
import type { TpgParameterBag } from '../../../../src/objects/iscsi_keys.ts';
import type {
  ChapCredentials,
  Endpoint,
  LoginResult,
  NodeAclAttributes,
  NodeAclEntry,
  TargetDirectory,
  TpgEntry,
} from '../../../../src/target/iscsi/directory.ts';
import { LoginMachine } from '../../../../src/target/iscsi/login.ts';
import type {
  Established,
  LoginRefusal,
  LoginServices,
  LoginStep,
} from '../../../../src/target/iscsi/login.ts';
import { BHS_LENGTH } from '../../../../src/target/pdu/bhs.ts';
import { decodeText, encodeText, TEXT_BYTES_MAX } from '../../../../src/target/pdu/text.ts';
import type { TextPair } from '../../../../src/target/pdu/text.ts';
import { SILENT_LOG } from '../../../../src/util/log.ts';

export const TARGET = 'iqn.2003-01.org.linux-iscsi.host.x8664:sn.0123456789ab';
export const INITIATOR = 'iqn.1993-08.org.debian:01:test';
export const PORTAL = '127.0.0.1:3260';

export const NO_AUTH: ChapCredentials = {
  userid: '',
  password: '',
  mutual_userid: '',
  mutual_password: '',
};
export const ONE_WAY: ChapCredentials = { ...NO_AUTH, userid: 'user', password: 'secret-of-user' };
export const MUTUAL: ChapCredentials = {
  ...ONE_WAY,
  mutual_userid: 'tgt',
  mutual_password: 'secret-of-target',
};

export const ENDPOINT: Endpoint = {
  portal: PORTAL,
  localAddress: '127.0.0.1',
  localPort: 3260,
  remoteAddress: '127.0.0.1',
  remotePort: 40_000,
  transport: 'TCP',
};

export interface TpgOptions {
  readonly name?: string;
  readonly tag?: number;
  readonly enabled?: boolean;
  readonly attributes?: Partial<TpgEntry['attributes']>;
  readonly parameters?: TpgParameterBag;
  readonly auth?: ChapCredentials;
  readonly portals?: readonly string[];
  readonly iserPortals?: readonly string[];
  readonly acls?: readonly NodeAclEntry[];
}

export function aclOf(
  auth: ChapCredentials = NO_AUTH,
  attributes: Partial<NodeAclAttributes> = {},
): NodeAclEntry {
  return {
    initiatorName: INITIATOR,
    attributes: { ...effective(NODE_ACL_ATTRIBUTES, {}), ...attributes },
    auth,
  };
}

export function tpgOf(options: TpgOptions = {}): TpgEntry {
  return {
    targetName: options.name ?? TARGET,
    tag: options.tag ?? 1,
    enabled: options.enabled ?? true,
    attributes: {
      ...effective(TPG_ATTRIBUTES, {}),
      generate_node_acls: true,
      ...options.attributes,
    },
    parameters: options.parameters ?? {},
    auth: options.auth ?? NO_AUTH,
    portals: new Set(options.portals ?? [PORTAL]),
    iserPortals: new Set(options.iserPortals ?? []),
    acls: new Map((options.acls ?? []).map((acl) => [acl.initiatorName, acl])),
  };
}

export function directoryOf(
  tpgs: readonly TpgEntry[],
  discovery: Partial<TargetDirectory['discoveryAuth']> = {},
): TargetDirectory {
  const targets = new Map<string, { name: string; tpgs: Map<number, TpgEntry> }>();
  for (const tpg of tpgs) {
    const target = targets.get(tpg.targetName) ?? { name: tpg.targetName, tpgs: new Map() };
    target.tpgs.set(tpg.tag, tpg);
    targets.set(tpg.targetName, target);
  }
  return { discoveryAuth: { enable: false, ...NO_AUTH, ...discovery }, targets };
}

export interface RequestOptions {
  readonly csg?: number;
  readonly nsg?: number;
  readonly transit?: boolean;
  readonly continues?: boolean;
  readonly itt?: number;
  readonly cmdSN?: number;
  readonly isid?: string;
  readonly cid?: number;
  readonly tsih?: number;
  readonly versionMin?: number;
}

export function requestOf(options: RequestOptions): Buffer {
  const bhs = Buffer.alloc(BHS_LENGTH);
  bhs.writeUInt8(0x43, 0);
  const csg = options.csg ?? 1;
  const transit = options.transit ?? true;
  const nsg = transit ? (options.nsg ?? 3) : 0;
  const bits = (transit ? 0x80 : 0) | (options.continues ? 0x40 : 0);
  bhs.writeUInt8(bits | (csg << 2) | nsg, 1);
  bhs.writeUInt8(options.versionMin ?? 0, 3);
  bhs.write(options.isid ?? '00023d000001', 8, 'hex');
  bhs.writeUInt16BE(options.tsih ?? 0, 14);
  bhs.writeUInt32BE(options.itt ?? 1, 16);
  bhs.writeUInt16BE(options.cid ?? 0, 20);
  bhs.writeUInt32BE(options.cmdSN ?? 100, 24);
  return bhs;
}

export type Pairs = Readonly<Record<string, string>>;
export const NAMES: Pairs = { InitiatorName: INITIATOR, TargetName: TARGET, SessionType: 'Normal' };
export const DISCOVERY: Pairs = { InitiatorName: INITIATOR, SessionType: 'Discovery' };

/** One response, read. */
export interface Answer extends LoginStep {
  readonly keys: Pairs;
  /** `0x0201`; 0 is success. */
  readonly status: number;
}

export class Login {
  readonly refusals: LoginRefusal[] = [];
  readonly established: LoginResult[] = [];
  readonly machine: LoginMachine;

  constructor(
    directory: TargetDirectory,
    overrides: Partial<LoginServices> & { readonly establishes?: Established } = {},
  ) {
    this.machine = new LoginMachine({
      directory,
      endpoint: ENDPOINT,
      log: SILENT_LOG,
      establish: (result) => {
        this.established.push(result);
        return overrides.establishes ?? { tsih: 7 };
      },
      refused: (event) => this.refusals.push(event),
      ...overrides,
    });
  }

  send(options: RequestOptions, pairs: Pairs = {}): Answer {
    return this.raw(requestOf(options), encodeText(Object.entries(pairs) as TextPair[]));
  }

  raw(bhs: Buffer, data: Buffer): Answer {
    const step = this.machine.step(bhs, data);
    const decoded = decodeText(step.text, () => TEXT_BYTES_MAX);
    return {
      ...step,
      keys: decoded.ok ? Object.fromEntries(decoded.pairs) : {},
      status: (step.response.statusClass << 8) | step.response.statusDetail,
    };
  }

  get rule(): string {
    return this.refusals.at(-1)?.rule ?? '';
  }
}
