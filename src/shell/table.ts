/** Tables for a terminal: nothing is cut, long cells go on in the next line. */
import { createRequire } from 'node:module';
import type Table from 'cli-table3';
import type { Painter } from './style.ts';

/** Loaded with the first table: no other command shall wait for it. */
const load = createRequire(import.meta.url);

/** Narrower columns than this are no help to anybody. */
const WIDTH_MIN = 8;
/** Blank, text, blank. */
const PADDING = 2;

/** Column widths with padding, so that the table fits `columns`: the widest give way first. */
export function fittingWidths(natural: readonly number[], columns: number): number[] {
  const widths = natural.map((width) => width + PADDING);
  const borders = widths.length + 1;
  for (;;) {
    const total = widths.reduce((sum, width) => sum + width, borders);
    const widest = Math.max(...widths);
    if (total <= columns || widest <= WIDTH_MIN) return widths;
    widths[widths.indexOf(widest)] = widest - 1;
  }
}

export function renderTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  options: { readonly columns: number; readonly painter: Painter },
): string {
  const natural = head.map((title, index) =>
    Math.max(title.length, ...rows.map((row) => row[index]?.length ?? 0)),
  );
  const TableClass = load('cli-table3') as typeof Table;
  const table = new TableClass({
    head: head.map((title) => options.painter.bold(title)),
    colWidths: fittingWidths(natural, options.columns),
    wordWrap: true,
    wrapOnWordBoundary: false,
    style: { head: [], border: [] },
  });
  for (const row of rows) table.push([...row]);
  return table.toString();
}
