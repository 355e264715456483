/** The tree as targetcli draws it, and the prompt. */
import type { Summary, TreeNode, View } from '../objects/node.ts';
import type { Preferences } from '../objects/preferences.ts';
import { viewChildren } from '../objects/tree.ts';
import type { ColorName, Painter } from './style.ts';

const WIDTH_MAX = 132;
const LEVEL_COLORS: readonly ColorName[] = ['default', 'blue', 'magenta'];

export interface TreeOptions {
  readonly view: View;
  readonly preferences: Preferences;
  readonly painter: Painter;
  /** Width of the terminal; undefined when stdout is none. */
  readonly columns: number | undefined;
  /** Levels below the first node; 0: all. */
  readonly depth: number;
}

/** Healthy without words is OK, unhealthy ERROR, neither `...`. */
export function summaryText(summary: Summary): string {
  if (summary.text !== '') return summary.text;
  return summary.healthy === null ? '...' : summary.healthy ? 'OK' : 'ERROR';
}

/** Lines joined by newlines, the last one included. */
export function renderTree(node: TreeNode, options: TreeOptions): string {
  const lines: string[] = [];
  const children = viewChildren(options.view, node);
  if (options.preferences.tree_show_root) {
    lines.push(nodeLine(node, '', 0, options));
    renderChildren(children, '  ', 1, options, lines);
  } else {
    renderChildren(children, '', 1, options, lines);
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

function renderChildren(
  nodes: readonly TreeNode[],
  indent: string,
  level: number,
  options: TreeOptions,
  lines: string[],
): void {
  if (options.depth > 0 && level > options.depth) return;
  nodes.forEach((node, index) => {
    lines.push(nodeLine(node, indent, level, options));
    const connector = index === nodes.length - 1 ? '  ' : '| ';
    const children = viewChildren(options.view, node);
    renderChildren(children, indent + connector, level + 1, options, lines);
  });
}

function nodeLine(node: TreeNode, indent: string, level: number, options: TreeOptions): string {
  const { painter: paint, preferences } = options;
  const width = Math.min(WIDTH_MAX, options.columns ?? WIDTH_MAX);
  const name = node.name === '' ? '/' : node.name;
  const color = LEVEL_COLORS[level % LEVEL_COLORS.length] ?? 'default';
  const mark = preferences.tree_round_nodes ? 'o- ' : '+- ';
  const shownName = paint.bold(level === 0 ? paint.underline(name) : paint.color(color, name));
  if (!preferences.tree_status_mode) return indent + mark + shownName;
  const summary = node.kind.summary(options.view, node);
  const text = summaryText(summary);
  const taken = indent.length + mark.length + name.length + 1 + text.length + 3;
  const dots = '.'.repeat(Math.max(0, width - taken));
  const status = paintSummary(summary, text, paint);
  const [open, close] = [paint.bold(' ['), paint.bold(']')];
  // Joined: tens of thousands of lines as concatenations would keep all their parts.
  return [indent, mark, shownName, ' ', paint.color(color, dots), open, status, close].join('');
}

function paintSummary(summary: Summary, text: string, paint: Painter): string {
  if (summary.healthy === null) return text;
  return summary.healthy ? paint.color('green', text) : paint.bold(paint.color('red', text));
}

/** `/iscsi/iqn.20...4:sn.abc/tpg1> `: the middle of a long path makes room for what one types. */
export function promptText(path: string, lengthMax: number): string {
  if (lengthMax === 0 || path.length <= lengthMax) return `${path}> `;
  const side = Math.max(1, Math.floor((lengthMax - 3) / 2));
  return `${path.slice(0, side)}...${path.slice(-side)}> `;
}

/** An underlined heading, as the help and the `get` blocks have it. */
export function heading(text: string, underline: '=' | '-' = '='): string {
  return `${text}\n${underline.repeat(text.length)}\n`;
}

/** Texts in as many columns as the width takes, row by row. */
export function inColumns(
  items: readonly { readonly plain: string; readonly painted: string }[],
  width: number,
): string {
  const cell = Math.max(...items.map((item) => item.plain.length), 0) + 2;
  const perRow = Math.max(1, Math.floor(width / cell));
  const rows: string[] = [];
  for (let at = 0; at < items.length; at += perRow) {
    const row = items.slice(at, at + perRow);
    const cells = row.map((item, index) =>
      index === row.length - 1 ? item.painted : item.painted + ' '.repeat(cell - item.plain.length),
    );
    rows.push(cells.join(''));
  }
  return rows.join('\n');
}
