/** tgt's targets.conf, and what `tgt-admin --dump` prints. */
import { DISCOVERY_AUTH } from '../../objects/declarations/auth.ts';
import { TPG_PARAMETERS } from '../../objects/iscsi_keys.ts';
import { storageOn } from './backing_objects.ts';
import { Draft, type Origin } from './draft.ts';
import { refused, type ImportResult, type SourceText, type Surroundings } from './imported.ts';
import { readBlocks, type Directive } from './tgt_blocks.ts';
import { putTpg, targetName, type Login, type PlannedLun, type PlannedValue } from './tpg_plan.ts';

/** Stands in a dump for what tgt does not tell. */
const UNKNOWN_PASSWORD = 'PLEASE_CORRECT_THE_PASSWORD';
/** tgtd listens there unless its command line says otherwise. */
const PORTAL = '0.0.0.0:3260';
/** LUN 0 is tgt's controller. */
const FIRST_LUN = 1;
const TAG = '1';

/** Never throws. */
export function readTgt(source: SourceText, around: Surroundings): ImportResult {
  const blocks = readBlocks(source, around);
  if (!blocks.ok) return refused(blocks.problem);
  const draft = new Draft(source, around);
  const reader = new TgtReader(draft);
  reader.read(blocks.directives);
  return draft.finish();
}

const DISCOVERY = {
  incomingdiscoveryuser: ['userid', 'password'],
  outgoingdiscoveryuser: ['mutual_userid', 'mutual_password'],
} as const;

/** Options of a disk that change nothing for initiators here, and why. */
const LUN_OPTIONS: Readonly<Record<string, string>> = {
  scsi_id: 'the engine derives identifiers from the serial number',
  vendor_id: 'the vendor is fixed',
  product_id: 'the product is the name of the storage object or fixed',
  product_rev: 'the revision is fixed',
  sense_format: 'the format of sense data is fixed',
  removable: 'disks are not removable',
  online: 'a disk is online as long as its file or device is',
  path: 'a path is for removable media',
  mode_page: 'mode pages are fixed',
  params: 'such parameters are for tapes and changers',
  lbppbe: 'the engine derives it from the backing',
  la_lba: 'the engine derives it from the backing',
  optimal_xfer_gran: 'the engine derives it from the backing',
  optimal_xfer_len: 'the engine derives it from the backing',
  bsopts: 'options of tgt’s own I/O',
  bsoflags: 'options of tgt’s own I/O; write-cache off is served',
};
const isYes = (text: string | undefined) => /^(1|yes|on|true)$/i.test(text ?? '');

class TgtReader {
  readonly #draft: Draft;
  #driver = 'iscsi';

  constructor(draft: Draft) {
    this.#draft = draft;
  }

  read(directives: readonly Directive[]): void {
    for (const { name, value } of directives) if (name === 'default-driver') this.#driver = value;
    const targets = new Map<string, Directive[]>();
    for (const one of directives) {
      if (one.name === 'target' && one.inside !== undefined) {
        // Blocks of one name are one target.
        const inside = targets.get(one.value) ?? [{ ...one, inside: [] }];
        for (const option of one.inside) inside.push(option);
        targets.set(one.value, inside);
      } else this.#global(one);
    }
    for (const [name, [start, ...inside]] of targets) {
      if (start !== undefined) this.#target(name, start.from, inside);
    }
    if (targets.size > 0) {
      this.#draft.note(`portal ${PORTAL} assumed: portals are options of tgtd, not of this file`);
    }
  }

  #global({ name, value, from, inside }: Directive): void {
    if (Object.hasOwn(DISCOVERY, name)) {
      const keys = DISCOVERY[name as keyof typeof DISCOVERY];
      const words = value.split(/\s+/);
      const at = ['iscsi', 'discovery_auth'];
      this.#draft.attribute(DISCOVERY_AUTH, [...at, 'enable'], true, from);
      keys.forEach((key, i) => {
        this.#draft.attribute(DISCOVERY_AUTH, [...at, key], words[i] ?? '', from);
      });
    } else if (name !== 'default-driver') {
      const known = ['ignore-errors', 'control-port'].includes(name);
      const isns = /^isns/i.test(name) ? 'iSNS is not served' : 'unknown to this importer';
      const what = inside === undefined ? name : `<${name}>`;
      this.#draft.drop(what, from, known ? 'an option of tgt-admin itself' : isns);
    }
  }

  #target(written: string, from: Origin, inside: readonly Directive[]): void {
    const target = targetName(written);
    const last = new Map(inside.map((one) => [one.name, one]));
    const driver = last.get('driver')?.value ?? this.#driver;
    if (driver !== 'iscsi' && driver !== 'iser') {
      return this.#draft.drop(`target ${target}`, from, `the driver ${driver} is not served`);
    }
    const values = (name: string) => inside.filter((one) => one.name === name);
    const login = this.#login(target, values('incominguser'), values('outgoinguser'));
    const names = values('initiator-name');
    const addresses = values('initiator-address').filter(({ value }) => value !== 'ALL');
    putTpg(this.#draft, {
      target,
      tag: TAG,
      from,
      enabled: last.get('state')?.value !== 'offline',
      luns: this.#luns(target, inside),
      portals: [{ text: PORTAL, iser: driver === 'iser', from }],
      initiators: names.map(({ value, from: line }) => ({ name: value, login, from: line })),
      open: names.length === 0,
      limits: addresses.map(({ value, from: line }) => ({
        what: `initiator-address ${value} of ${target}`,
        from: line,
      })),
      login,
      authentication: values('incominguser').length > 0,
      parameters: this.#parameters(inside),
      aclAttributes: [],
    });
    this.#others(target, inside);
  }

  #parameters(inside: readonly Directive[]): readonly PlannedValue[] {
    return inside.filter(({ name }) => Object.hasOwn(TPG_PARAMETERS, name));
  }

  #others(target: string, inside: readonly Directive[]): void {
    const used = ['driver', 'incominguser', 'outgoinguser', 'initiator-name', 'state', 'lun'];
    const disks = ['initiator-address', 'backing-store', 'direct-store', ...DISK_OPTIONS];
    for (const { name, value, from } of inside) {
      if ([...used, ...disks].includes(name) || Object.hasOwn(TPG_PARAMETERS, name)) continue;
      if (Object.hasOwn(LUN_OPTIONS, name)) {
        this.#draft.drop(`${name} ${value} of ${target}`, from, LUN_OPTIONS[name] ?? '');
      } else {
        const own = ['controller_tid', 'allow-in-use'].includes(name);
        const why = own ? 'an option of tgt-admin itself' : 'unknown to this importer';
        this.#draft.drop(`${name} of ${target}`, from, why);
      }
    }
  }

  #login(target: string, incoming: readonly Directive[], outgoing: readonly Directive[]): Login {
    return {
      ...this.#user(target, incoming, 'userid', 'password'),
      ...this.#user(target, outgoing, 'mutual_userid', 'mutual_password'),
    };
  }

  /** The first user; tgt lets in several, a TPG or ACL here has one login. */
  #user(target: string, given: readonly Directive[], user: string, secret: string): Login {
    const [first, ...others] = given;
    for (const { name, value, from } of others) {
      const why = 'one login per TPG or ACL: make an ACL for the initiator that uses it';
      this.#draft.drop(`${name} ${value.split(/\s+/)[0]} of ${target}`, from, why);
    }
    if (first === undefined) return {};
    const [userid = '', password = ''] = first.value.split(/\s+/);
    if (password !== UNKNOWN_PASSWORD) return { [user]: userid, [secret]: password };
    const what = `password of ${first.name} ${userid} of ${target}`;
    const why = `a dump does not hold it: set auth ${secret}=… before initiators log in`;
    this.#draft.drop(what, first.from, why);
    return { [user]: userid };
  }

  #luns(target: string, inside: readonly Directive[]): readonly PlannedLun[] {
    const shared = new Map(inside.map((one) => [one.name, one]));
    const stores = ['backing-store', 'direct-store'].flatMap((kind) =>
      // tgt-admin takes the disks of each kind in the order of their names.
      inside
        .filter(({ name }) => name === kind)
        .sort((a, b) => Number(a.value > b.value) - Number(a.value < b.value)),
    );
    const asked = (one: Directive): number | undefined => {
      const own = one.inside?.findLast(({ name }) => name === 'lun');
      const text = (own ?? shared.get('lun'))?.value ?? '';
      return /^\d+$/.test(text) ? Number(text) : undefined;
    };
    const taken = new Set(stores.map(asked));
    let next = FIRST_LUN;
    const luns: PlannedLun[] = [];
    for (const store of stores) {
      let lun = asked(store);
      while (lun === undefined && taken.has(next)) next += 1;
      lun ??= next;
      taken.add(lun);
      const planned = this.#lun(target, lun, store, shared);
      if (planned !== undefined) luns.push(planned);
    }
    return luns;
  }

  #lun(
    target: string,
    lun: number,
    store: Directive,
    shared: ReadonlyMap<string, Directive>,
  ): PlannedLun | undefined {
    const { from, inside = [] } = store;
    const own = new Map(inside.map((one) => [one.name, one]));
    const option = (name: string) => (own.get(name) ?? shared.get(name))?.value;
    const what = `LUN ${lun} of ${target} (${store.value})`;
    const type = option('device-type') ?? 'disk';
    const backend = option('bs-type') ?? 'rdwr';
    const why = /^(disk|0)$/.test(type)
      ? backendProblem(backend)
      : `a device of type ${type} is not served, only disks`;
    if (why !== undefined) {
      this.#draft.drop(what, from, why);
      return undefined;
    }
    for (const { name, value, from: line } of inside) {
      if (Object.hasOwn(LUN_OPTIONS, name)) {
        this.#draft.drop(`${name} ${value} of ${what}`, line, LUN_OPTIONS[name] ?? '');
      } else if (![...DISK_OPTIONS, 'lun', 'allow-in-use'].includes(name)) {
        this.#draft.drop(`${name} of ${what}`, line, 'unknown to this importer');
      }
    }
    if (store.name === 'direct-store') {
      this.#draft.drop(
        `direct-store of ${what}`,
        from,
        'it becomes a disk of its own: vendor, product and serial of the device are not shown',
      );
    }
    const readonly = isYes(option('readonly'));
    const blockSize = option('block-size');
    const reference = storageOn(
      this.#draft,
      {
        path: store.value,
        size: undefined,
        readonly,
        writeBack: (option('write-cache') ?? 'on') !== 'off',
        wwn: option('scsi_sn'),
        attributes: blockSize === undefined ? {} : { block_size: blockSize },
      },
      what,
      from,
    );
    return reference === undefined ? undefined : { lun, reference, readonly, from };
  }
}

const DISK_OPTIONS = ['write-cache', 'readonly', 'scsi_sn', 'block-size', 'device-type', 'bs-type'];

function backendProblem(backend: string): string | undefined {
  if (['rdwr', 'aio', 'mmap', 'sync'].includes(backend)) return undefined;
  return `the backing store type ${backend} is not served`;
}
