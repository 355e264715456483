/** Storage objects for sources that name only a file or device: tgt, istgt, NetBSD. */
import { basename, resolve } from 'node:path';
import { STORAGE_ATTRIBUTES_OF } from '../../objects/declarations/storage.ts';
import type { BackstoreKind } from '../../objects/document.ts';
import { wwnProblem } from '../../objects/rules.ts';
import type { Draft, Origin } from './draft.ts';

export interface Backing {
  readonly path: string;
  /** Bytes; undefined: as large as the file or device is. */
  readonly size: number | undefined;
  readonly readonly: boolean;
  readonly writeBack: boolean;
  readonly wwn: string | undefined;
  readonly attributes: Readonly<Record<string, string>>;
}

/**
 * The reference of the storage object on that file or device, made when there is none yet;
 * undefined when that is impossible, which `what` then names.
 */
export function storageOn(
  draft: Draft,
  backing: Backing,
  what: string,
  from: Origin,
): string | undefined {
  if (!backing.path.startsWith('/')) {
    draft.drop(what, from, `${backing.path} is not an absolute path`);
    return undefined;
  }
  const path = resolve(backing.path);
  const present = draft.references.get(path);
  if (present !== undefined) {
    const readonlyAt = ['backstores', ...present.split('/'), 'readonly'];
    if (!backing.readonly && draft.get(readonlyAt) === true) draft.put(readonlyAt, false, from);
    return present;
  }
  const made = fieldsOf(draft, { ...backing, path });
  if ('why' in made) {
    draft.drop(what, from, made.why);
    return undefined;
  }
  const { kind, fields } = made;
  const name = draft.freeName(kind, basename(path).replace(/\.(img|raw|bin)$/, ''));
  const at = ['backstores', kind, name];
  const wwn = usableWwn(draft, backing.wwn, `serial number of ${kind}/${name}`, from);
  const given = wwn ?? draft.around.newWwn(kind, name);
  draft.put(at, { ...fields, wwn: given, attributes: {} }, from);
  for (const [key, value] of Object.entries(backing.attributes)) {
    draft.attribute(STORAGE_ATTRIBUTES_OF[kind], [...at, 'attributes', key], value, from);
  }
  const reference = `${kind}/${name}`;
  draft.references.set(path, reference);
  return reference;
}

function usableWwn(
  draft: Draft,
  wwn: string | undefined,
  what: string,
  from: Origin,
): string | undefined {
  if (wwn === undefined || wwn === '') return undefined;
  const problem = wwnProblem(wwn);
  if (problem === undefined) return wwn;
  draft.drop(what, from, problem.replace(/^wwn: /, ''));
  return undefined;
}

type Made =
  | { readonly kind: BackstoreKind; readonly fields: Readonly<Record<string, unknown>> }
  | { readonly why: string };

function fieldsOf(draft: Draft, { path, size, readonly, writeBack, attributes }: Backing): Made {
  const found = draft.around.backing(path);
  const there = found !== undefined && found.exists;
  const isDevice = there ? found.type === 'block' : path.startsWith('/dev/');
  if (isDevice) {
    return { kind: 'block', fields: { dev: path, readonly: readonly || found?.readonly === true } };
  }
  if (there && found.type !== 'file') return { why: `${path} is neither a file nor a disk` };
  const block = Number(attributes['block_size'] ?? 512) || 512;
  const bytes = size ?? (there ? found.size : undefined);
  if (bytes === undefined) return { why: `${path} is not on this machine and no size is written` };
  const usable = bytes - (bytes % block);
  if (usable <= 0) return { why: `${path} holds less than one block` };
  return { kind: 'fileio', fields: { path, size: usable, write_back: writeBack } };
}
