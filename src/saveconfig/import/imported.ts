/** What an import of a foreign configuration gives, and what a reader may ask of the outside. */
import type { BackstoreKind, Document } from '../../objects/document.ts';
import type { BackingInfo } from '../../objects/engine_port.ts';

export interface SourceText {
  /** As messages name it. */
  readonly file: string;
  readonly text: string;
}

/** Something of the source that this engine cannot take over, and why. */
export interface NotCarried {
  readonly what: string;
  readonly file: string;
  /** From 1; undefined when it concerns no line, as something that is missing. */
  readonly line: number | undefined;
  readonly why: string;
}

export interface Imported {
  /** Valid by itself. */
  readonly document: Document;
  /** One line per storage object and target, and what was assumed. */
  readonly carried: readonly string[];
  readonly notCarried: readonly NotCarried[];
}
/** `problem` is a whole sentence that names the file. */
export type ImportResult =
  | { readonly ok: true; readonly imported: Imported }
  | { readonly ok: false; readonly problem: string };

/** Readers are pure: all that they learn of the machine comes through here. */
export interface Surroundings {
  /** Other files of the configuration; `pattern` may hold `*` and `?` in its last part. */
  readonly files: (pattern: string) => readonly SourceText[];
  /** What stands at a path on the engine's machine; undefined when that is not known. */
  readonly backing: (path: string) => BackingInfo | undefined;
  /** A unit serial number for a storage object that has none. */
  readonly newWwn: (kind: BackstoreKind, name: string) => string;
}

export type FormatReader = (source: SourceText, around: Surroundings) => ImportResult;

export function refused(problem: string): ImportResult {
  return { ok: false, problem };
}
