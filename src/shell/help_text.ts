/** The pages of `help`, made of the declarations. */
import { format, isSecret, syntaxOf, wordsOf } from '../objects/attribute.ts';
import type { Attribute, UintAttribute } from '../objects/attribute.ts';
import type { Parameter } from '../objects/node.ts';
import type { Params } from './arguments.ts';
import { typeWord } from './groups.ts';
import { heading } from './render.ts';

const INTRODUCTION = `
GENERALITIES
============
Everything this storage target serves stands in one tree: storage
objects below \`/backstores\`, targets with their disks, initiators
and portals below \`/iscsi\`. Commands create, change and remove
nodes of that tree, and take effect at once.

Each node has its own commands; those below are the ones of this
node. The prompt shows where you are, \`pwd\` in full. \`cd\` and a
path alone take you elsewhere, \`ls\` shows the tree.

COMMAND SYNTAX
==============
A line is one command:

[PATH] COMMAND [VALUE...] [NAME=VALUE...]

PATH runs the command at another node without going there; \`*\` and
\`?\` in it run it at every match. Values may be given by position
or by name. Quotes keep blanks together; \`#\` starts a comment.

\`help COMMAND\` explains a command, \`help GROUP\` and
\`help PARAMETER\` what can be set here. TAB completes.


AVAILABLE COMMANDS
==================
The following commands are available in the
current path:

`;

/** ` name param [opt] `: required parameters bare, optional ones in brackets. */
export function usage(name: string, params: Params, rest: string | undefined): string {
  const words = Object.entries(params).map(([key, parameter]) =>
    parameter.required === true ? key : `[${key}]`,
  );
  return [name, ...words, ...(rest === undefined ? [] : [rest])].map((word) => `${word} `).join('');
}

export function overview(usages: readonly string[]): string {
  return INTRODUCTION + usages.map((line) => `  - ${line}\n`).join('');
}

export interface CommandHelp {
  readonly name: string;
  readonly help: string;
  readonly params: Params;
  readonly rest: string | undefined;
  readonly seeAlso: readonly string[];
}

export function commandPage(command: CommandHelp): string {
  const { params } = command;
  const parts = [`\n${heading('SYNTAX')}${usage(command.name, params, command.rest)}\n`];
  const defaults = Object.entries(params).filter(([, parameter]) => hasDefault(parameter));
  if (defaults.length > 0) {
    const words = defaults.map(
      ([key, parameter]) => `${key}=${format(parameter, parameter.default)} `,
    );
    parts.push(`\n${heading('DEFAULT VALUES')}${words.join('')}\n`);
  }
  parts.push(`\n\n${heading('DESCRIPTION')}\n${command.help}\n`);
  if (Object.keys(params).length > 0) {
    const blocks = Object.entries(params).map(
      ([key, parameter]) =>
        `\n${heading(key, '-')}${parameter.help}\n${syntaxLine(parameter)}${aliasLine(parameter)}`,
    );
    parts.push(`\n${heading('PARAMETERS')}${blocks.join('')}`);
  }
  if (command.seeAlso.length > 0) {
    parts.push(`\n${heading('SEE ALSO')}${command.seeAlso.join(' ')}\n`);
  }
  return parts.join('');
}

function hasDefault(parameter: Parameter): boolean {
  return parameter.required !== true && parameter.default !== '';
}

function syntaxLine(attribute: Attribute): string {
  const plainText = attribute.kind === 'text' && attribute.form === undefined;
  return plainText ? '' : `Value: ${syntaxOf(attribute)}\n`;
}

function aliasLine(parameter: Parameter): string {
  const { aliases = [] } = parameter;
  return aliases.length === 0 ? '' : `Also known as: ${aliases.join(', ')}\n`;
}

const APPLIES = {
  now: 'at once',
  'next-login': 'from the next login of each initiator',
  'next-start': 'at the next start of the daemon',
  'while-unexported': 'can be changed only while no LUN exports the storage object',
} as const;

/** A value that can be set; a secret is better typed than written. */
function exampleValue(attribute: Attribute): string {
  if (isSecret(attribute)) return '';
  const words = wordsOf(attribute);
  const other = words.find((word) => word !== format(attribute, attribute.default));
  const only = attribute.kind === 'bool' && attribute.only !== undefined;
  if (other !== undefined && !only) return `=${other}`;
  const initial = format(attribute, attribute.default);
  return `=${initial === '' ? 'TEXT' : /\s/.test(initial) ? `"${initial}"` : initial}`;
}

/** `2 standby, …`, of the values that are possible. */
function namesIn({ names = {}, oneOf = [] }: UintAttribute): string {
  const named = oneOf.filter((value) => names[value] !== undefined);
  return named.map((value) => `${value} ${names[value]}`).join(', ');
}

export function attributePage(
  group: string,
  name: string,
  attribute: Attribute,
  where: { readonly now: string } | { readonly path: string },
): string {
  const initial = format(attribute, attribute.default);
  const rows: [string, string][] = [
    ['Group', group],
    ['Type', isSecret(attribute) ? 'secret text' : typeWord(attribute)],
    ['Values', syntaxOf(attribute)],
    ['Default', initial === '' ? 'none' : initial],
    'path' in where ? ['Where', where.path] : ['Now', where.now === '' ? 'none' : where.now],
    ['Takes effect', APPLIES[attribute.applies ?? 'now']],
  ];
  if (attribute.kind === 'uint' && attribute.unit !== undefined)
    rows.push(['Unit', attribute.unit]);
  const names = attribute.kind === 'uint' ? namesIn(attribute) : '';
  if (names !== '') rows.push(['By name', names]);
  if (attribute.readonly === true) rows.push(['Access', 'read only']);
  else {
    const at = 'path' in where ? `${where.path} ` : '';
    rows.push(['Example', `${at}set ${group} ${name}${exampleValue(attribute)}`]);
  }
  if (attribute.spec !== undefined) rows.push(['Defined in', attribute.spec]);
  if (attribute.why !== undefined) rows.push(['Restricted', attribute.why]);
  const lines = rows.map(([key, value]) => `${`${key}:`.padEnd(14)}${value}\n`).join('');
  return `\n${heading(name)}${attribute.help}\n\n${lines}`;
}
