/**
 * Node kinds: what the shell, the YAML writer and the engine know about one kind of object of the
 * tree. A kind is data and pure functions over the document; only `host` asks the machine.
 */
import type { Attribute, AttributeBag, AttributeGroup, AttributeValue } from './attribute.ts';
import type { Document, DocumentPath } from './document.ts';
import type { BackingInfo, RuntimeState } from './engine_port.ts';
import type { Preferences } from './preferences.ts';

/** Healthy (green), unhealthy (red), or neither (plain). */
export interface Summary {
  /** Without brackets; empty: the tree shows OK, ERROR or `...` by `healthy`. */
  readonly text: string;
  readonly healthy: boolean | null;
}

/** What a node is drawn from. */
export interface View {
  readonly document: Document;
  readonly runtime: RuntimeState;
}

/** One node of the tree as it stands in a document: cheap, made on demand. */
export interface TreeNode {
  readonly kind: NodeKind;
  /** Last part of the path: `tpg1`, `lun0`, `0.0.0.0:3260`; empty for the root. */
  readonly name: string;
  readonly parent: TreeNode | undefined;
  /** Where the node's value stands in the document; virtual folders point at their collection. */
  readonly at: DocumentPath;
  /** Further places that it stands for, alike and changed with it: a tagged group of node ACLs. */
  readonly also?: readonly DocumentPath[];
}

/** What a command asks of the machine on which the engine runs. */
export interface Host {
  probe(path: string): Promise<BackingInfo>;
  /** Local IP addresses, for warnings and completion. */
  addresses(): Promise<readonly string[]>;
  hostname(): string;
  /** The size of a block device, looked at anew: initiators are told of another one. */
  rescan(storageObject: string): Promise<number>;
}

export interface CommandContext {
  readonly node: TreeNode;
  readonly view: View;
  readonly preferences: Preferences;
  readonly host: Host;
}

export interface CommandOutcome {
  /** The wanted document; absent when nothing changes. */
  readonly document?: Document;
  /** Files to be made before the change is applied, and removed if it is refused. */
  readonly createFiles?: readonly { path: string; size: number; sparse: boolean }[];
  /** What cannot work now comes degraded and is told, instead of refusing all. */
  readonly tolerant?: true;
  /** What is degraded since a tolerant change, one line each. */
  readonly problems?: readonly string[];
  readonly messages: readonly Message[];
  /** A storage object, `fileio/disk1`, that the configuration file shall follow at once. */
  readonly save?: string;
  /** Path of the node that was created: bookmark `@last`, and auto_cd_after_create. */
  readonly created?: string;
}
export interface Message {
  readonly level: 'info' | 'warning';
  readonly text: string;
}

/** Completion candidates for one parameter, from live state. */
export type Suggest = (context: CommandContext) => Promise<readonly string[]> | readonly string[];

/** A parameter is an attribute: its default is what an omitted optional parameter means. */
export type Parameter = Attribute & {
  readonly required?: true;
  /** Given by its name only. */
  readonly keywordOnly?: true;
  /** Datera's or older spellings of the name, accepted as keywords. */
  readonly aliases?: readonly string[];
  readonly suggest?: Suggest;
  /** What a suggested word stands for, shown beside it. */
  readonly note?: (context: CommandContext, word: string) => string | undefined;
  /** A backup of the configuration, by number. */
  readonly backups?: true;
  /** Names in the file or backup that the other words name; else those of `suggest`. */
  readonly saved?: 'targets' | 'storage_objects';
  /** Candidates from the machine's file system. */
  readonly files?: 'any' | 'block';
};

/** Values by canonical name, parsed by their declaration; omitted optional ones are absent. */
export type Arguments = Readonly<Record<string, AttributeValue>>;

export interface CommandDeclaration {
  /** First line: one sentence. The rest: DESCRIPTION of `help COMMAND`. */
  readonly help: string;
  /** In positional order. */
  readonly params: Readonly<Record<string, Parameter>>;
  readonly run: (
    context: CommandContext,
    args: Arguments,
  ) => Promise<CommandOutcome> | CommandOutcome;
  readonly seeAlso?: readonly string[];
  /** May take disks from open sessions, or more than itself: `force` or a yes (`permission.ts`). */
  readonly dangerous?: true;
}

export interface NodeKind {
  readonly id: string;
  readonly help: string;
  /** The configuration groups of this node besides `global`. */
  readonly groups: (node: TreeNode) => Readonly<Record<string, AttributeGroup>>;
  /** The sparse values of a group as stored, or as they follow from other values. */
  readonly read: (document: Document, node: TreeNode, group: string) => AttributeBag;
  /** Values that the engine or other nodes know, laid over those of `read`. */
  readonly live?: (view: View, node: TreeNode, group: string) => AttributeBag;
  /** A document with those values changed; checks what one attribute cannot. Throws ConfigError. */
  readonly write: (
    document: Document,
    node: TreeNode,
    group: string,
    values: AttributeBag,
  ) => Document;
  /** What an attribute may be set to, from the document; beside the words of its declaration. */
  readonly words?: (document: Document, node: TreeNode, attribute: string) => readonly string[];
  /** Other spellings of attribute names: `userid_mutual`. */
  readonly attributeAliases?: Readonly<Record<string, string>>;
  readonly commands: Readonly<Record<string, CommandDeclaration>>;
  /** In the order of display. */
  readonly children: (document: Document, node: TreeNode) => readonly TreeNode[];
  /**
   * The child of that name or of one of its other spellings (`tpgt1`, `iblock`); O(1). Throws a
   * ConfigError for what LIO has and this engine has not (`pscsi`): it names what to use instead.
   */
  readonly child: (document: Document, node: TreeNode, name: string) => TreeNode | undefined;
  /** Children that only the running engine knows; shown after those of the document. */
  readonly liveChildren?: (view: View, node: TreeNode) => readonly TreeNode[];
  /** One of them by name; may know more names than are shown. */
  readonly liveChild?: (view: View, node: TreeNode, name: string) => TreeNode | undefined;
  readonly summary: (view: View, node: TreeNode) => Summary;
  /** Lines of `info`, as `key: value`. */
  readonly info?: (view: View, node: TreeNode) => readonly string[];
}
