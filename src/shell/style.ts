/** Colours, only where they are wanted. The one place that knows chalk. */
import { Chalk } from 'chalk';
import type { ChalkInstance } from 'chalk';

export type ColorName =
  'black' | 'red' | 'green' | 'yellow' | 'blue' | 'magenta' | 'cyan' | 'white' | 'default' | 'none';

export interface Painter {
  readonly on: boolean;
  color(name: ColorName, text: string): string;
  bold(text: string): string;
  underline(text: string): string;
}

export function painter(on: boolean): Painter {
  // Level 1 (16 colours) where on: the terminal's own palette, as targetcli uses.
  const chalk: ChalkInstance = new Chalk({ level: on ? 1 : 0 });
  return {
    on,
    color: (name, text) =>
      name === 'default' || name === 'none' || text === '' ? text : chalk[name](text),
    bold: (text) => chalk.bold(text),
    underline: (text) => chalk.underline(text),
  };
}
