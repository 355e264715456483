/** The `.lio` files of Datera's targetcli 3. */
import { AUTH, AUTH_ALIASES, DISCOVERY_AUTH } from '../../objects/declarations/auth.ts';
import { NODE_ACL_ATTRIBUTES } from '../../objects/declarations/node_acl.ts';
import { STORAGE_ATTRIBUTES_OF } from '../../objects/declarations/storage.ts';
import { TPG_ATTRIBUTES } from '../../objects/declarations/tpg.ts';
import type { AttributeGroup } from '../../objects/attribute.ts';
import type { BackstoreKind, DocumentPath } from '../../objects/document.ts';
import { TPG_PARAMETERS } from '../../objects/iscsi_keys.ts';
import { parsePortal, portalKey } from '../../objects/portal_address.ts';
import { Draft } from './draft.ts';
import { refused, type ImportResult, type SourceText, type Surroundings } from './imported.ts';
import { readLioTree, type LioNode } from './lio_tree.ts';
import { kindOfPlugin } from './lio_json_storage.ts';
import { targetName } from './tpg_plan.ts';

/** Never throws. */
export function readLio(source: SourceText, around: Surroundings): ImportResult {
  const tree = readLioTree(source.text);
  if (!tree.ok) return refused(`${source.file}:${tree.line}: ${tree.reason}`);
  if (!tree.nodes.some(({ name }) => name === 'storage' || name === 'fabric')) {
    return refused(`${source.file}: neither storage nor fabric is in it`);
  }
  const draft = new Draft(source, around);
  new LioFileReader(draft).read(tree.nodes);
  return draft.finish();
}

const isYes = (text: string | undefined) => /^(yes|true|1|on)$/i.test(text ?? '');

/** `1.0GB`, `64.0MiB`, `512`: a factor of 1024, with decimals. */
function decimalSize(text: string): number | undefined {
  const match = /^(\d{1,12}(?:\.\d{1,6})?)([KMGT]?)i?B?$/i.exec(text);
  if (match === null) return undefined;
  const factor = 1024 ** ['', 'K', 'M', 'G', 'T'].indexOf((match[2] ?? '').toUpperCase());
  const bytes = Math.round(Number(match[1]) * factor);
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined;
}

class LioFileReader {
  readonly #draft: Draft;

  constructor(draft: Draft) {
    this.#draft = draft;
  }

  read(nodes: readonly LioNode[]): void {
    for (const node of nodes) {
      if (node.name !== 'storage') continue;
      for (const disk of node.inside) this.#disk(node.value, disk);
    }
    for (const node of nodes) {
      if (node.name === 'fabric') this.#fabric(node);
      else if (node.name !== 'storage') this.#unknown(node, 'the file');
    }
  }

  #unknown({ name, line }: LioNode, where: string): void {
    this.#draft.drop(`${name} of ${where}`, this.#draft.at(line), 'unknown to this importer');
  }

  #disk(plugin: string, node: LioNode): void {
    const name = node.value;
    const from = this.#draft.at(node.line);
    const what = `storage object ${plugin}/${name}`;
    const kind = kindOfPlugin(plugin);
    if (node.name !== 'disk' || kind === undefined) {
      return this.#draft.drop(what, from, 'this engine has no such backstore');
    }
    const path: DocumentPath = ['backstores', kind, name];
    if (this.#draft.has(path)) return this.#draft.drop(what, from, 'it is there twice');
    const leaf = (key: string) => node.inside.findLast((one) => one.name === key)?.value;
    const size = decimalSize(leaf('size') ?? '');
    const fields = this.#fields(kind, leaf, size);
    if ('why' in fields) return this.#draft.drop(what, from, fields.why);
    const wwn = leaf('wwn') ?? this.#draft.around.newWwn(kind, name);
    this.#draft.put(path, { ...fields, wwn, attributes: {} }, from);
    const known = ['path', 'size', 'buffered', 'wwn', 'nullio', 'readonly'];
    for (const one of node.inside) {
      if (one.name === 'attribute') {
        const table = STORAGE_ATTRIBUTES_OF[kind];
        this.#group(one, table, [...path, 'attributes'], {}, ['emulate_write_cache']);
      } else if (!known.includes(one.name)) this.#unknown(one, what);
    }
  }

  #fields(kind: BackstoreKind, leaf: (key: string) => string | undefined, size?: number) {
    const path = leaf('path') ?? '';
    if (kind !== 'ramdisk' && path === '') return { why: 'path is missing' };
    if (kind === 'block') return { dev: path, readonly: isYes(leaf('readonly')) };
    const found = kind === 'fileio' ? this.#draft.around.backing(path) : undefined;
    const bytes = found?.type === 'block' ? found.size : (size ?? found?.size);
    if (bytes === undefined || bytes === 0) return { why: 'size is missing' };
    if (kind === 'ramdisk') return { size: bytes, nullio: isYes(leaf('nullio')) };
    return { path, size: bytes, write_back: isYes(leaf('buffered') ?? 'yes') };
  }

  #group(
    node: LioNode,
    declared: AttributeGroup,
    path: DocumentPath,
    aliases: Readonly<Record<string, string>> = {},
    ignored: readonly string[] = [],
  ): void {
    for (const { name, value, line } of node.inside) {
      if (value === '' || ignored.includes(name)) continue;
      const own = Object.hasOwn(aliases, name) ? (aliases[name] ?? name) : name;
      this.#draft.attribute(declared, [...path, own], value, this.#draft.at(line));
    }
  }

  #fabric(node: LioNode): void {
    if (node.value !== 'iscsi') {
      const why = 'only the fabric iscsi is served';
      return this.#draft.drop(`fabric ${node.value}`, this.#draft.at(node.line), why);
    }
    for (const one of node.inside) {
      if (one.name === 'discovery_auth') {
        this.#group(one, DISCOVERY_AUTH, ['iscsi', 'discovery_auth'], AUTH_ALIASES);
      } else if (one.name === 'target') this.#target(one);
      else this.#unknown(one, 'fabric iscsi');
    }
  }

  #target(node: LioNode): void {
    const target = targetName(node.value);
    const at = ['iscsi', 'targets', target];
    if (!this.#draft.has(at)) this.#draft.put(at, { tpgs: {} }, this.#draft.at(node.line));
    for (const one of node.inside) {
      if (one.name === 'tpgt' || one.name === 'tpg') this.#tpg(target, one);
      else this.#unknown(one, `target ${target}`);
    }
  }

  #tpg(target: string, node: LioNode): void {
    const tag = node.value;
    const enable = node.inside.findLast(({ name }) => name === 'enable')?.value;
    const from = this.#draft.at(node.line);
    const path = this.#draft.tpg(target, tag, isYes(enable ?? 'yes'), from);
    const order = ['lun', 'portal', 'acl', 'node_acl'];
    for (const one of node.inside) {
      if (one.name === 'attribute') {
        this.#group(one, TPG_ATTRIBUTES, [...path, 'attributes']);
      } else if (one.name === 'parameter') {
        this.#group(one, TPG_PARAMETERS, [...path, 'parameters']);
      } else if (one.name === 'auth') {
        this.#group(one, AUTH, [...path, 'auth'], AUTH_ALIASES, ['authenticate_target']);
      } else if (!order.includes(one.name) && one.name !== 'enable') {
        this.#unknown(one, `${target} tpg${tag}`);
      }
    }
    for (const one of node.inside) {
      if (one.name === 'lun') this.#lun(path, one);
      else if (one.name === 'portal') this.#portal(path, one);
      else if (one.name === 'acl' || one.name === 'node_acl') this.#acl(path, one);
    }
  }

  #lun(tpg: DocumentPath, node: LioNode): void {
    const from = this.#draft.at(node.line);
    const what = `LUN ${node.value} of ${tpg[2]} tpg${tpg[4]}`;
    const backend = node.inside.findLast(({ name }) => name === 'backend')?.value ?? '';
    const [, plugin = '', object = ''] = /^([^:]+):(.+)$/.exec(backend) ?? [];
    const kind = kindOfPlugin(plugin);
    if (kind === undefined || !this.#draft.has(['backstores', kind, object])) {
      const why = `its storage object ${plugin}/${object} is not carried over`;
      return this.#draft.drop(what, from, why);
    }
    this.#draft.put([...tpg, 'luns', node.value], { storage_object: `${kind}/${object}` }, from);
  }

  #portal(tpg: DocumentPath, node: LioNode): void {
    const from = this.#draft.at(node.line);
    const parsed = parsePortal(node.value);
    if (!parsed.ok) return this.#draft.drop(`portal ${node.value}`, from, parsed.reason);
    const iser = node.inside.some(({ name, value }) => name === 'iser' && isYes(value));
    this.#draft.put([...tpg, 'portals', portalKey(parsed.portal)], { iser }, from);
  }

  #acl(tpg: DocumentPath, node: LioNode): void {
    const from = this.#draft.at(node.line);
    const path = this.#draft.acl(tpg, targetName(node.value), from);
    for (const one of node.inside) {
      if (one.name === 'attribute') {
        this.#group(one, NODE_ACL_ATTRIBUTES, [...path, 'attributes']);
      } else if (one.name === 'auth') {
        this.#group(one, AUTH, [...path, 'auth'], AUTH_ALIASES, ['authenticate_target']);
      } else if (one.name === 'mapped_lun') this.#mappedLun(path, one);
      else this.#unknown(one, `ACL ${node.value}`);
    }
  }

  #mappedLun(acl: DocumentPath, node: LioNode): void {
    const leaf = (key: string) => node.inside.findLast(({ name }) => name === key)?.value;
    const text = leaf('target_lun') ?? leaf('tpg_lun') ?? '';
    const from = this.#draft.at(node.line);
    if (!/^\d{1,9}$/.test(text)) {
      const what = `mapped LUN ${node.value} of ACL ${acl.at(-1)}`;
      return this.#draft.drop(what, from, 'target_lun is missing');
    }
    const mapped = { lun: Number(text), write_protect: isYes(leaf('write_protect')) };
    this.#draft.put([...acl, 'mapped_luns', node.value], mapped, from);
  }
}
