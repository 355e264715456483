/** `get` and `set`: the attributes of a node and the preferences of the user. */
import { isSecret, parse } from '../../objects/attribute.ts';
import type { AttributeBag, AttributeGroup, AttributeValue } from '../../objects/attribute.ts';
import { ConfigError } from '../../objects/errors.ts';
import type { TreeNode, View } from '../../objects/node.ts';
import { syntaxError } from '../arguments.ts';
import type { Builtin, Call, ShellContext } from '../builtin.ts';
import { keywordOf } from '../grammar.ts';
import type { Word } from '../grammar.ts';
import { attributeNamed, groupNamed, groupsOf, shown, typeWord, valueIn } from '../groups.ts';
import { withHint } from '../../util/near.ts';
import { pathOf } from '../../objects/tree.ts';
import { heading } from '../render.ts';
import { machineGet, printMachineGet } from './machine_get.ts';

const GROUP = {
  kind: 'text',
  lengthMax: 64,
  default: '',
  help: 'Name of a configuration group.',
} as const;

function readGroup(shell: ShellContext, view: View, node: TreeNode, group: string): AttributeBag {
  // Spread: `global` lives with the user, not in the document.
  if (group === 'global') return { ...shell.store.preferences };
  const stored = node.kind.read(view.document, node, group);
  return { ...stored, ...node.kind.live?.(view, node, group) };
}

function listGroups({ shell, node }: Call): void {
  const names = Object.keys(groupsOf(node)).join(' ');
  shell.console.display(`\n${heading('AVAILABLE CONFIGURATION GROUPS')}${names}`);
}

interface Request {
  readonly group: string | undefined;
  readonly rest: readonly Word[];
}

/** The group is the first positional word or `group=`. */
function splitGroup(words: readonly Word[]): Request {
  const [first, ...rest] = words;
  if (first === undefined) return { group: undefined, rest };
  const keyword = keywordOf(first);
  if (keyword === undefined) return { group: first.text, rest };
  if (keyword.name === 'group') return { group: keyword.value, rest };
  return { group: undefined, rest: words };
}

const get: Builtin = {
  help:
    'Shows the values of a configuration group.\n' +
    'Without a group, lists the groups of this node. With names of parameters after the group,\n' +
    'shows only those. Secrets are starred out; `show_secrets=true` shows them.\n' +
    'For scripts: `get PATH --json` and `get PATH --yaml`; the YAML can be edited and applied.\n' +
    '\n' +
    'Example: get global color_mode loglevel_console',
  params: { group: GROUP },
  rest: '[parameter...]',
  seeAlso: ['set'],
  run: (call) => {
    const { shell, node, view } = call;
    const machine = machineGet(call.words);
    if (machine !== undefined) return printMachineGet(call, machine);
    const { group: name, rest } = splitGroup(call.words);
    if (name === undefined) {
      const [extra] = rest;
      if (extra === undefined) return listGroups(call);
      throw new ConfigError(
        `Unexpected keyword parameter '${keywordOf(extra)?.name ?? extra.text}'.`,
      );
    }
    const group = groupNamed(node, name);
    const clear = wantsSecrets(rest);
    const wanted = rest.filter((word) => keywordOf(word) === undefined).map((word) => word.text);
    const bag = readGroup(shell, view, node, name);
    if (wanted.length === 0) return shell.console.display(groupBlock(name, group, bag, clear));
    const lines = wanted.map((typed) => {
      const found = attributeNamed(node, group, typed);
      if (found === undefined) {
        const message = `No parameter '${typed}' in group '${name}'.`;
        throw new ConfigError(withHint(message, typed, Object.keys(group)));
      }
      const { attribute } = found;
      const value = shown(attribute, valueIn(bag, found.name, attribute), clear);
      return `${typed}=${value} ${attribute.readonly === true ? '[ro]' : ''}`;
    });
    return shell.console.display(lines.join('\n'));
  },
};

function wantsSecrets(words: readonly Word[]): boolean {
  let clear = false;
  for (const word of words) {
    const keyword = keywordOf(word);
    if (keyword === undefined) continue;
    if (keyword.name !== 'show_secrets') {
      throw new ConfigError(`Unexpected keyword parameter '${keyword.name}'.`);
    }
    const flag = { kind: 'bool', style: 'truefalse', default: false, help: '' } as const;
    const parsed = parse(flag, keyword.value);
    if (!parsed.ok) throw new ConfigError(syntaxError(flag, keyword.value, parsed.reason));
    clear = parsed.value === true;
  }
  return clear;
}

function groupBlock(
  name: string,
  group: AttributeGroup,
  bag: AttributeBag,
  clear: boolean,
): string {
  const blocks = Object.keys(group)
    .sort(byName)
    .flatMap((key) => {
      const attribute = group[key];
      if (attribute === undefined) return [];
      const value = shown(attribute, valueIn(bag, key, attribute), clear);
      const line = `${key}=${value}${attribute.readonly === true ? ' [ro]' : ''}`;
      return [`${heading(line, '-')}${attribute.help}\n\n`];
    });
  return heading(`${name.toUpperCase()} CONFIG GROUP`) + blocks.join('');
}

const byName = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

function listWritable(name: string, group: AttributeGroup): string {
  const blocks = Object.keys(group)
    .sort(byName)
    .flatMap((key) => {
      const attribute = group[key];
      if (attribute === undefined || attribute.readonly === true) return [];
      return [`${heading(`${key}=${typeWord(attribute)}`, '-')}${attribute.help}\n\n`];
    });
  return heading(`${name.toUpperCase()} CONFIG GROUP`) + blocks.join('');
}

interface Wanted {
  readonly typed: string;
  readonly name: string;
  readonly value: AttributeValue;
}

/** `set auth password`: a secret without its value is asked for, and leaves no trace. */
async function withTypedSecrets(
  { shell, node }: Call,
  group: AttributeGroup,
  words: readonly Word[],
): Promise<readonly Word[]> {
  const complete: Word[] = [];
  for (const word of words) {
    const found = word.equals < 0 ? attributeNamed(node, group, word.text) : undefined;
    if (found === undefined || !isSecret(found.attribute)) {
      complete.push(word);
      continue;
    }
    if (shell.dialogs === undefined) {
      throw new ConfigError(
        `${word.text} has no value, and there is no terminal to type it in: ${word.text}=VALUE`,
      );
    }
    const value = await shell.dialogs.secret(`${word.text} (not shown)`);
    if (value !== (await shell.dialogs.secret('the same again'))) {
      throw new ConfigError('The two are not the same: nothing was changed');
    }
    complete.push({ ...word, text: `${word.text}=${value}`, equals: word.text.length });
  }
  return complete;
}

/** All values are read before the first is set: a command with one mistake changes nothing. */
function parseValues(
  node: TreeNode,
  name: string,
  group: AttributeGroup,
  words: readonly Word[],
): readonly Wanted[] {
  const wanted = new Map<string, Wanted>();
  for (const word of words) {
    const keyword = keywordOf(word);
    if (keyword === undefined) {
      const given = 1 + words.filter((w) => keywordOf(w) === undefined).length;
      const isMeant = attributeNamed(node, group, word.text) !== undefined;
      const hint = isMeant ? `: write ${word.text}=VALUE` : '.';
      throw new ConfigError(`Got ${given} positionnal parameters, expected at most 1${hint}`);
    }
    const found = attributeNamed(node, group, keyword.name);
    if (found === undefined) {
      const message = `Unknown parameter ${keyword.name} in group '${name}'.`;
      throw new ConfigError(withHint(message, keyword.name, Object.keys(group)));
    }
    if (found.attribute.readonly === true) {
      throw new ConfigError(`Parameter ${found.name} is read-only.`);
    }
    if (wanted.has(found.name)) throw new ConfigError(`Duplicate parameter ${keyword.name}.`);
    const parsed = parse(found.attribute, keyword.value);
    if (!parsed.ok) {
      const problem = syntaxError(found.attribute, keyword.value, parsed.reason);
      throw new ConfigError(`Not setting ${keyword.name}! ${problem}`);
    }
    wanted.set(found.name, { typed: keyword.name, name: found.name, value: parsed.value });
  }
  return [...wanted.values()];
}

/** `set write_protect=1`: the group that has it. */
function groupHint(node: TreeNode, word: Word): string {
  const name = keywordOf(word)?.name ?? '';
  const has = ([, group]: [string, AttributeGroup]) => attributeNamed(node, group, name);
  const found = Object.entries(groupsOf(node)).find(has)?.[0];
  return found === undefined ? '' : `: set ${found} ${name}=…`;
}

const set: Builtin = {
  help:
    'Changes values of a configuration group.\n' +
    'Either all values are set or, when one of them is not possible, none. The group `global`\n' +
    'holds the preferences of the user; the other groups depend on the node. With a group\n' +
    'alone, lists what can be set there.\n' +
    '\n' +
    'A secret without its value is typed without being shown: `set auth password`.\n' +
    '\n' +
    'Example: set global color_mode=true loglevel_console=info',
  params: { group: GROUP },
  rest: '[parameter=value...]',
  seeAlso: ['get'],
  run: async (call) => {
    const { shell, node } = call;
    const { group: name, rest } = splitGroup(call.words);
    if (name === undefined) {
      const [extra] = rest;
      if (extra === undefined) return listGroups(call);
      throw new ConfigError(`Missing required parameter group${groupHint(node, extra)}`);
    }
    const group = groupNamed(node, name);
    if (rest.length === 0) return shell.console.display(listWritable(name, group));
    const typed = await withTypedSecrets(call, group, rest);
    const wanted = parseValues(node, name, group, typed);
    const values = Object.fromEntries(wanted.map((one) => [one.name, one.value]));
    if (name === 'global') await setGlobal(shell, values);
    else {
      const outcome = await shell.change(pathOf(node), ({ view, node: now }) => ({
        document: now.kind.write(view.document, now, name, values),
        messages: [],
      }));
      shell.report(outcome);
    }
    await confirmValues(call, name, group, wanted);
    return undefined;
  },
};

/** The daemon reads those of its own user, which need not be this one. */
async function setGlobal(shell: ShellContext, values: AttributeBag): Promise<void> {
  shell.store.setPreferences(values);
  const wanted = values['busy_poll'];
  if (wanted === undefined) return;
  const { busy_poll: followed } = await shell.client.call('preferences', {});
  if (followed === wanted) return;
  const text = `the daemon follows its own user's preferences: busy_poll=${followed} there`;
  shell.console.say('warning', text);
}

/** Values are read back: what the user sees is what holds. */
async function confirmValues(
  { shell, node }: Call,
  name: string,
  group: AttributeGroup,
  wanted: readonly Wanted[],
): Promise<void> {
  const bag = readGroup(shell, await shell.mirror.view(), node, name);
  for (const { typed, name: key } of wanted) {
    const attribute = group[key];
    if (attribute === undefined) continue;
    const value = shown(attribute, valueIn(bag, key, attribute), false);
    shell.console.confirm(`Parameter ${typed} is now '${value}'.`);
    if (attribute.applies === 'next-login')
      shell.console.log('debug', `${key}: from the next login`);
    if (attribute.applies === 'next-start')
      shell.console.say('info', `${key} takes effect at the next start of the daemon`);
  }
}

export const SETTINGS = { get, set } as const;
