/** A storage object's node: attributes, summary, info. */
import type { AttributeBag, AttributeValue } from '../attribute.ts';
import { STORAGE_ATTRIBUTES_OF } from '../declarations/storage.ts';
import { setIn, storageObjectOf } from '../document.ts';
import type { BackstoreKind, Document, StorageObject } from '../document.ts';
import { ConfigError } from '../errors.ts';
import { describeUses, usesOf } from '../lun_uses.ts';
import type { NodeKind, Summary, TreeNode, View } from '../node.ts';
import { storageProblems } from '../rules.ts';
import { formatSize } from '../../util/sizes.ts';
import { ALUA } from './alua_groups.ts';
import { makeNode, mergeBag, unknownGroup } from './kit.ts';

const pythonBool = (value: boolean) => (value ? 'True' : 'False');

export function storageNode(
  kind: NodeKind,
  backstore: BackstoreKind,
  folder: TreeNode,
  name: string,
): TreeNode {
  return makeNode(kind, folder, name, ['backstores', backstore, name]);
}

function objectAt(document: Document, backstore: BackstoreKind, name: string): StorageObject {
  const object = storageObjectOf(document, `${backstore}/${name}`);
  if (object === undefined) throw new ConfigError(`No storage object named ${name}.`);
  return object;
}

/** Why the engine cannot serve it, or undefined. */
export function notReady(view: View, reference: string): string | undefined {
  const health = Object.hasOwn(view.runtime.storageObjects, reference)
    ? view.runtime.storageObjects[reference]
    : undefined;
  return health === undefined || health.ok ? undefined : (health.reason ?? 'not ready');
}

/** `write-back` is stored beside the attributes: both show the same fact. */
function attributesOf(object: StorageObject): AttributeBag {
  if (!('write_back' in object)) return object.attributes;
  return { ...object.attributes, emulate_write_cache: object.write_back };
}

/** `while-unexported`: initiators have cached what these attributes say. */
function refuseWhileExported(
  document: Document,
  reference: string,
  backstore: BackstoreKind,
  before: AttributeBag,
  values: AttributeBag,
): void {
  const table = STORAGE_ATTRIBUTES_OF[backstore];
  for (const [name, value] of Object.entries(values)) {
    const attribute = table[name as keyof typeof table];
    if (!('applies' in attribute) || attribute.applies !== 'while-unexported') continue;
    if ((before[name] ?? attribute.default) === value) continue;
    const uses = usesOf(document, reference);
    if (uses.length === 0) continue;
    throw new ConfigError(
      `Cannot set attribute ${name}: ${reference} is exported as ${describeUses(uses)}; ` +
        'delete the LUN first',
    );
  }
}

function write(
  backstore: BackstoreKind,
  document: Document,
  node: TreeNode,
  group: string,
  values: AttributeBag,
): Document {
  if (group !== 'attribute') throw unknownGroup(group);
  const object = objectAt(document, backstore, node.name);
  const before = attributesOf(object);
  const merged = mergeBag(group, STORAGE_ATTRIBUTES_OF[backstore], before, values);
  refuseWhileExported(document, `${backstore}/${node.name}`, backstore, before, values);
  let wanted: StorageObject;
  if ('write_back' in object) {
    const attributes: Record<string, AttributeValue> = { ...merged };
    const write_back = attributes['emulate_write_cache'] === true;
    delete attributes['emulate_write_cache'];
    wanted = { ...object, write_back, attributes };
  } else wanted = { ...object, attributes: merged };
  const [problem] = storageProblems(backstore, wanted);
  if (problem !== undefined) throw new ConfigError(`Cannot set attribute: ${problem}`);
  return setIn(document, node.at, wanted);
}

function describe(view: View, reference: string, object: StorageObject): string {
  const activated = usesOf(view.document, reference).length > 0 ? 'activated' : 'deactivated';
  if ('path' in object) {
    const mode = object.write_back ? 'write-back' : 'write-thru';
    return `${object.path} (${formatSize(object.size)}) ${mode} ${activated}`;
  }
  if ('dev' in object) {
    const bytes = view.runtime.storageObjects[reference]?.size;
    const size = bytes === undefined ? '' : ` (${formatSize(bytes)})`;
    return `${object.dev}${size}${object.readonly ? ' ro' : ''} write-thru ${activated}`;
  }
  return `${object.nullio ? 'nullio ' : ''}(${formatSize(object.size)}) ${activated}`;
}

function summary(backstore: BackstoreKind, view: View, node: TreeNode): Summary {
  const reference = `${backstore}/${node.name}`;
  const object = storageObjectOf(view.document, reference);
  if (object === undefined) return { text: 'DELETED', healthy: false };
  const text = describe(view, reference, object);
  const reason = notReady(view, reference);
  if (reason === undefined) return { text, healthy: true };
  return { text: `${text}, NOT READY: ${reason}`, healthy: false };
}

function info(backstore: BackstoreKind, view: View, node: TreeNode): readonly string[] {
  const object = objectAt(view.document, backstore, node.name);
  const lines = [`name: ${node.name}`, `plugin: ${backstore}`, `wwn: ${object.wwn}`];
  if ('path' in object) {
    lines.push('aio: False', `dev: ${object.path}`, `size: ${object.size}`);
    lines.push(`write_back: ${pythonBool(object.write_back)}`);
  } else if ('dev' in object) {
    const size = view.runtime.storageObjects[`${backstore}/${node.name}`]?.size;
    lines.push(`dev: ${object.dev}`, `readonly: ${pythonBool(object.readonly)}`);
    if (size !== undefined) lines.push(`size: ${size}`);
    lines.push('write_back: False');
  } else {
    lines.push(`size: ${object.size}`);
    if (object.nullio) lines.push('nullio: True');
  }
  return lines.sort();
}

const HELP: Readonly<Record<BackstoreKind, string>> = {
  block: 'A storage object on a block device.',
  fileio: 'A storage object on a file.',
  ramdisk: 'A storage object in memory: its data is lost when the daemon stops.',
};

const aluaNode = (object: TreeNode) => makeNode(ALUA, object, 'alua', [...object.at, 'alua']);

export function storageObjectKind(
  backstore: BackstoreKind,
  commands: NodeKind['commands'],
): NodeKind {
  return {
    id: `${backstore}_object`,
    help: HELP[backstore],
    groups: () => ({ attribute: STORAGE_ATTRIBUTES_OF[backstore] }),
    read: (document, node, group) =>
      group === 'attribute' ? attributesOf(objectAt(document, backstore, node.name)) : {},
    write: (document, node, group, values) => write(backstore, document, node, group, values),
    commands,
    children: (_document, node) => [aluaNode(node)],
    child: (_document, node, name) => (name === 'alua' ? aluaNode(node) : undefined),
    summary: (view, node) => summary(backstore, view, node),
    info: (view, node) => info(backstore, view, node),
  };
}
