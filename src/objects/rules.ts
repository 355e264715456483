/** What one attribute's declaration cannot know: rules between the values of an object. */
import { effective } from './attribute.ts';
import { STORAGE_ATTRIBUTES_OF } from './declarations/storage.ts';
import type { BackstoreKind, Document, StorageObject, Tpg } from './document.ts';
import { sameValue } from './equal.ts';
import { formatSize } from '../util/sizes.ts';

/** RFC 7143 §4.2.5: a target portal group tag has 16 bits. */
export const TAG_MAX = 65_535;

/** LIO's word for an unset credential: it would be mistaken for one on the way to other tools. */
const UNSET_CREDENTIAL = 'NULL';

export function credentialProblem(value: unknown): string | undefined {
  return value === UNSET_CREDENTIAL ? `'${UNSET_CREDENTIAL}' is not a permitted value` : undefined;
}

/** Flat space addressing holds 14 bits (SAM-5 §4.7.7.3); longer forms are not served. */
export const LUN_MAX = 16_383;
/** LIO's own limit, named in its message. */
const LIO_LUN_MAX = 65_535;
const LUN_WHY = `LUNs above ${LUN_MAX} need extended addressing, which is not served`;

/** Why a LUN number is impossible; undefined when it is possible. */
export function lunNumberProblem(lun: number): string | undefined {
  if (!Number.isInteger(lun) || lun < 0 || lun > LIO_LUN_MAX) {
    return `LUN must be 0 to ${LUN_MAX}`;
  }
  return lun > LUN_MAX ? `LUN must be 0 to ${LUN_MAX}: ${LUN_WHY}` : undefined;
}

/** More would not be a disk but a typing error. */
const RAMDISK_MAX = 2 ** 40;

/** Why a size in bytes is impossible for a storage object. */
export function sizeProblem(
  kind: BackstoreKind,
  size: number,
  blockSize: number,
): string | undefined {
  if (!Number.isSafeInteger(size)) return `The size is too large (${size} bytes)`;
  if (size < blockSize) {
    return `Size ${size} is too small: at least one block of ${blockSize} bytes is needed`;
  }
  if (size % blockSize !== 0) {
    return `Size ${size} is not a multiple of the block size, ${blockSize} bytes`;
  }
  if (kind === 'ramdisk' && size > RAMDISK_MAX) {
    const most = formatSize(RAMDISK_MAX);
    return `The size is too large (${formatSize(size)}): a ramdisk has at most ${most}`;
  }
  return undefined;
}

/** What is wrong between the attributes of a storage object; empty when all is well. */
export function storageProblems(kind: BackstoreKind, object: StorageObject): readonly string[] {
  const table = STORAGE_ATTRIBUTES_OF[kind];
  const values = effective(table, object.attributes);
  const problems: string[] = [];
  for (const name of ['emulate_tpu', 'emulate_tpws'] as const) {
    const limits = values.max_unmap_lba_count === 0 || values.max_unmap_block_desc_count === 0;
    if (values[name] && limits) {
      problems.push(
        `${name}=1 needs max_unmap_lba_count and max_unmap_block_desc_count above 0: ` +
          'set them first',
      );
    }
  }
  if (kind === 'block' && values.emulate_write_cache) {
    problems.push('emulate_write_cache: a block device is always written through');
  }
  if (kind === 'fileio' && object.attributes.emulate_write_cache !== undefined) {
    problems.push('emulate_write_cache: for fileio this is the field write_back');
  }
  if ('size' in object) {
    const problem = sizeProblem(kind, object.size, values.block_size);
    if (problem !== undefined) problems.push(problem);
  }
  return problems;
}

/** Why text cannot be the tag of node ACLs. LIO keeps 64 bytes with the NUL. */
export function tagProblem(tag: string): string | undefined {
  // Every name of an initiator has a dot, and no tag has: the two never meet.
  if (tag.includes('.')) return "'.' not permitted in tag names.";
  if (/^[^\s\p{C}/*?@][^\s\p{C}/*?]*$/u.test(tag) && Buffer.byteLength(tag) <= 63) return undefined;
  return `${JSON.stringify(tag)} is no tag: 1 to 63 bytes without blanks, / * ? and a leading @`;
}

/**
 * The ACLs that differ from the first of their tag, each with that one: a group is one record for
 * several initiators, and what differs could not be shown as one node.
 */
export function strayMembers({ acls }: Pick<Tpg, 'acls'>): readonly (readonly [string, string])[] {
  const first = new Map<string, string>();
  const strays: (readonly [string, string])[] = [];
  for (const [name, acl] of Object.entries(acls)) {
    if (acl.tag === undefined) continue;
    const model = first.get(acl.tag);
    if (model === undefined) first.set(acl.tag, name);
    else if (!sameValue(acls[model], acl)) strays.push([name, model]);
  }
  return strays;
}

/** What is wrong between the values of a TPG. */
export function tpgProblems(tpg: Tpg): readonly string[] {
  const method = tpg.parameters.AuthMethod;
  if (tpg.attributes.authentication === true && method === 'None') {
    return ['AuthMethod=None contradicts authentication=1: nobody could log in'];
  }
  return [];
}

/** Why text cannot be the name of a storage object. */
export const storageNameProblem = (name: string): string | undefined =>
  nameProblem('A storage object', name);

/** Why text cannot be the name of a node of the tree; `what` as a sentence begins with it. */
export function nameProblem(what: string, name: string): string | undefined {
  if (name === '') return `${what} needs a name`;
  // eslint-disable-next-line no-control-regex -- control characters are exactly what is refused
  if (/[/\s\u0000-\u001f\u007f]/.test(name)) {
    const shown = JSON.stringify(name);
    return `${what}'s name cannot contain /, newline or spaces/tabs: ${shown}`;
  }
  if (name.length > 255) return `${what}'s name has at most 255 characters`;
  if (name === '.' || name === '..' || name === '*' || name === '__proto__' || name[0] === '@') {
    const whose = what.charAt(0).toLowerCase() + what.slice(1);
    return `${name} is not possible as the name of ${whose}: it means something else`;
  }
  return undefined;
}

/** Why text cannot be a wwn (unit serial number, SPC-4 §7.8.14). */
export function wwnProblem(wwn: string): string | undefined {
  if (/^[\u0021-\u007e]{1,254}$/.test(wwn)) return undefined;
  return 'wwn: 1 to 254 printable characters without blanks are expected, as a UUID has';
}

/** What the NAA identifier is made of: objects that agree in it would be one disk to initiators. */
export function wwnIdentity(wwn: string): string {
  return wwn
    .toLowerCase()
    .replace(/[^0-9a-f]/g, '')
    .padEnd(25, '0')
    .slice(0, 25);
}

/** The path of the file or device of a storage object; undefined for a ramdisk. */
export function backingOf(object: StorageObject): string | undefined {
  if ('path' in object) return object.path;
  return 'dev' in object ? object.dev : undefined;
}

/** What may change of a storage object without another medium. */
const CHANGEABLE = new Set(['attributes', 'alua', 'write_back', 'size']);

/** What stays the same as long as the medium does, whatever the object is called. */
export function mediumOf(kind: string, object: StorageObject): string {
  let text = kind;
  for (const [name, value] of Object.entries(object).sort()) {
    if (!CHANGEABLE.has(name)) text += `,${name}=${JSON.stringify(value)}`;
  }
  return text;
}

/** Every storage object with its reference, `fileio/disk1`. */
export function* storageObjects(
  document: Document,
): Generator<[reference: string, object: StorageObject]> {
  for (const kind of ['block', 'fileio', 'ramdisk'] as const) {
    for (const [name, object] of Object.entries<StorageObject>(document.backstores[kind])) {
      yield [`${kind}/${name}`, object];
    }
  }
}
