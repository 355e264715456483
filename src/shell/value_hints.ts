/** What may stand where a value is expected, in one line under the prompt. */
import { isSecret, syntaxOf, type Attribute } from '../objects/attribute.ts';
import type { Parameter } from '../objects/node.ts';
import { shown } from './groups.ts';

/** `login_timeout: 5..30 seconds; now 15, default 15`. */
export function attributeHint(name: string, attribute: Attribute, now: string): string {
  if (isSecret(attribute)) return `${name}: ${syntaxOf(attribute)}; without a value it is typed`;
  const standard = shown(attribute, attribute.default, false);
  const word = (value: string) => (value === '' ? '(empty)' : value);
  return `${name}: ${syntaxOf(attribute)}; now ${word(now)}, default ${word(standard)}`;
}

/** `size: a size, as 10G. Size of a new file.` */
export function parameterHint(name: string, parameter: Parameter): string {
  const [sentence = ''] = parameter.help.split('\n');
  const plain = parameter.kind === 'text' && parameter.form === undefined;
  return plain ? `${name}: ${sentence}` : `${name}: ${syntaxOf(parameter)}. ${sentence}`;
}
