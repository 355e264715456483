/**
 * What other shells read as a pipe, a redirection or a list. targetcli dropped it and all that
 * followed; here nothing runs, and the message says how to get the same.
 */

export interface Operator {
  /** Index in the word. */
  readonly at: number;
  readonly reason: string;
}

const PIPE =
  'There are no pipes here: find TEXT searches the tree, ' +
  "and lunsmith -c 'ls' | grep TEXT works in the system's shell; a name with | needs quotes";
const REDIRECTION =
  'There is no redirection here: saveconfig FILE and export FILE write files, ' +
  "and lunsmith -c 'dump' > FILE works in the system's shell; a name with < or > needs quotes";
const LIST = 'has no meaning here: commands are parted by ;';

/** The operator in a bare word; `before` is the word in front of it. */
export function operatorIn(text: string, before: string | undefined): Operator | undefined {
  const list = /^(&|;;)$|&&|&$/.exec(text);
  const pipe = text.indexOf('|');
  const redirection = text.search(/[<>]/);
  if (pipe >= 0) return { at: pipe, reason: PIPE };
  if (list !== null) return { at: list.index, reason: `\`${list[0]}\` ${LIST}` };
  // `cd <`, or `<` alone, goes back; `>` forth.
  const isStep = /^[<>];?$/.test(text) && /^(cd|.*;)?$/.test(before ?? '');
  return redirection < 0 || isStep ? undefined : { at: redirection, reason: REDIRECTION };
}
