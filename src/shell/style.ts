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

const plain = (text: string): string => text;
const PLAIN: Painter = { on: false, color: (_name, text) => text, bold: plain, underline: plain };

export function painter(on: boolean): Painter {
  if (!on) return PLAIN;
  // Level 1 (16 colours) where on: the terminal's own palette, as targetcli uses.
  const chalk: ChalkInstance = new Chalk({ level: 1 });
  // Each look at chalk makes a painter anew: a tree has tens of thousands of lines.
  const known = new Map<ColorName, (text: string) => string>();
  const { bold, underline } = chalk;
  return {
    on,
    color: (name, text) => {
      if (name === 'default' || name === 'none' || text === '') return text;
      const paint = known.get(name) ?? chalk[name];
      known.set(name, paint);
      return paint(text);
    },
    bold: (text) => bold(text),
    underline: (text) => underline(text),
  };
}
