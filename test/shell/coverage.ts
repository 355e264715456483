/** What of the declared kinds and commands the transcripts have exercised. */
import type { NodeKind, TreeNode } from '../../src/objects/node.ts';
import { commandAt } from '../../src/shell/command_line.ts';
import type { Command } from '../../src/shell/command_line.ts';
import { keywordOf } from '../../src/shell/grammar.ts';
import type { Word } from '../../src/shell/grammar.ts';
import type { Shell } from '../../src/shell/shell.ts';

/** Built-in commands that each kind shows itself with. */
const SHOWING = ['help', 'ls', 'status', 'get'] as const;

export class Coverage {
  readonly #done = new Set<string>();

  /** Notes each command that the shell runs from now on. */
  watch(shell: Shell): void {
    const run = shell.runCommand.bind(shell);
    shell.runCommand = async (command, node, view, words) => {
      const { id } = node.kind;
      const first = words[0]?.text ?? '';
      try {
        await run(command, node, view, words);
      } catch (error) {
        this.#done.add(`${id}: an error`).add(`${id}: an error of ${command.name}`);
        throw error;
      } finally {
        this.#noteParameters(id, command, words);
      }
      this.#done.add(`${id}: ${command.name}`).add(`${id}: ${command.name} ${first}`);
    };
  }

  #noteParameters(id: string, command: Command, words: readonly Word[]): void {
    if ('builtin' in command) return;
    const { params } = command.declared;
    const given = words.map(keywordOf).filter((keyword) => keyword !== undefined);
    for (const { name } of given) {
      if (Object.hasOwn(params, name)) this.#done.add(`${id}: ${command.name} ${name}=`);
    }
  }

  /** What should have been done at a node of that kind and was not. */
  missing(node: TreeNode, shell: Shell): readonly string[] {
    return wanted(node, shell).filter((what) => !this.#done.has(what));
  }
}

function groupsOf(kind: NodeKind, node: TreeNode): readonly string[] {
  return Object.entries(kind.groups(node)).flatMap(([group, table]) => {
    const writable = Object.values(table).some(({ readonly }) => readonly !== true);
    return writable ? [`get ${group}`, `set ${group}`] : [`get ${group}`];
  });
}

function commandsOf(kind: NodeKind): readonly string[] {
  return Object.entries(kind.commands).flatMap(([name, { params }]) => [
    name,
    `help ${name}`,
    ...(Object.keys(params).length > 0 ? [`an error of ${name}`] : []),
    ...Object.keys(params).map((parameter) => `${name} ${parameter}=`),
  ]);
}

function wanted(node: TreeNode, shell: Shell): readonly string[] {
  const { kind } = node;
  const info = commandAt(node, 'info', shell.builtins) === undefined ? [] : ['info'];
  return [...SHOWING, ...info, ...groupsOf(kind, node), ...commandsOf(kind), 'an error'].map(
    (what) => `${kind.id}: ${what}`,
  );
}
