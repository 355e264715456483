/**
 * The plan of `quickstart`: a disk, a target, a LUN, a portal and who may use it, made by the
 * commands of the tree on one candidate document, so that all of it is committed or nothing.
 */
import { randomInt } from 'node:crypto';
import { ConfigError } from '../objects/errors.ts';
import type { Document } from '../objects/document.ts';
import type { CommandContext, CommandOutcome, Message, TreeNode } from '../objects/node.ts';
import { bindArguments } from './arguments.ts';
import { wordsOfArgv } from './grammar.ts';
import { resolvePath } from './paths.ts';

export interface Answers {
  readonly name: string;
  readonly path: string;
  /** Empty: the path exists and keeps its size. */
  readonly size: string;
  readonly address: string;
  readonly port: number;
  readonly mode: 'demo' | 'acl';
  /** With `acl`. */
  readonly initiator: string;
  readonly mutual: boolean;
}

export interface Credentials {
  readonly userid: string;
  readonly password: string;
  readonly mutualUserid: string;
  readonly mutualPassword: string;
}

export interface Planned {
  readonly outcome: CommandOutcome;
  readonly target: string;
  readonly credentials: Credentials | undefined;
}

const ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789';
const SECRET_LENGTH = 16;

/** 16 characters of 56: 92 bits, and within the 12 to 16 that Windows takes. */
export function randomSecret(): string {
  return Array.from({ length: SECRET_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
}

/** Runs commands one after the other, each on the document that the one before left. */
class Candidate {
  readonly #context: CommandContext;
  readonly #root: TreeNode;
  readonly messages: Message[] = [];
  readonly createFiles: { path: string; size: number; sparse: boolean }[] = [];
  document: Document;

  constructor(context: CommandContext, root: TreeNode) {
    this.#context = context;
    this.#root = root;
    this.document = context.view.document;
  }

  node(path: string): TreeNode {
    const scope = {
      view: { ...this.#context.view, document: this.document },
      root: this.#root,
      here: this.#root,
      bookmark: () => undefined,
      bookmarks: () => [],
    };
    const [node] = resolvePath(path, scope, false);
    if (node === undefined) throw new ConfigError(`No such path ${path}`);
    return node;
  }

  async run(path: string, command: string, words: readonly string[]): Promise<string | undefined> {
    const node = this.node(path);
    const declared = node.kind.commands[command];
    if (declared === undefined) throw new ConfigError(`Command not found ${command}`);
    const view = { ...this.#context.view, document: this.document };
    // The plan says itself which portal and mappings there are.
    const preferences = {
      ...this.#context.preferences,
      auto_add_default_portal: false,
      auto_enable_tpgt: true,
      auto_add_mapped_luns: true,
    };
    const args = bindArguments(declared.params, wordsOfArgv(words));
    const outcome = await declared.run({ ...this.#context, node, view, preferences }, args);
    this.document = outcome.document ?? this.document;
    this.messages.push(...outcome.messages);
    this.createFiles.push(...(outcome.createFiles ?? []));
    return outcome.created;
  }

  set(path: string, group: string, values: Readonly<Record<string, string | boolean>>): void {
    const node = this.node(path);
    this.document = node.kind.write(this.document, node, group, values);
  }
}

export async function planQuickstart(
  context: CommandContext,
  root: TreeNode,
  answers: Answers,
): Promise<Planned> {
  const candidate = new Candidate(context, root);
  const disk = await createDisk(candidate, context, answers);
  const created = await candidate.run('/iscsi', 'create', []);
  const target = created?.split('/')[2];
  if (target === undefined) throw new ConfigError('The new target has no name');
  const tpg = `/iscsi/${target}/tpg1`;
  await candidate.run(`${tpg}/luns`, 'create', [disk]);
  await candidate.run(`${tpg}/portals`, 'create', [
    `ip_address=${answers.address}`,
    `ip_port=${answers.port}`,
  ]);
  const credentials = await grantAccess(candidate, tpg, target, answers);
  const { document, messages, createFiles } = candidate;
  return { outcome: { document, messages, createFiles, created: tpg }, target, credentials };
}

async function createDisk(
  candidate: Candidate,
  context: CommandContext,
  { name, path, size }: Answers,
): Promise<string> {
  const backing = await context.host.probe(path);
  if (backing.type === 'block') {
    await candidate.run('/backstores/block', 'create', [`name=${name}`, `dev=${path}`]);
    return `/backstores/block/${name}`;
  }
  if (size === '' && !backing.exists) {
    throw new ConfigError(`${path} does not exist: give size= to make a new file there`);
  }
  if (size !== '' && backing.exists) {
    throw new ConfigError(`${path} exists already: leave out size= to serve it as it is`);
  }
  const sized = size === '' ? [] : [`size=${size}`];
  const words = [`name=${name}`, `file_or_dev=${path}`, ...sized];
  await candidate.run('/backstores/fileio', 'create', words);
  return `/backstores/fileio/${name}`;
}

async function grantAccess(
  candidate: Candidate,
  tpg: string,
  target: string,
  { mode, initiator, mutual }: Answers,
): Promise<Credentials | undefined> {
  if (mode === 'demo') {
    candidate.set(tpg, 'attribute', {
      authentication: false,
      generate_node_acls: true,
      demo_mode_write_protect: false,
      cache_dynamic_acls: true,
    });
    return undefined;
  }
  const acl = await candidate.run(`${tpg}/acls`, 'create', [initiator]);
  const wwn = acl?.split('/').at(-1) ?? initiator;
  const credentials = {
    userid: wwn,
    password: randomSecret(),
    mutualUserid: mutual ? target : '',
    mutualPassword: mutual ? randomSecret() : '',
  };
  candidate.set(tpg, 'attribute', { authentication: true, generate_node_acls: false });
  candidate.set(`${tpg}/acls/${wwn}`, 'auth', {
    userid: credentials.userid,
    password: credentials.password,
    ...(mutual && {
      mutual_userid: credentials.mutualUserid,
      mutual_password: credentials.mutualPassword,
    }),
  });
  return credentials;
}
