/**
 * LIO's saveconfig.json: as targetcli-fb writes it, as its man page names the credentials, and as
 * rtslib's convert-to-json writes it.
 */
import { DEFAULT_ALUA_GROUP } from '../../objects/declarations/alua.ts';
import { AUTH, DISCOVERY_AUTH } from '../../objects/declarations/auth.ts';
import { NODE_ACL_ATTRIBUTES } from '../../objects/declarations/node_acl.ts';
import { TPG_ATTRIBUTES } from '../../objects/declarations/tpg.ts';
import type { DocumentPath } from '../../objects/document.ts';
import { TPG_PARAMETERS } from '../../objects/iscsi_keys.ts';
import { normaliseName } from '../../objects/names.ts';
import { normalisePortal, portalKey } from '../../objects/portal_address.ts';
import type { AttributeGroup } from '../../objects/attribute.ts';
import { Draft, shownValue, type Origin } from './draft.ts';
import { refused, type ImportResult, type SourceText, type Surroundings } from './imported.ts';
import { isList, isMap, parseJson, type JsonMap, type JsonMember } from './json_lines.ts';
import { kindOfPlugin, storageObject } from './lio_json_storage.ts';
import { isOn, textOf, wholeNumber } from './json_values.ts';

/** Never throws. */
export function readLioJson(source: SourceText, around: Surroundings): ImportResult {
  const { file, text } = source;
  if (text.trim() === '') {
    return refused(`${file} is empty: look for a copy in the folder backup beside it`);
  }
  const parsed = parseJson(text);
  if (!parsed.ok) return refused(`${file}:${parsed.line}: ${parsed.reason}`);
  if (!isMap(parsed.value)) return refused(`${file}: not a configuration of LIO: no object in it`);
  const known = ['fabric_modules', 'storage_objects', 'targets'];
  if (!known.some((key) => (parsed.value as JsonMap).has(key))) {
    return refused(`${file}: not a configuration of LIO: none of ${known.join(', ')} is in it`);
  }
  const draft = new Draft(source, around);
  new LioReader(draft).read(parsed.value);
  return draft.finish();
}

/** One object of a list, with its line; what is no object has been reported. */
interface Entry {
  readonly map: JsonMap;
  readonly from: Origin;
}

/** LIO's names of the credentials, then those of its man page. */
const CREDENTIALS: Readonly<Record<string, readonly string[]>> = {
  userid: ['chap_userid', 'userid'],
  password: ['chap_password', 'password'],
  mutual_userid: ['chap_mutual_userid', 'mutual_userid', 'userid_mutual'],
  mutual_password: ['chap_mutual_password', 'mutual_password', 'password_mutual'],
};
const DISCOVERY: Readonly<Record<string, readonly string[]>> = {
  enable: ['discovery_enable_auth', 'enable', 'discovery_enable'],
  userid: ['discovery_userid', 'userid'],
  password: ['discovery_password', 'password'],
  mutual_userid: ['discovery_mutual_userid', 'mutual_userid', 'userid_mutual'],
  mutual_password: ['discovery_mutual_password', 'mutual_password', 'password_mutual'],
};

class LioReader {
  readonly #draft: Draft;

  constructor(draft: Draft) {
    this.#draft = draft;
  }

  read(top: JsonMap): void {
    for (const { map, from } of this.#entries(top, 'storage_objects')) {
      storageObject(this.#draft, map, from);
    }
    for (const { map, from } of this.#entries(top, 'fabric_modules')) this.#fabric(map, from);
    for (const { map, from } of this.#entries(top, 'targets')) this.#target(map, from);
    this.#unknown(top, ['storage_objects', 'fabric_modules', 'targets'], 'the file');
  }

  #entries(map: JsonMap, key: string): readonly Entry[] {
    const member = map.get(key);
    if (member === undefined || member.value === null) return [];
    if (!isList(member.value)) {
      this.#draft.drop(key, this.#draft.at(member.line), 'a list is expected');
      return [];
    }
    const entries: Entry[] = [];
    for (const { value, line } of member.value) {
      const from = this.#draft.at(line);
      if (isMap(value)) entries.push({ map: value, from });
      else this.#draft.drop(`an entry of ${key}`, from, 'an object is expected');
    }
    return entries;
  }

  #unknown(map: JsonMap, known: readonly string[], where: string): void {
    for (const [key, { line }] of map) {
      if (known.includes(key)) continue;
      this.#draft.drop(`${key} of ${where}`, this.#draft.at(line), 'LIO knows no such key');
    }
  }

  #fabric(map: JsonMap, from: Origin): void {
    const name = textOf(map, 'name') ?? '';
    if (name !== 'iscsi') {
      return this.#draft.drop(`fabric ${name}`, from, 'only the fabric iscsi is served');
    }
    const known = this.#credentials(map, ['iscsi', 'discovery_auth'], DISCOVERY);
    this.#unknown(map, ['name', ...known], `fabric ${name}`);
  }

  /** The first spelling that is there counts; an object `auth` may hold them, too. */
  #credentials(
    map: JsonMap,
    path: DocumentPath,
    spellings: Readonly<Record<string, readonly string[]>>,
  ): readonly string[] {
    const declared: AttributeGroup = spellings === DISCOVERY ? DISCOVERY_AUTH : AUTH;
    const inner = map.get('auth')?.value;
    for (const [name, keys] of Object.entries(spellings)) {
      const found = keys.map((key) => map.get(key)).find((member) => member !== undefined);
      const nested = isMap(inner) ? keys.map((key) => inner.get(key)).find((m) => m) : undefined;
      const member = found ?? nested;
      if (member === undefined || member.value === null || member.value === '') continue;
      this.#draft.attribute(declared, [...path, name], member.value, this.#draft.at(member.line));
    }
    return [...Object.values(spellings).flat(), 'auth', 'authenticate_target'];
  }

  #target(map: JsonMap, from: Origin): void {
    const written = textOf(map, 'wwn') ?? '';
    const fabric = textOf(map, 'fabric') ?? '';
    if (fabric !== 'iscsi') {
      const why = fabric === '' ? 'no fabric is named' : `only the fabric iscsi is served`;
      return this.#draft.drop(`${fabric} target ${written}`.trim(), from, why);
    }
    const named = normaliseName(written);
    const name = named.ok ? named.name : written;
    if (this.#draft.has(['iscsi', 'targets', name])) {
      return this.#draft.drop(`target ${name}`, from, 'a target of that name stands above it');
    }
    this.#draft.put(['iscsi', 'targets', name], { tpgs: {} }, from);
    for (const { map: tpg, from: at } of this.#entries(map, 'tpgs')) this.#tpg(name, tpg, at);
    this.#affinity(map.get('parameters'), name);
    this.#unknown(map, ['wwn', 'fabric', 'tpgs', 'parameters'], `target ${name}`);
  }

  /** LIO's own: which processors complete commands; -1 is its default. */
  #affinity(member: JsonMember | undefined, target: string): void {
    if (!isMap(member?.value)) return;
    for (const [key, { value, line }] of member.value) {
      const shown = shownValue(value);
      if (key === 'cmd_completion_affinity' && shown === '-1') continue;
      const what = `${key}=${shown} of target ${target}`;
      this.#draft.drop(what, this.#draft.at(line), 'a setting of the kernel');
    }
  }

  #tpg(target: string, map: JsonMap, from: Origin): void {
    const tag = String(wholeNumber(map, 'tag') ?? 1);
    if (this.#draft.has(['iscsi', 'targets', target, 'tpgs', tag])) {
      return this.#draft.drop(`${target} tpg${tag}`, from, 'a TPG of that tag stands above it');
    }
    const path = this.#draft.tpg(target, tag, isOn(map, 'enable') ?? true, from);
    this.#group(map, 'attributes', TPG_ATTRIBUTES, path);
    this.#group(map, 'parameters', TPG_PARAMETERS, path);
    // The kernel sets it with authentication=1: nobody chose it.
    const [attributes, parameters] = ['attributes', 'parameters'].map((key) => map.get(key)?.value);
    const authentication = isMap(attributes) && isOn(attributes, 'authentication') === true;
    const follows = isMap(parameters) && textOf(parameters, 'AuthMethod') === 'CHAP';
    if (authentication && follows) this.#draft.remove([...path, 'parameters', 'AuthMethod']);
    const known = this.#credentials(map, [...path, 'auth'], CREDENTIALS);
    for (const entry of this.#entries(map, 'luns')) this.#lun(path, entry);
    for (const entry of this.#entries(map, 'portals')) this.#portal(path, entry);
    for (const entry of this.#entries(map, 'node_acls')) this.#acl(path, entry);
    const keys = ['tag', 'enable', 'attributes', 'parameters', 'luns', 'portals', 'node_acls'];
    this.#unknown(map, [...keys, ...known], `${target} tpg${tag}`);
  }

  #group(map: JsonMap, key: string, declared: AttributeGroup, path: DocumentPath): void {
    const member = map.get(key);
    if (member === undefined || member.value === null) return;
    if (!isMap(member.value)) {
      return this.#draft.drop(key, this.#draft.at(member.line), 'an object is expected');
    }
    for (const [name, { value, line }] of member.value) {
      const from = this.#draft.at(line);
      // LIO writes null where this kernel has no such attribute.
      if (value !== null) this.#draft.attribute(declared, [...path, key, name], value, from);
    }
  }

  #lun(tpg: DocumentPath, { map, from }: Entry): void {
    const index = wholeNumber(map, 'index');
    const [written, name] = [textOf(map, 'storage_object'), textOf(map, 'name')];
    const parts = /^\/?(?:backstores\/)?([^/]+)\/(.+)$/.exec(
      written ?? `${textOf(map, 'plugin') ?? ''}/${name ?? ''}`,
    );
    const what = `LUN ${index ?? '?'} of ${tpg[2]} tpg${tpg[4]}`;
    if (index === undefined || parts === null) {
      return this.#draft.drop(what, from, 'index and storage_object are needed');
    }
    const [, plugin = '', object = ''] = parts;
    const kind = kindOfPlugin(plugin);
    if (kind === undefined || !this.#draft.has(['backstores', kind, object])) {
      const why = `its storage object ${plugin}/${object} is not carried over`;
      return this.#draft.drop(what, from, why);
    }
    const path = [...tpg, 'luns', String(index)];
    if (this.#draft.has(path)) return this.#draft.drop(what, from, 'it is there twice');
    this.#draft.put(path, { storage_object: `${kind}/${object}` }, from);
    const group = textOf(map, 'alua_tg_pt_gp_name') ?? '';
    if (group !== '' && group !== DEFAULT_ALUA_GROUP) {
      const { line } = map.get('alua_tg_pt_gp_name') ?? {};
      this.#draft.put([...path, 'alua_tg_pt_gp_name'], group, this.#draft.at(line));
    }
    const keys = ['index', 'storage_object', 'plugin', 'name', 'alias', 'alua_tg_pt_gp_name'];
    this.#unknown(map, keys, what);
  }

  #portal(tpg: DocumentPath, { map, from }: Entry): void {
    const address = textOf(map, 'ip_address') ?? '';
    const port = textOf(map, 'port') ?? '3260';
    const found = normalisePortal(address, port);
    const what = `portal ${address}:${port} of ${tpg[2]} tpg${tpg[4]}`;
    if (!found.ok) return this.#draft.drop(what, from, found.reason);
    const iser = isOn(map, 'iser') ?? false;
    this.#draft.put([...tpg, 'portals', portalKey(found.portal)], { iser }, from);
    if (isOn(map, 'offload') === true) {
      this.#draft.drop(`offload of ${what}`, from, 'no adapter takes over iSCSI here');
    }
    this.#unknown(map, ['ip_address', 'port', 'iser', 'offload'], what);
  }

  #acl(tpg: DocumentPath, { map, from }: Entry): void {
    const written = textOf(map, 'node_wwn') ?? '';
    const named = normaliseName(written);
    const name = named.ok ? named.name : written;
    const what = `ACL ${name} of ${tpg[2]} tpg${tpg[4]}`;
    if (this.#draft.has([...tpg, 'acls', name])) {
      return this.#draft.drop(what, from, 'it is there twice');
    }
    const path = this.#draft.acl(tpg, name, from);
    this.#group(map, 'attributes', NODE_ACL_ATTRIBUTES, path);
    const known = this.#credentials(map, [...path, 'auth'], CREDENTIALS);
    for (const entry of this.#entries(map, 'mapped_luns')) this.#mappedLun(path, what, entry);
    const tag = textOf(map, 'tag') ?? '';
    if (tag !== '') this.#draft.put([...path, 'tag'], tag, this.#draft.at(map.get('tag')?.line));
    // The man page lists parameters; LIO itself does not restore them.
    const keys = ['node_wwn', 'attributes', 'mapped_luns', 'tag', 'parameters'];
    this.#unknown(map, [...keys, ...known], what);
  }

  #mappedLun(acl: DocumentPath, where: string, { map, from }: Entry): void {
    const index = wholeNumber(map, 'index');
    const lun = wholeNumber(map, 'tpg_lun');
    const what = `mapped LUN ${index ?? '?'} of ${where}`;
    if (index === undefined || lun === undefined) {
      return this.#draft.drop(what, from, 'index and tpg_lun are needed');
    }
    const path = [...acl, 'mapped_luns', String(index)];
    if (this.#draft.has(path)) return this.#draft.drop(what, from, 'it is there twice');
    const write_protect = isOn(map, 'write_protect') ?? false;
    this.#draft.put(path, { lun, write_protect }, from);
    this.#unknown(map, ['index', 'tpg_lun', 'write_protect', 'alias', 'tag'], what);
  }
}
