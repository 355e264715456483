/** Storage objects as LUN commands name them: by their path in the tree, or by a file or device. */
import { basename } from 'node:path';
import { own, setIn, storageObjectOf, type BackstoreKind, type Document } from '../document.ts';
import type { StorageObject } from '../document.ts';
import { ConfigError } from '../errors.ts';
import { formatSize } from '../../util/sizes.ts';
import type { CommandContext, Message } from '../node.ts';
import { storageNameProblem, storageObjects } from '../rules.ts';
import { backstoreOf } from './backstore_names.ts';
import { probeDevice } from './block.ts';
import { absolutePath, backingFor } from './fileio.ts';
import { info } from './kit.ts';
import { newWwn, objectOn } from './storage_folder.ts';

/** `/backstores/fileio/disk1`, of every storage object. */
export function storagePaths(document: Document): readonly string[] {
  return [...storageObjects(document)].map(([reference]) => `/backstores/${reference}`);
}

/** `fileio/disk1` for its path in any spelling; undefined when it names no storage object. */
function referenceAt(document: Document, text: string): string | undefined {
  const match = /^(?:\/?backstores\/+)?([^/]+)\/+([^/]+)\/?$/.exec(text);
  const backstore = backstoreOf(match?.[1] ?? '');
  if (backstore === undefined) return undefined;
  const reference = `${backstore}/${match?.[2]}`;
  return storageObjectOf(document, reference) === undefined ? undefined : reference;
}

export interface FoundBacking {
  readonly reference: string;
  /** With the storage object that was made for a file or device. */
  readonly document: Document;
  readonly messages: readonly Message[];
}

/** `disk1` for `/srv/disk1`, numbered when the name is taken. */
function freeName(document: Document, kind: BackstoreKind, path: string): string {
  const stem = basename(path).replace(/\s/g, '_');
  const problem = storageNameProblem(stem);
  if (problem !== undefined) throw new ConfigError(problem);
  const taken = document.backstores[kind];
  let name = stem;
  for (let n = 2; Object.hasOwn(taken, name); n += 1) name = `${stem}-${n}`;
  return name;
}

/** As targetcli does it: written through, and without its name as model. */
async function objectFor(
  context: CommandContext,
  path: string,
  isBlock: boolean,
): Promise<{ kind: BackstoreKind; object: StorageObject; messages: readonly Message[] }> {
  const wwn = newWwn(context.view.document, undefined);
  if (isBlock) {
    const { readonly } = await probeDevice(context, path);
    return { kind: 'block', object: { dev: path, readonly, wwn, attributes: {} }, messages: [] };
  }
  const { size, messages } = await backingFor(context, path, '');
  const object = { path, size, write_back: false, wwn, attributes: {} };
  return { kind: 'fileio', object, messages };
}

/** The storage object that `text` names; one is made for an existing file or block device. */
export async function resolveBacking(
  context: CommandContext,
  text: string,
  refusal: string,
): Promise<FoundBacking> {
  const { document } = context.view;
  const reference = referenceAt(document, text);
  if (reference !== undefined) return { reference, document, messages: [] };
  if (!/^[/~]/.test(text) || /^\/backstores(\/|$)/.test(text)) {
    throw new ConfigError(`${refusal}: ${text}`);
  }
  const path = absolutePath(text);
  const existing = objectOn(document, path);
  if (existing !== undefined) return { reference: existing, document, messages: [] };
  const found = await context.host.probe(path);
  if (!found.exists) throw new ConfigError(`${refusal}: ${path} does not exist`);
  const made = await objectFor(context, path, found.type === 'block');
  const name = freeName(document, made.kind, path);
  return {
    reference: `${made.kind}/${name}`,
    document: setIn(document, ['backstores', made.kind, name], made.object),
    messages: [...made.messages, info(`Created storage object ${name}.`)],
  };
}

/** Its size, beside its path; undefined for what is no storage object. */
export function sizeNote({ view }: CommandContext, path: string): string | undefined {
  const reference = path.replace('/backstores/', '');
  const object = storageObjectOf(view.document, reference);
  if (object === undefined) return undefined;
  const size = 'size' in object ? object.size : own(view.runtime.storageObjects, reference)?.size;
  return size === undefined ? undefined : formatSize(size);
}
