/** `why`: explains what an initiator may do, with the rules that the engine itself goes by. */
import { ConfigError } from '../../objects/errors.ts';
import { explainAccess, type Explanation, type Finding } from '../../objects/explain_access.ts';
import { printable } from '../../objects/kinds/sessions.ts';
import { nameKey, normaliseName } from '../../objects/names.ts';
import type { CommandContext, TreeNode, View } from '../../objects/node.ts';
import { JSON_FLAG, type Builtin } from '../builtin.ts';
import type { Painter } from '../style.ts';

/** TPGs explained at once; a name that is typed wrong must not scroll for minutes. */
const TPGS_SHOWN = 16;

/** Target and tag of every TPG at, below or above a node. */
function tpgsAround(view: View, node: TreeNode): readonly (readonly [string, string])[] {
  const [area, , target, , tag] = node.at;
  const all = Object.entries(view.document.iscsi.targets).flatMap(([name, { tpgs }]) =>
    Object.keys(tpgs).map((key) => [name, key] as const),
  );
  if (area !== 'iscsi' || target === undefined) return all;
  return all.filter(([name, key]) => name === target && (tag === undefined || key === tag));
}

/** Everybody who is known, was here or wanted to be. */
function knownInitiators({ node, view }: CommandContext): readonly string[] {
  const { targets } = view.document.iscsi;
  const named = tpgsAround(view, node).flatMap(([target, tag]) =>
    Object.keys(targets[target]?.tpgs[tag]?.acls ?? {}),
  );
  const { sessions, refusedLogins } = view.runtime;
  const seen = [...sessions, ...refusedLogins].map(({ initiator }) => nameKey(initiator));
  return [...new Set([...named, ...seen])].filter((name) => printable(name) === name);
}

const MARKS = { true: 'yes', false: 'NO ', null: '   ' } as const;

function line(finding: Finding, paint: Painter): string {
  const mark = MARKS[`${finding.ok}`];
  const color = finding.ok === null ? 'default' : finding.ok ? 'green' : 'red';
  const first = `  ${paint.color(color, mark)} ${finding.text}`;
  return finding.remedy === undefined ? first : `${first}\n        change it: ${finding.remedy}`;
}

function block({ path, findings, verdict }: Explanation, paint: Painter): string {
  const steps = findings.map((finding) => line(finding, paint));
  return [paint.bold(path), ...steps, `  ${paint.bold(verdict)}`].join('\n');
}

const why: Builtin = {
  help:
    'Explains what an initiator may do here, step by step.\n' +
    'Each step names the rule that lets the initiator through or stops it: whether the TPG\n' +
    'serves, node ACL or demo mode, CHAP, which LUNs it sees and why one is read only, and\n' +
    'whether it is logged in or was refused. At a TPG or target only that one is asked.\n' +
    '\n' +
    'Example: why iqn.1994-05.com.redhat:client1 lun=0',
  params: {
    initiator: {
      kind: 'text',
      lengthMax: 255,
      default: '',
      help: 'Name of the initiator.',
      required: true,
      suggest: knownInitiators,
    },
    lun: {
      kind: 'uint',
      min: 0,
      max: 65_535,
      default: 0,
      help: 'One LUN, as the initiator sees it.',
    },
    json: JSON_FLAG,
  },
  seeAlso: ['sessions', 'info'],
  run: ({ shell, node, view, args }) => {
    const typed = String(args['initiator']);
    const name = normaliseName(typed);
    const initiator = name.ok ? name.name : nameKey(typed);
    const tpgs = tpgsAround(view, node);
    if (tpgs.length === 0) throw new ConfigError('There is no TPG yet: /iscsi create makes one');
    const lun = args['lun'];
    const explanations = tpgs.slice(0, TPGS_SHOWN).flatMap(([target, tag]) => {
      const question = { target, tag, initiator, ...(lun !== undefined && { lun: Number(lun) }) };
      return explainAccess(view, question) ?? [];
    });
    const more = Math.max(0, tpgs.length - TPGS_SHOWN);
    if (args['json'] === true) return shell.console.json({ initiator, explanations, more });
    const shown = explanations.map((one) => block(one, shell.console.painter));
    if (more > 0) shown.push(`and ${more} more TPGs: ask at a target or TPG`);
    if (!name.ok) shown.unshift(`Note: ${printable(typed)} is no valid name: ${name.reason}`);
    return shell.console.display(shown.join('\n\n'));
  },
};

export const WHY = { why } as const;
