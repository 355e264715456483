/**
 * What two shells can be compared by: the output of one command without prose, without what
 * differs from run to run, and trees by depth, name and summary.
 */

/** Underlined headings of a page and what stands below each. */
function sectionsOf(lines: readonly string[]): readonly (readonly [string, readonly string[]])[] {
  const sections: [string, string[]][] = [];
  lines.forEach((line, index) => {
    const isHeading = /^=+$/.test(lines[index + 1] ?? '') && line !== '';
    if (isHeading) sections.push([line, []]);
    else if (!/^=+$/.test(line)) sections.at(-1)?.[1].push(line);
  });
  return sections;
}

/** Names underlined with dashes of their own length, as pages of help and `get` show them. */
const underlined = (lines: readonly string[]) =>
  lines.filter((line, index) => line !== '' && lines[index + 1] === '-'.repeat(line.length));

/** A page of help by its facts: syntax, defaults, parameters, references. */
function helpPage(lines: readonly string[]): readonly string[] {
  return sectionsOf(lines).flatMap(([heading, body]) => {
    const kept = body.filter((line) => line !== '' && !/^</.test(line)).map((line) => line.trim());
    if (heading === 'PARAMETERS') return underlined(body).map((name) => `parameter ${name}`);
    if (heading === 'SEE ALSO')
      return kept.flatMap((line) => line.split(' ')).map((word) => `see ${word}`);
    if (['SYNTAX', 'DEFAULT VALUES'].includes(heading)) return [heading, ...kept];
    return [heading];
  });
}

const isPage = (lines: readonly string[]) => lines.slice(0, 3).includes('SYNTAX');

/** `o- name ..... [summary]` by depth; the connectors depend on the siblings. */
const TREE_LINE = /^([| ]*)(o-|\+-) (\S+)(?: (\.+)(?: (\[.*\]))?)?$/;

export function treeLine(line: string): string {
  const [, indent = '', mark = '', name = '', , summary] = TREE_LINE.exec(line) ?? [];
  if (mark === '') return line;
  const node = `${indent.replaceAll('|', ' ')}${mark} ${name}`;
  return summary === undefined ? node : `${node} ${summary}`;
}

export const isTreeLine = (line: string): boolean => TREE_LINE.test(line);

/** Lines without prose: of help what it says of syntax, of `get GROUP` the names and values. */
export function reduce(lines: readonly string[]): readonly string[] {
  const marks = lines.filter((line) => /^<(exit|no newline)/.test(line));
  return [...withoutProse(lines.slice(0, lines.length - marks.length)), ...marks];
}

function withoutProse(lines: readonly string[]): readonly string[] {
  const commands = lines.indexOf('AVAILABLE COMMANDS');
  if (commands >= 0) return lines.slice(commands).filter((line) => /^( {2}- |AVAIL)/.test(line));
  if (isPage(lines)) return helpPage(lines);
  const group = lines.findIndex((line) => / CONFIG GROUP$/.test(line));
  if (group < 0) return lines;
  return [...lines.slice(0, group + 1), ...underlined(lines.slice(group + 1))];
}

/** A line of syntax or defaults word by word: what one has more does not hide what both have. */
function wordByWord(lines: readonly string[]): readonly string[] {
  let defaults = false;
  return lines.flatMap((line, index) => {
    if (lines[index - 1] === 'DEFAULT VALUES') defaults = true;
    else if (!/^\w+=/.test(line)) defaults = false;
    const isUsage = line.startsWith('  - ') || lines[index - 1] === 'SYNTAX';
    const [name = '', ...rest] = line.replace('  - ', '').trim().split(' ');
    if (isUsage) return [`usage ${name}`, ...rest.map((word) => `usage ${name} ${word}`)];
    return defaults ? line.split(' ').map((word) => `default ${word}`) : [line];
  });
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

/** The same name for what both have, and for what no two runs have in common. */
export function normalise(lines: readonly string[], home: string): readonly string[] {
  return wordByWord(lines.map((line) => line.trimEnd())).map((line) =>
    treeLine(line)
      .replaceAll(home, '<home>')
      .replace(UUID, '<uuid>')
      .replace(/\/etc\/(lunsmith|rtslib-fb-target)\/saveconfig\.(yaml|json)/g, '<config>')
      .replace(/\/etc\/(lunsmith|rtslib-fb-target)\/backup\//g, '<backups>/'),
  );
}

export interface Lonely {
  readonly theirs: readonly string[];
  readonly ours: readonly string[];
}

/** Lines that only one of the two has, by the longest common subsequence. */
export function lonely(theirs: readonly string[], ours: readonly string[]): Lonely {
  const rows = theirs.length;
  const columns = ours.length;
  const lengths = Array.from({ length: rows + 1 }, () => new Uint16Array(columns + 1));
  for (let row = rows - 1; row >= 0; row -= 1) {
    for (let column = columns - 1; column >= 0; column -= 1) {
      const below = lengths[row + 1]!;
      const same = theirs[row] === ours[column];
      lengths[row]![column] = same
        ? below[column + 1]! + 1
        : Math.max(below[column]!, lengths[row]![column + 1]!);
    }
  }
  const only = { theirs: [] as string[], ours: [] as string[] };
  let row = 0;
  let column = 0;
  while (row < rows && column < columns) {
    if (theirs[row] === ours[column]) {
      row += 1;
      column += 1;
    } else if (lengths[row + 1]![column]! >= lengths[row]![column + 1]!) {
      only.theirs.push(theirs[row]!);
      row += 1;
    } else {
      only.ours.push(ours[column]!);
      column += 1;
    }
  }
  only.theirs.push(...theirs.slice(row));
  only.ours.push(...ours.slice(column));
  return only;
}
