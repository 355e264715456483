/** istgt's istgt.conf, with the logins of its auth.conf. */
import { DISCOVERY_AUTH } from '../../objects/declarations/auth.ts';
import { TPG_PARAMETERS } from '../../objects/iscsi_keys.ts';
import { storageOn } from './backing_objects.ts';
import { Draft, type Origin } from './draft.ts';
import { refused, type ImportResult, type SourceText, type Surroundings } from './imported.ts';
import { istgtSize } from './istgt_size.ts';
import { readSections, type KeyLine, type Section } from './istgt_sections.ts';
import {
  putTpg,
  targetName,
  type Login,
  type PlannedInitiator,
  type PlannedLun,
  type PlannedValue,
} from './tpg_plan.ts';

const NODE_BASE = 'iqn.2007-09.jp.ne.peach.istgt';

/** Never throws. The logins are read from `AuthFile`, or from auth.conf beside the file. */
export function readIstgt(source: SourceText, around: Surroundings): ImportResult {
  const main = readSections(source);
  if (!main.ok) return refused(main.problem);
  const draft = new Draft(source, around);
  const sections = [...main.sections];
  const authFile = valueOf(globalOf(sections), 'AuthFile') ?? 'auth.conf';
  const [auth] = around.files(authFile);
  if (auth !== undefined) {
    const logins = readSections(auth);
    if (!logins.ok) return refused(logins.problem);
    for (const section of logins.sections) sections.push(section);
  } else if (sections.some((one) => valueOf(one, 'AuthGroup') !== undefined)) {
    draft.drop(`AuthFile ${authFile}`, draft.at(undefined), 'it cannot be read: give auth=FILE');
  }
  new IstgtReader(draft, sections).read();
  return draft.finish();
}

const globalOf = (sections: readonly Section[]) => sections.find(({ kind }) => kind === 'Global');

function lineOf(section: Section | undefined, key: string): KeyLine | undefined {
  return section?.lines.findLast((line) => line.key === key);
}
function valueOf(section: Section | undefined, key: string): string | undefined {
  return lineOf(section, key)?.values[0];
}
/** AuthMethod has other values here than the key of the RFC. */
const isParameter = (key: string) => Object.hasOwn(TPG_PARAMETERS, key) && key !== 'AuthMethod';
const isYes = (text: string | undefined) => /^(yes|on|true|1)$/i.test(text ?? '');

interface Group {
  readonly names: readonly { readonly name: string; readonly from: Origin }[];
  readonly open: boolean;
  readonly limits: readonly { readonly what: string; readonly from: Origin }[];
}

const USED_GLOBALS = ['Comment', 'NodeBase', 'AuthFile', 'DiscoveryAuthGroup', 'NopInInterval'];
const USED_OF_UNIT = ['Comment', 'TargetName', 'TargetAlias', 'Mapping', 'AuthMethod', 'AuthGroup'];
const MORE_OF_UNIT = ['UseDigest', 'UnitType', 'ReadOnly', 'UnitOnline', 'QueueDepth'];
const LAST_OF_UNIT = ['BlockLength', 'UnitInquiry'];

class IstgtReader {
  readonly #draft: Draft;
  readonly #sections: readonly Section[];

  constructor(draft: Draft, sections: readonly Section[]) {
    this.#draft = draft;
    this.#sections = sections;
  }

  read(): void {
    this.#globals();
    for (const section of this.#sections) {
      if (section.kind === 'LogicalUnit') this.#unit(section);
      else if (section.kind === 'UnitControl') {
        this.#draft.drop('[UnitControl]', section.from, 'istgtcontrol has no counterpart here');
      }
    }
  }

  #section(kind: string, number: string): Section | undefined {
    return this.#sections.find((one) => one.kind === kind && one.number === number);
  }

  #globals(): void {
    const section = globalOf(this.#sections);
    for (const { key, values, from } of section?.lines ?? []) {
      if (USED_GLOBALS.includes(key) || Object.hasOwn(TPG_PARAMETERS, key)) continue;
      if (key === 'DiscoveryAuthMethod') continue;
      this.#draft.drop(`${key} ${values.join(' ')}`, from, 'an option of istgt itself');
    }
    const line = lineOf(section, 'DiscoveryAuthMethod');
    const [login] = this.#logins(valueOf(section, 'DiscoveryAuthGroup'));
    const at = ['iscsi', 'discovery_auth'];
    if (line === undefined) return;
    const enable = line.values[0] === 'CHAP';
    this.#draft.attribute(DISCOVERY_AUTH, [...at, 'enable'], enable, line.from);
    for (const [name, value] of Object.entries(login ?? {})) {
      if (typeof value === 'string') {
        this.#draft.attribute(DISCOVERY_AUTH, [...at, name], value, line.from);
      }
    }
  }

  /** The logins of `AuthGroup7`; none for `None` and for a group that is nowhere. */
  #logins(group: string | undefined): readonly (Login & { readonly userid: string })[] {
    const number = /^AuthGroup(\d+)$/.exec(group ?? '')?.[1];
    if (number === undefined) return [];
    const lines = this.#section('AuthGroup', number)?.lines ?? [];
    return lines
      .filter(({ key }) => key === 'Auth')
      .map(({ values: [userid = '', password = '', mutual_userid, mutual_password] }) => ({
        userid,
        password,
        ...(mutual_userid !== undefined && { mutual_userid }),
        ...(mutual_password !== undefined && { mutual_password }),
      }));
  }

  #unit(unit: Section): void {
    const written = valueOf(unit, 'TargetName') ?? '';
    const base = valueOf(globalOf(this.#sections), 'NodeBase') ?? NODE_BASE;
    const target = targetName(/^(iqn|eui|naa)\./i.test(written) ? written : `${base}:${written}`);
    const type = valueOf(unit, 'UnitType') ?? 'Disk';
    if (type !== 'Disk') {
      const why = `a unit of type ${type} is not served, only disks`;
      return this.#draft.drop(`target ${target}`, unit.from, why);
    }
    const luns = this.#luns(unit, target);
    const mappings = new Map<string, Group[]>();
    for (const { key, values, from } of unit.lines) {
      if (key !== 'Mapping') continue;
      const [portal = '', initiators = ''] = values;
      const number = /^PortalGroup(\d+)$/.exec(portal)?.[1];
      const group = this.#initiators(initiators, target, from);
      if (number === undefined || group === undefined) {
        const what = `Mapping ${values.join(' ')} of ${target}`;
        this.#draft.drop(what, from, 'PortalGroupN InitiatorGroupN are expected');
      } else mappings.set(number, [...(mappings.get(number) ?? []), group]);
    }
    for (const [number, groups] of mappings) this.#tpg(unit, target, number, groups, luns);
    if (mappings.size === 0) {
      this.#draft.put(['iscsi', 'targets', target], { tpgs: {} }, unit.from);
    }
    this.#others(unit, target);
  }

  #initiators(text: string, target: string, from: Origin): Group | undefined {
    const number = /^InitiatorGroup(\d+)$/.exec(text)?.[1];
    const section = number === undefined ? undefined : this.#section('InitiatorGroup', number);
    if (section === undefined) return undefined;
    const names: Group['names'][number][] = [];
    const limits: Group['limits'][number][] = [];
    let open = false;
    for (const { key, values, from: line } of section.lines) {
      for (const value of key === 'InitiatorName' ? values : []) {
        if (value.toUpperCase() === 'ALL') open = true;
        else if (value.startsWith('!')) limits.push({ what: `InitiatorName ${value}`, from: line });
        else names.push({ name: value, from: line });
      }
      for (const value of key === 'Netmask' ? values : []) {
        if (/^(ALL|0\.0\.0\.0\/0|\[?::\]?\/0)$/i.test(value)) continue;
        limits.push({ what: `Netmask ${value} of ${target}`, from: line });
      }
    }
    if (names.length === 0 && !open) limits.push({ what: `${text} without a name`, from });
    return { names, open, limits };
  }

  #tpg(
    unit: Section,
    target: string,
    number: string,
    groups: readonly Group[],
    luns: readonly PlannedLun[],
  ): void {
    const method = lineOf(unit, 'AuthMethod')?.values ?? [];
    const logins = this.#logins(valueOf(unit, 'AuthGroup'));
    const portals = (this.#section('PortalGroup', number)?.lines ?? [])
      .filter(({ key }) => key === 'Portal')
      .map(({ values, from }) => ({ text: values[1] ?? values[0] ?? '', from }));
    const named = new Map<string, PlannedInitiator>();
    for (const { name, from } of groups.flatMap((group) => group.names)) {
      const login = logins.find(({ userid }) => userid === name) ?? logins[0] ?? {};
      named.set(targetName(name), { name, login, from });
    }
    this.#unusedLogins(unit, logins, [...named.values()]);
    const online = valueOf(unit, 'UnitOnline');
    const open = groups.some((group) => group.open);
    putTpg(this.#draft, {
      target,
      tag: number,
      from: unit.from,
      enabled: online === undefined || isYes(online),
      luns,
      portals,
      initiators: [...named.values()],
      open,
      // What limits a group of names is not what keeps strangers out.
      limits: groups.flatMap((group) => (group.open || !open ? group.limits : [])),
      login: logins[0] ?? {},
      authentication: method[0] === 'CHAP',
      parameters: this.#parameters(unit),
      aclAttributes: this.#aclAttributes(),
    });
  }

  #unusedLogins(
    unit: Section,
    logins: readonly (Login & { readonly userid: string })[],
    used: readonly PlannedInitiator[],
  ): void {
    const group = lineOf(unit, 'AuthGroup');
    for (const login of logins.slice(1)) {
      if (used.some((one) => one.login === login) || group === undefined) continue;
      const why = 'one login per TPG or ACL: make an ACL for the initiator that uses it';
      this.#draft.drop(`Auth ${login.userid}`, group.from, why);
    }
  }

  #parameters(unit: Section): readonly PlannedValue[] {
    const lines = [...(globalOf(this.#sections)?.lines ?? []), ...unit.lines];
    const values = new Map<string, PlannedValue>();
    for (const {
      key,
      values: [value = ''],
      from,
    } of lines) {
      if (isParameter(key)) values.set(key, { name: key, value, from });
    }
    for (const { key, values: words, from } of unit.lines) {
      if (key !== 'UseDigest') continue;
      for (const word of words) {
        if (word !== 'Header' && word !== 'Data') continue;
        const name = `${word}Digest`;
        values.set(name, { name, value: 'CRC32C', from });
      }
    }
    return [...values.values()];
  }

  #aclAttributes(): readonly PlannedValue[] {
    const line = lineOf(globalOf(this.#sections), 'NopInInterval');
    const value = line?.values[0];
    if (line === undefined || value === undefined) return [];
    return [{ name: 'nopin_timeout', value, from: line.from }];
  }

  #luns(unit: Section, target: string): readonly PlannedLun[] {
    const luns: PlannedLun[] = [];
    const readonly = isYes(valueOf(unit, 'ReadOnly'));
    for (const { key, values, from } of unit.lines) {
      const number = /^LUN(\d{1,5})$/.exec(key)?.[1];
      if (number === undefined || values[0] === 'Option') continue;
      const what = `LUN ${Number(number)} of ${target}`;
      const [type, path = '', sizeText = 'Auto'] = values;
      const size = istgtSize(sizeText);
      if (type !== 'Storage') {
        this.#draft.drop(what, from, `${type ?? 'this'} is not served, only Storage`);
      } else if (!size.ok) this.#draft.drop(what, from, size.reason);
      else {
        const backing = {
          path,
          size: size.bytes,
          readonly,
          writeBack: this.#option(unit, number, 'WriteCache') !== 'Disable',
          wwn: this.#serial(unit, number),
          attributes: this.#diskAttributes(unit, number),
        };
        const reference = storageOn(this.#draft, backing, what, from);
        if (reference !== undefined) {
          luns.push({ lun: Number(number), reference, readonly, from });
        }
      }
    }
    return luns;
  }

  #option(unit: Section, number: string, name: string): string | undefined {
    const found = unit.lines.findLast(
      ({ key, values }) => key === `LUN${number}` && values[0] === 'Option' && values[1] === name,
    );
    return found?.values[2];
  }

  /** The serial of the unit is that of its LUN 0. */
  #serial(unit: Section, number: string): string | undefined {
    const own = this.#option(unit, number, 'Serial');
    return own ?? (Number(number) === 0 ? lineOf(unit, 'UnitInquiry')?.values[3] : undefined);
  }

  #diskAttributes(unit: Section, number: string): Readonly<Record<string, string>> {
    const attributes: Record<string, string> = {};
    const block = valueOf(unit, 'BlockLength');
    const depth = valueOf(unit, 'QueueDepth');
    if (block !== undefined) attributes['block_size'] = block;
    if (depth !== undefined && depth !== '0') attributes['queue_depth'] = depth;
    if (this.#option(unit, number, 'RPM') === '1') attributes['is_nonrot'] = '1';
    return attributes;
  }

  #others(unit: Section, target: string): void {
    const known = [...USED_OF_UNIT, ...MORE_OF_UNIT, ...LAST_OF_UNIT];
    for (const { key, values, from } of unit.lines) {
      const option = /^LUN\d+$/.test(key) && values[0] === 'Option' ? values[1] : undefined;
      if (option !== undefined) {
        const taken = ['Serial', 'WriteCache'].includes(option) || values.join() === 'Option,RPM,1';
        if (taken || (option === 'ReadCache' && values[2] !== 'Disable')) continue;
        const what = `${key} Option ${values.slice(1).join(' ')} of ${target}`;
        this.#draft.drop(what, from, 'a disk has no such option here');
      } else if (key === 'UnitInquiry') {
        const what = `UnitInquiry of ${target}`;
        this.#draft.drop(what, from, 'vendor, product and revision are fixed; the serial is kept');
      } else if (!known.includes(key) && !/^LUN\d+$/.test(key)) {
        if (Object.hasOwn(TPG_PARAMETERS, key)) continue;
        this.#draft.drop(`${key} of ${target}`, from, 'unknown to this importer');
      }
    }
  }
}
