/** What TAB offers, from declarations and live state only. */
import { isSecret, nameOf, wordsOf } from '../objects/attribute.ts';
import type { Attribute } from '../objects/attribute.ts';
import type { CommandContext, Parameter } from '../objects/node.ts';
import { bindArguments, parameterNamed, positionalNames } from './arguments.ts';
import type { Params } from './arguments.ts';
import { topicsAt } from './builtins/help.ts';
import { sourceOf } from './builtins/transactions.ts';
import { commandAt, commandsAt } from './command_line.ts';
import type { Command, LineScope } from './command_line.ts';
import { commandsOf, keywordOf } from './grammar.ts';
import type { Word } from './grammar.ts';
import { attributeNamed, groupsOf, shown, valueIn } from './groups.ts';
import { inQuote, wordsBefore } from './open_quote.ts';
import { looksLikePath, resolvePath } from './paths.ts';
import { savedNames } from './saved_names.ts';
import { compareNames } from '../objects/kinds/kit.ts';
import { viewChildren } from '../objects/tree.ts';
import { formatSize } from '../util/sizes.ts';
import type { Shell } from './shell.ts';
import { attributeHint, parameterHint } from './value_hints.ts';

export type CandidateKind = 'path' | 'command' | 'parameter' | 'keyword';

export interface Candidate {
  /** What replaces the text from `start` to the cursor. */
  readonly text: string;
  readonly kind: CandidateKind;
  /** A blank follows when it is the only one; paths and `name=` go on. */
  readonly final: boolean;
  /** Shown behind it in the list: a size, an initiator. */
  readonly note?: string;
}

export interface Completion {
  /** Column from which the candidates replace the line. */
  readonly start: number;
  readonly candidates: readonly Candidate[];
  /** What may stand here, for values that are no list of words. */
  readonly hint?: string;
}

const CANDIDATES_MAX = 2000;

/** Everything that fits what stands before the cursor; nothing for a line that cannot be read. */
export async function complete(shell: Shell, beforeCursor: string): Promise<Completion> {
  const nothing = { start: beforeCursor.length, candidates: [] };
  try {
    const { words: line, quote } = wordsBefore(beforeCursor);
    const ended = quote === undefined && /;\s*$/.test(beforeCursor);
    const words = ended ? [] : (commandsOf(line, beforeCursor).at(-1) ?? []);
    // In a comment there is nothing to complete.
    if (/(^|\s)#/.test(beforeCursor.slice(line.at(-1)?.end ?? 0))) return nothing;
    const last = words.at(-1);
    const open = last !== undefined && last.end >= beforeCursor.length;
    const current: Word = open
      ? last
      : {
          text: '',
          start: beforeCursor.length,
          end: beforeCursor.length,
          quoted: false,
          equals: -1,
        };
    const all = await new Completer(shell).offer(open ? words.slice(0, -1) : words, current);
    const offered = { ...all, candidates: all.candidates.slice(0, CANDIDATES_MAX) };
    if (quote !== undefined) return inQuote(offered, quote);
    const escaped = offered.candidates.map((one) => ({ ...one, text: escapeWord(one.text) }));
    return { ...offered, candidates: escaped };
  } catch {
    // A path that does not exist, a daemon that is gone: TAB has nothing to say.
    return nothing;
  }
}

/** Blanks, quotes and a leading `#` get a backslash, so that the word stays one. */
function escapeWord(text: string): string {
  return text.replace(/[\s"'\\;]/g, '\\$&').replace(/^#/, '\\#');
}

const byText = (a: Candidate, b: Candidate) => compareNames(a.text, b.text);
const sortedWords = (words: Iterable<string>, kind: CandidateKind, final: boolean): Candidate[] =>
  [...new Set(words)].map((text) => ({ text, kind, final })).sort(byText);

/** What stands before the word: of a command's parameters. */
interface Given {
  readonly params: Params;
  readonly given: readonly Word[];
}

class Completer {
  readonly #shell: Shell;

  constructor(shell: Shell) {
    this.#shell = shell;
  }

  async offer(before: readonly Word[], current: Word): Promise<Completion> {
    const context = await this.#shell.context('/');
    const here = this.#shell.hereIn(context.view);
    const scope = this.#shell.lineScope(context.view, here);
    const [first, second] = before;
    if (first === undefined) return this.#matching(current, this.#firstWord(current.text, scope));
    const { builtins } = scope;
    const isCommand =
      !looksLikePath(first.text) && commandAt(here, first.text, builtins) !== undefined;
    const node = isCommand ? here : resolvePath(first.text, scope)[0];
    if (node === undefined) return { start: current.start, candidates: [] };
    if (!isCommand && second === undefined) {
      return this.#matching(current, sortedWords(commandsAt(node, builtins), 'command', true));
    }
    const name = isCommand ? first.text : (second?.text ?? '');
    const command = commandAt(node, name, builtins);
    if (command === undefined) return { start: current.start, candidates: [] };
    const given = before.slice(isCommand ? 1 : 2);
    return this.#argument(command, { ...context, node }, scope, given, current);
  }

  #matching(current: Word, candidates: readonly Candidate[]): Completion {
    const fitting = candidates.filter((one) => one.text.startsWith(current.text));
    return { start: current.start, candidates: fitting };
  }

  /** Paths, then commands. */
  #firstWord(typed: string, scope: LineScope): readonly Candidate[] {
    const commands = looksLikePath(typed)
      ? []
      : sortedWords(commandsAt(scope.here, scope.builtins), 'command', true);
    const top: Candidate[] = typed === '' ? [{ text: '/', kind: 'path', final: false }] : [];
    return [...top, ...this.#paths(typed, scope, true), ...commands];
  }

  #paths(typed: string, scope: LineScope, globs: boolean): readonly Candidate[] {
    const slash = typed.lastIndexOf('/');
    if (slash < 0 && typed.startsWith('@')) return this.#bookmarks();
    const base = typed.slice(0, slash + 1);
    const [parent] = base === '' ? [scope.here] : resolvePath(base, scope, false);
    if (parent === undefined) return [];
    const children = viewChildren(scope.view, parent);
    const candidates = children.map((child): Candidate => {
      const leaf = viewChildren(scope.view, child).length === 0;
      const text = base + child.name + (leaf ? '' : '/');
      return { text, kind: 'path', final: leaf };
    });
    const star: Candidate = { text: `${base}*`, kind: 'path', final: true };
    const marks = typed === '' ? this.#bookmarks() : [];
    return [
      ...(globs && typed === base && children.length > 1 ? [star] : []),
      ...marks,
      ...candidates,
    ];
  }

  #bookmarks(): readonly Candidate[] {
    const names = Object.keys(this.#shell.store.bookmarks).map((name) => `@${name}`);
    return sortedWords(names, 'path', true);
  }

  async #argument(
    command: Command,
    context: CommandContext,
    scope: LineScope,
    given: readonly Word[],
    current: Word,
  ): Promise<Completion> {
    const { node } = context;
    const at = { ...scope, here: node };
    switch ('builtin' in command ? command.name : '') {
      case 'cd': {
        if (given.length > 0) break;
        const steps = sortedWords(['<', '>'], 'path', true);
        return this.#matching(current, [...this.#paths(current.text, at, false), ...steps]);
      }
      case 'ls':
        if (given.length > 0) break;
        return this.#matching(current, this.#paths(current.text, at, true));
      case 'get':
      case 'set':
        return this.#setting(command.name === 'set', context, given, current);
      case 'help':
        if (given.length > 0) break;
        return this.#matching(
          current,
          sortedWords(topicsAt(node, scope.builtins), 'parameter', true),
        );
      case 'bookmarks':
        if (given.length !== 1 || given[0]?.text === 'add') break;
        return this.#matching(
          current,
          sortedWords(Object.keys(this.#shell.store.bookmarks), 'parameter', true),
        );
    }
    const params = 'builtin' in command ? command.builtin.params : command.declared.params;
    return this.#parameter(params, context, given, current);
  }

  /** Groups, then names, then values. */
  #setting(
    writing: boolean,
    { node, view }: CommandContext,
    given: readonly Word[],
    current: Word,
  ): Completion {
    const [groupWord, ...rest] = given;
    const groups = groupsOf(node);
    if (groupWord === undefined) {
      return this.#matching(current, sortedWords(Object.keys(groups), 'parameter', true));
    }
    const group = groups[groupWord.text];
    if (group === undefined) return { start: current.start, candidates: [] };
    const keyword = keywordOf(current);
    if (keyword !== undefined) {
      const found = attributeNamed(node, group, keyword.name);
      if (found === undefined || !writing) return valueCompletion(current, keyword, []);
      const { name, attribute } = found;
      const live = node.kind.words?.(view.document, node, name) ?? [];
      const words = sortedWords([...valueWords(attribute), ...live], 'parameter', true).map(
        (word) => ({ ...word, ...noted(nameOf(attribute, Number(word.text))) }),
      );
      const bag =
        groupWord.text === 'global'
          ? { ...this.#shell.store.preferences }
          : node.kind.read(view.document, node, groupWord.text);
      const now = shown(attribute, valueIn(bag, name, attribute), false);
      const hint = attributeHint(keyword.name, attribute, now);
      return { ...valueCompletion(current, keyword, words), hint };
    }
    const taken = new Set(
      rest.map((word) => {
        const typed = keywordOf(word)?.name ?? word.text;
        return attributeNamed(node, group, typed)?.name ?? typed;
      }),
    );
    const names = Object.entries(group)
      .filter(([name, attribute]) => !taken.has(name) && !(writing && attribute.readonly === true))
      .map(([name]) => (writing ? `${name}=` : name));
    if (!writing && Object.values(group).some(isSecret)) names.push('show_secrets=true');
    return this.#matching(current, sortedWords(names, writing ? 'keyword' : 'parameter', !writing));
  }

  /** Values of the parameter that is next, then `name=` of all not given. */
  async #parameter(
    params: Params,
    context: CommandContext,
    given: readonly Word[],
    current: Word,
  ): Promise<Completion> {
    const taken = new Set<string>();
    let positional = 0;
    for (const word of given) {
      const keyword = keywordOf(word);
      const name = keyword === undefined ? undefined : parameterNamed(params, keyword.name);
      if (name !== undefined) taken.add(name);
      else if (keyword === undefined) positional += 1;
    }
    const places = positionalNames(params).filter((name) => !taken.has(name));
    const passed = new Set(places.slice(0, positional));
    const free = Object.keys(params).filter((name) => !taken.has(name) && !passed.has(name));
    const keyword = keywordOf(current);
    if (keyword !== undefined) {
      const parameter = params[parameterNamed(params, keyword.name) ?? ''];
      if (parameter === undefined) return valueCompletion(current, keyword, []);
      const values = await this.#values(parameter, context, keyword.value, { params, given });
      const hint = parameterHint(keyword.name, parameter);
      return { ...valueCompletion(current, keyword, values), hint };
    }
    if (current.text.startsWith('--')) {
      const options = free.map((name) => `--${name.replaceAll('_', '-')}`);
      return this.#matching(current, sortedWords(options, 'keyword', true));
    }
    const nextName = places[positional] ?? '';
    const next = params[nextName];
    const before = { params, given };
    const values =
      next === undefined ? [] : await this.#values(next, context, current.text, before);
    const keywords = sortedWords(
      free.map((name) => `${name}=`),
      'keyword',
      false,
    );
    const offered = this.#matching(current, [...values, ...keywords]);
    return next === undefined ? offered : { ...offered, hint: parameterHint(nextName, next) };
  }

  async #values(
    parameter: Parameter,
    context: CommandContext,
    typed: string,
    before: Given,
  ): Promise<readonly Candidate[]> {
    const saved = await this.#saved(parameter, context, before);
    const suggested = saved ?? (await parameter.suggest?.(context)) ?? [];
    const words = sortedWords([...suggested, ...valueWords(parameter)], 'parameter', true).map(
      (word): Candidate => ({ ...word, ...noted(parameter.note?.(context, word.text)) }),
    );
    if (parameter.backups === true) return [...words, ...(await this.#backups())];
    const files = parameter.files === undefined ? [] : await this.#files(typed, parameter.files);
    return [...words, ...files];
  }

  async #saved({ saved }: Parameter, { view }: CommandContext, { params, given }: Given) {
    if (saved === undefined) return undefined;
    const source = sourceOf({ args: bindArguments(params, given) });
    return savedNames(this.#shell.client, view.document, source, saved);
  }

  /** The newest first, each with the time when it was made. */
  async #backups(): Promise<readonly Candidate[]> {
    const { backups } = await this.#shell.client.call('backups', {});
    return backups.map(({ number, time }) => ({
      text: String(number),
      kind: 'parameter',
      final: true,
      note: time,
    }));
  }

  /** Names on the daemon's machine; folders end in `/`. */
  async #files(typed: string, only: 'any' | 'block'): Promise<readonly Candidate[]> {
    if (!typed.startsWith('/')) return [];
    const slash = typed.lastIndexOf('/') + 1;
    const folder = typed.slice(0, slash);
    const prefix = typed.slice(slash);
    const listed = await this.#shell.client.call('list', { folder, only, prefix });
    return listed
      .map(({ name, bytes }): Candidate => ({
        text: folder + name,
        kind: 'parameter',
        final: !name.endsWith('/'),
        ...noted(bytes === undefined ? undefined : formatSize(bytes)),
      }))
      .sort((a, b) => Number(b.final) - Number(a.final) || byText(a, b));
  }
}

const noted = (note: string | undefined) => (note === undefined ? {} : { note });

function valueWords(attribute: Attribute): readonly string[] {
  return wordsOf(attribute);
}

/** Candidates for what follows `name=`. */
function valueCompletion(
  current: Word,
  keyword: { readonly name: string; readonly value: string },
  values: readonly Candidate[],
): Completion {
  const fitting = values.filter((one) => one.text.startsWith(keyword.value));
  return { start: current.start + keyword.name.length + 1, candidates: fitting };
}

/** The longest text that all candidates begin with. */
export function commonPrefix(texts: readonly string[]): string {
  let prefix = texts[0] ?? '';
  for (const text of texts) while (!text.startsWith(prefix)) prefix = prefix.slice(0, -1);
  return prefix;
}
