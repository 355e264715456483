/** `get [PATH] [GROUP] --json|--yaml`: a node for scripts. */
import { ConfigError } from '../../objects/errors.ts';
import { placesOf } from '../../objects/kinds/kit.ts';
import { pathOf } from '../../objects/tree.ts';
import type { Call } from '../builtin.ts';
import type { Word } from '../grammar.ts';
import { groupsOf, groupNamed } from '../groups.ts';
import { groupValues, nodeJson } from '../machine_form.ts';
import { looksLikePath, resolvePath } from '../paths.ts';

export interface MachineGet {
  readonly form: 'json' | 'yaml';
  readonly secrets: boolean;
  readonly rest: readonly Word[];
}

const FORMS: Readonly<Record<string, 'json' | 'yaml' | 'secrets'>> = {
  '--json': 'json',
  'json=true': 'json',
  '--yaml': 'yaml',
  'yaml=true': 'yaml',
  '--show-secrets': 'secrets',
  'show_secrets=true': 'secrets',
};

/** What the words ask for; undefined when it is no form for scripts. */
export function machineGet(words: readonly Word[]): MachineGet | undefined {
  const asked = words.map(({ text }) => (Object.hasOwn(FORMS, text) ? FORMS[text] : undefined));
  const form = asked.find((word) => word === 'json' || word === 'yaml');
  if (form !== 'json' && form !== 'yaml') return undefined;
  const rest = words.filter((_, i) => asked[i] === undefined);
  return { form, secrets: asked.includes('secrets'), rest };
}

export async function printMachineGet(call: Call, wanted: MachineGet): Promise<void> {
  const { shell, view } = call;
  const [first, ...others] = wanted.rest;
  const isPath = first !== undefined && looksLikePath(first.text);
  const [node = call.node, second] = isPath
    ? resolvePath(first.text, shell.scope(view, call.node))
    : [];
  if (second !== undefined) throw new ConfigError(`${first?.text} matches several nodes`);
  const [group, surplus] = isPath ? others : wanted.rest;
  if (surplus !== undefined) {
    throw new ConfigError(`get --${wanted.form}: one path and one group at most`);
  }
  if (wanted.form === 'yaml') {
    if (group !== undefined) throw new ConfigError('get --yaml: a path alone, without a group');
    const { secrets } = wanted;
    const { candidate } = shell.mirror;
    const paths = [...placesOf(node)];
    const base = candidate === undefined ? {} : { base: candidate.document };
    const { text } = await shell.client.call('render', { paths, secrets, ...base });
    const head = candidate === undefined ? '' : '# candidate: not committed yet\n';
    return shell.console.display(head + text);
  }
  const staged = shell.mirror.candidate === undefined ? {} : { candidate: true };
  if (group === undefined) {
    const whole = nodeJson(view, node, wanted.secrets);
    return shell.console.json({ ...whole, ...staged });
  }
  const name = group.text;
  const attributes = groupNamed(node, name);
  const bag =
    name === 'global' || !Object.hasOwn(groupsOf(node), name)
      ? { ...shell.store.preferences }
      : { ...node.kind.read(view.document, node, name), ...node.kind.live?.(view, node, name) };
  const values = groupValues(attributes, bag, wanted.secrets);
  return shell.console.json({ path: pathOf(node), group: name, values, ...staged });
}
