/** YAML text as a configuration document; every problem at once, each with its place. */
import type { AttributeGroup } from '../objects/attribute.ts';
import { DEFAULT_ALUA_GROUP } from '../objects/declarations/alua.ts';
import { AUTH, DISCOVERY_AUTH } from '../objects/declarations/auth.ts';
import type { BackstoreKind, Document } from '../objects/document.ts';
import { isRecord } from '../objects/equal.ts';
import { ConfigError } from '../objects/errors.ts';
import { TPG_PARAMETERS } from '../objects/iscsi_keys.ts';
import { normaliseName } from '../objects/names.ts';
import { parsePortal, portalKey } from '../objects/portal_address.ts';
import { sparse } from '../objects/sparse.ts';
import { validate } from '../objects/validate.ts';
import { parseSize } from '../util/sizes.ts';
import { complete, overlay } from './complete.ts';
import { FORMAT_VERSION } from './to_yaml.ts';
import { YamlSource, type Problem, type YamlPath } from './yaml_source.ts';

export interface ReadOptions {
  /**
   * What sets this machine apart. A storage object written without `wwn` gets one made of this and
   * its name: the same after every restart, another one on another machine.
   */
  readonly identity: string;
  /**
   * The configuration that the text is applied to. What the text does not name stays as it is
   * here; with `prune` it goes, only a storage object's wwn is still taken from here.
   */
  readonly over?: { readonly document: Document; readonly prune: boolean };
}

type Raw = Record<string, unknown>;
const KINDS: readonly BackstoreKind[] = ['block', 'fileio', 'ramdisk'];

/** Throws ConfigError naming file, line and column of every problem. */
export function fromYaml(text: string, file: string, options: ReadOptions): Document {
  const source = new YamlSource(text, file);
  if (source.value === undefined || source.value === null) {
    throw new ConfigError(
      `${file} is empty: restore a backup from the folder backup beside it, or remove it to ` +
        'start with an empty configuration',
    );
  }
  if (!isRecord(source.value)) {
    throw source.refuse([
      { path: [], message: 'not a configuration: expected version, backstores, iscsi' },
    ]);
  }
  const { version, ...rest } = source.value;
  const wrong = versionProblem(version);
  const reader = new DocumentReader();
  const { identity, over } = options;
  const named = reader.document(rest);
  const whole = over === undefined || over.prune ? named : overlay(over.document, named);
  const raw = complete(whole, { identity, known: over?.document });
  const problems = [...(wrong === undefined ? [] : [wrong]), ...reader.problems];
  for (const { path, message } of validate(raw).issues ?? []) {
    const atKey = message.startsWith('unknown key');
    problems.push({ path: reader.yamlPath(path), message, atKey });
  }
  if (problems.length > 0 || source.broken) throw source.refuse(problems);
  return sparse(raw as Document);
}

function versionProblem(version: unknown): Problem | undefined {
  if (version === FORMAT_VERSION) return undefined;
  if (version === undefined) {
    return { path: [], message: `version is missing: write version: ${FORMAT_VERSION}` };
  }
  const message = `version: only ${FORMAT_VERSION} is known to this lunsmith`;
  return { path: ['version'], message };
}

/** `null` is what YAML makes of a key with nothing behind it. */
const orEmpty = (value: unknown): unknown => value ?? {};

/**
 * Turns the YAML form into the document's: collections that were left out, sizes, portals as a
 * list, LUNs as a path. All else passes as it is, for `validate` to judge.
 */
class DocumentReader {
  readonly problems: Problem[] = [];
  /** Where what stands elsewhere in the document than in the YAML came from. */
  readonly #origins = new Map<string, YamlPath>();

  yamlPath(path: readonly string[]): YamlPath {
    let from: YamlPath = [];
    path.forEach((key, i) => {
      from = this.#origins.get(JSON.stringify(path.slice(0, i + 1))) ?? [...from, key];
    });
    return from;
  }

  document(yaml: Raw): Raw {
    return {
      ...yaml,
      backstores: this.#backstores(orEmpty(yaml['backstores'])),
      iscsi: this.#iscsi(orEmpty(yaml['iscsi'])),
    };
  }

  #backstores(yaml: unknown): unknown {
    if (!isRecord(yaml)) return yaml;
    const all: Raw = { ...yaml };
    for (const kind of KINDS) {
      all[kind] = this.#each(yaml[kind], ['backstores', kind], (object, path) =>
        this.#storageObject(object, path),
      );
    }
    return all;
  }

  #storageObject(yaml: unknown, path: YamlPath): unknown {
    if (!isRecord(yaml)) return yaml;
    const object: Raw = { ...yaml };
    object['attributes'] = orEmpty(yaml['attributes']);
    if ('alua' in yaml) object['alua'] = this.#aluaGroups(yaml['alua'], [...path, 'alua']);
    // A key with nothing behind it is one left out.
    if (object['wwn'] === null) delete object['wwn'];
    for (const key of ['wwn', 'path', 'dev']) {
      if (key in object) object[key] = this.#text(object[key], [...path, key]);
    }
    if ('size' in object) object['size'] = this.#size(object['size'], [...path, 'size']);
    return object;
  }

  #aluaGroups(value: unknown, path: YamlPath): unknown {
    return this.#each(value, path, (entry) => {
      const yaml = orEmpty(entry);
      if (!isRecord(yaml)) return yaml;
      return { ...yaml, attributes: orEmpty(yaml['attributes']) };
    });
  }

  #iscsi(yaml: unknown): unknown {
    if (!isRecord(yaml)) return yaml;
    const at = ['iscsi', 'discovery_auth'];
    return {
      ...yaml,
      discovery_auth: this.#group(DISCOVERY_AUTH, yaml['discovery_auth'], at),
      targets: this.#each(yaml['targets'], ['iscsi', 'targets'], (target, path) => {
        if (!isRecord(orEmpty(target))) return target;
        const { tpgs, ...rest } = orEmpty(target) as Raw;
        return { ...rest, tpgs: this.#each(tpgs, [...path, 'tpgs'], (t, p) => this.#tpg(t, p)) };
      }),
    };
  }

  #tpg(value: unknown, path: YamlPath): unknown {
    const yaml = orEmpty(value);
    if (!isRecord(yaml)) return yaml;
    return {
      ...yaml,
      attributes: orEmpty(yaml['attributes']),
      parameters: this.#group(TPG_PARAMETERS, yaml['parameters'], [...path, 'parameters']),
      auth: this.#group(AUTH, yaml['auth'], [...path, 'auth']),
      portals: this.#portals(yaml['portals'], [...path, 'portals']),
      luns: this.#each(yaml['luns'], [...path, 'luns'], (lun, at) => this.#lun(lun, at)),
      acls: this.#each(yaml['acls'], [...path, 'acls'], (acl, at) => this.#nodeAcl(acl, at)),
    };
  }

  #portals(value: unknown, path: YamlPath): unknown {
    const portals: Raw = {};
    if (value === undefined || value === null) return portals;
    if (!Array.isArray(value)) {
      this.problems.push({ path, message: 'portals: not a list of addresses' });
      return portals;
    }
    value.forEach((entry: unknown, i) => {
      const from = [...path, i];
      const { address, ...rest } = isRecord(entry) ? entry : { address: entry };
      const parsed = typeof address === 'string' ? parsePortal(address) : undefined;
      if (!parsed?.ok) {
        const reason = parsed?.reason ?? 'a portal is text, "0.0.0.0:3260", or has an address';
        this.problems.push({ path: from, message: reason });
        return;
      }
      const key = portalKey(parsed.portal);
      if (Object.hasOwn(portals, key)) {
        this.problems.push({ path: from, message: `portal ${key} is there twice` });
      }
      portals[key] = rest;
      this.#from([...path, key], from);
    });
    return portals;
  }

  /** Its storage object, or a map that names its group, too: the default one goes unsaid. */
  #lun(value: unknown, path: YamlPath): unknown {
    const standard = { alua_tg_pt_gp_name: DEFAULT_ALUA_GROUP };
    if (isRecord(value)) {
      const { storage_object, alua_tg_pt_gp_name: name, ...rest } = value;
      const from = [...path, 'alua_tg_pt_gp_name'];
      const group = { alua_tg_pt_gp_name: this.#text(name, from) };
      return {
        ...rest,
        ...this.#lunOn(storage_object, [...path, 'storage_object']),
        ...(name === undefined || name === null ? standard : group),
      };
    }
    this.#from([...path, 'storage_object'], path);
    return { ...this.#lunOn(value, path), ...standard };
  }

  #lunOn(value: unknown, path: YamlPath): { storage_object: string } {
    const text = this.#text(value, path);
    if (typeof text !== 'string') {
      this.problems.push({ path, message: 'a LUN is a storage object: backstores/fileio/NAME' });
      return { storage_object: '' };
    }
    return { storage_object: text.replace(/^\/?backstores\//, '') };
  }

  #nodeAcl(value: unknown, path: YamlPath): unknown {
    const yaml = orEmpty(value);
    if (!isRecord(yaml)) return yaml;
    const mapped = this.#each(yaml['mapped_luns'], [...path, 'mapped_luns'], (entry) => entry);
    const { tag, ...rest } = yaml;
    return {
      ...rest,
      ...(tag !== undefined && tag !== null && { tag: this.#text(tag, [...path, 'tag']) }),
      attributes: orEmpty(yaml['attributes']),
      auth: this.#group(AUTH, yaml['auth'], [...path, 'auth']),
      mapped_luns: mapped,
    };
  }

  /** A collection, each entry converted; names of iSCSI nodes in their normal form. */
  #each(
    value: unknown,
    path: YamlPath,
    convert: (entry: unknown, path: YamlPath) => unknown,
  ): unknown {
    const yaml = orEmpty(value);
    if (!isRecord(yaml)) return yaml;
    const named = ['targets', 'acls'].includes(String(path.at(-1)));
    const all: Raw = {};
    for (const [name, entry] of Object.entries(yaml)) {
      const normal = named ? normaliseName(name) : undefined;
      const key = normal?.ok ? normal.name : name;
      if (key === '__proto__' || Object.hasOwn(all, key)) {
        const message =
          key === '__proto__' ? `${key} is not a possible name` : `${key} is there twice`;
        this.problems.push({ path: [...path, name], message, atKey: true });
        continue;
      }
      if (key !== name) this.#from([...path, key], [...path, name]);
      all[key] = convert(entry, [...path, key]);
    }
    return all;
  }

  /** The values of a group; text that YAML took for something else is a problem of its own. */
  #group(declared: AttributeGroup, value: unknown, path: YamlPath): unknown {
    const yaml = orEmpty(value);
    if (!isRecord(yaml)) return yaml;
    const group: Raw = { ...yaml };
    for (const [name, attribute] of Object.entries(declared)) {
      if (attribute.kind !== 'text' && attribute.kind !== 'choice') continue;
      if (Object.hasOwn(group, name)) group[name] = this.#text(group[name], [...path, name]);
    }
    return group;
  }

  #text(value: unknown, path: YamlPath): unknown {
    if (typeof value !== 'number' && typeof value !== 'boolean' && value !== null) return value;
    const what = value === null ? 'nothing' : `a ${typeof value}`;
    const message = `${String(path.at(-1))}: without quotes this is ${what}: put it in quotes`;
    this.problems.push({ path: this.yamlPath(path.map(String)), message });
    // Judged already: what stands here now is fit for any text.
    return '0';
  }

  #size(value: unknown, path: YamlPath): unknown {
    if (typeof value !== 'string') return value;
    const parsed = parseSize(value);
    if (parsed.ok) return parsed.bytes;
    this.problems.push({ path, message: parsed.reason });
    // Judged already: what stands here now is fit for any size.
    return 1024 * 1024;
  }

  #from(path: YamlPath, origin: YamlPath): void {
    this.#origins.set(JSON.stringify(path.map(String)), origin);
  }
}
