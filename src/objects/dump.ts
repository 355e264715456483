/** A part of the tree as the commands that build it again, whatever the preferences are then. */
import { format, isSecret, type AttributeBag, type AttributeGroup } from './attribute.ts';
import { ALUA_ATTRIBUTES, DEFAULT_ALUA_GROUP } from './declarations/alua.ts';
import { AUTH, DISCOVERY_AUTH } from './declarations/auth.ts';
import { NODE_ACL_ATTRIBUTES } from './declarations/node_acl.ts';
import { STORAGE_ATTRIBUTES_OF } from './declarations/storage.ts';
import { TPG_ATTRIBUTES } from './declarations/tpg.ts';
import type {
  AluaGroup,
  BackstoreKind,
  Document,
  DocumentPath,
  NodeAcl,
  StorageObject,
  Tpg,
} from './document.ts';
import { TPG_PARAMETERS } from './iscsi_keys.ts';
import { parsePortal, portalLabel } from './portal_address.ts';
import { storageObjects } from './rules.ts';

interface Line {
  /** The node that the command makes or changes. */
  readonly at: DocumentPath;
  readonly text: string;
  /** Only where the command of this parent, which does it too, is no part of the dump. */
  readonly unless?: DocumentPath;
}

/** A word of a line that means itself, whatever it holds. */
export function quoted(text: string): string {
  if (/^[A-Za-z0-9_.:/@%+,[\]-]+$/.test(text)) return text;
  if (!text.includes("'")) return `'${text}'`;
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

type Value = string | number | boolean;

/** `name=value …`; an empty value stays empty. */
function keywords(values: Readonly<Record<string, Value>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}=${value === '' ? '' : quoted(String(value))}`)
    .join(' ');
}

class Dump {
  readonly lines: Line[] = [];
  readonly #secrets: boolean;

  constructor(secrets: boolean) {
    this.#secrets = secrets;
  }

  run(at: DocumentPath, path: string, words: string, unless?: DocumentPath): void {
    const text = `${quoted(path)} ${words}`;
    this.lines.push({ at, text, ...(unless !== undefined && { unless }) });
  }

  /** `set GROUP …` of what differs from the defaults, and of `always`. */
  set(
    at: DocumentPath,
    path: string,
    [name, group]: readonly [string, AttributeGroup],
    bag: AttributeBag,
    always: readonly string[] = [],
  ): void {
    const open: Record<string, Value> = {};
    const withheld: string[] = [];
    for (const [key, attribute] of Object.entries(group)) {
      const value = bag[key] ?? (always.includes(key) ? attribute.default : undefined);
      if (value === undefined) continue;
      if (isSecret(attribute) && !this.#secrets) withheld.push(key);
      else open[key] = format(attribute, value);
    }
    if (Object.keys(open).length > 0) this.run(at, path, `set ${name} ${keywords(open)}`);
    for (const key of withheld) {
      const text = `# ${quoted(path)} set ${name} ${key}=… (left out: show_secrets=true)`;
      this.lines.push({ at, text });
    }
  }

  storageObject(reference: string, object: StorageObject): void {
    const [kind = '', name = ''] = reference.split('/');
    const at = ['backstores', kind, name];
    const common = { wwn: object.wwn };
    const words =
      'path' in object
        ? { file_or_dev: object.path, size: object.size, write_back: object.write_back }
        : 'dev' in object
          ? { dev: object.dev, readonly: object.readonly }
          : { size: object.size, nullio: object.nullio };
    const create = keywords({ name, ...words, ...common });
    this.run(at, `/backstores/${kind}`, `create ${create}`);
    const group = STORAGE_ATTRIBUTES_OF[kind as BackstoreKind];
    // A preference sets it on create.
    const always = ['emulate_model_alias'];
    this.set(at, `/backstores/${reference}`, ['attribute', group], object.attributes, always);
    for (const [name, one] of Object.entries(object.alua ?? {})) {
      this.aluaGroup([...at, 'alua', name], `/backstores/${reference}/alua`, name, one);
    }
  }

  aluaGroup(at: DocumentPath, folder: string, name: string, group: AluaGroup): void {
    if (name !== DEFAULT_ALUA_GROUP) {
      this.run(at, folder, `create ${keywords({ name, tag: group.tg_pt_gp_id })}`);
    }
    // A state that is set sets its status, too.
    const { attributes } = group;
    const always = attributes.alua_access_state === undefined ? [] : ['alua_access_status'];
    this.set(at, `${folder}/${name}`, ['alua', ALUA_ATTRIBUTES], attributes, always);
  }

  target(name: string, tpgs: Readonly<Record<string, Tpg>>): void {
    const at = ['iscsi', 'targets', name];
    const bare = keywords({ enable: false, add_default_portal: false });
    this.run(at, '/iscsi', `create wwn=${quoted(name)} ${bare}`);
    const first = '1';
    if (!Object.hasOwn(tpgs, first)) this.run(at, `/iscsi/${name}`, `delete ${first}`);
    for (const [tag, tpg] of Object.entries(tpgs)) {
      const tpgAt = [...at, 'tpgs', tag];
      // The target has come with its first TPG.
      const unless = tag === first ? at : undefined;
      this.run(tpgAt, `/iscsi/${name}`, `create tag=${tag} ${bare}`, unless);
      this.tpg(tpgAt, `/iscsi/${name}/tpg${tag}`, tpg);
    }
  }

  tpg(at: DocumentPath, path: string, tpg: Tpg): void {
    this.set(at, path, ['attribute', TPG_ATTRIBUTES], tpg.attributes);
    this.set(at, path, ['parameter', TPG_PARAMETERS], tpg.parameters);
    this.set(at, path, ['auth', AUTH], tpg.auth);
    for (const [lun, { storage_object, alua_tg_pt_gp_name }] of Object.entries(tpg.luns)) {
      const words = {
        storage_object: `/backstores/${storage_object}`,
        lun,
        add_mapped_luns: false,
      };
      const lunAt = [...at, 'luns', lun];
      this.run(lunAt, `${path}/luns`, `create ${keywords(words)}`);
      if (alua_tg_pt_gp_name === undefined) continue;
      const join = `set alua ${keywords({ alua_tg_pt_gp_name })}`;
      this.run(lunAt, `${path}/luns/lun${lun}`, join);
    }
    for (const [name, acl] of Object.entries(tpg.acls)) {
      this.acl([...at, 'acls', name], `${path}/acls`, name, acl);
    }
    // After all of them stand alike: who joins a group takes over what it has.
    for (const [name, { tag }] of Object.entries(tpg.acls)) {
      if (tag === undefined) continue;
      const words = keywords({ wwn_or_tag: name, new_tag: tag });
      this.run([...at, 'acls', name], `${path}/acls`, `tag ${words}`);
    }
    for (const [key, { iser }] of Object.entries(tpg.portals)) {
      const parsed = parsePortal(key);
      if (!parsed.ok) continue;
      const { address, port } = parsed.portal;
      const portalAt = [...at, 'portals', key];
      const words = keywords({ ip_address: address, ip_port: port });
      this.run(portalAt, `${path}/portals`, `create ${words}`);
      const node = `${path}/portals/${portalLabel(parsed.portal)}`;
      if (iser) this.run(portalAt, node, 'enable_iser true');
    }
    // Last: nobody logs in to a half of it.
    if (tpg.enabled) this.run(at, path, 'enable');
  }

  acl(at: DocumentPath, folder: string, name: string, acl: NodeAcl): void {
    const path = `${folder}/${name}`;
    this.run(at, folder, `create ${keywords({ wwn: name, add_mapped_luns: false })}`);
    this.set(at, path, ['attribute', NODE_ACL_ATTRIBUTES], acl.attributes);
    this.set(at, path, ['auth', AUTH], acl.auth);
    for (const [seenAs, { lun, write_protect }] of Object.entries(acl.mapped_luns)) {
      const words = { mapped_lun: seenAs, tpg_lun_or_backstore: lun, write_protect };
      this.run([...at, 'mapped_luns', seenAs], path, `create ${keywords(words)}`);
    }
  }
}

/**
 * The commands that make what stands at and below `subtrees` (document paths; empty: everything).
 * What it stands on, such as the storage objects of a TPG's LUNs, must exist when they are run.
 */
export function dumpCommands(
  document: Document,
  subtrees: readonly DocumentPath[],
  options: { readonly secrets: boolean },
): readonly string[] {
  const within = (at: DocumentPath) =>
    subtrees.some((subtree) => subtree.every((part, index) => at[index] === part));
  const dump = new Dump(options.secrets);
  for (const [reference, object] of storageObjects(document)) dump.storageObject(reference, object);
  const { discovery_auth, targets } = document.iscsi;
  dump.set(['iscsi'], '/iscsi', ['discovery_auth', DISCOVERY_AUTH], discovery_auth);
  for (const [name, { tpgs }] of Object.entries(targets)) dump.target(name, tpgs);
  return dump.lines
    .filter(({ at }) => within(at))
    .filter(({ unless }) => unless === undefined || !within(unless))
    .map(({ text }) => text);
}
