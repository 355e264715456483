/** A screen of its own that draws itself anew until a key leaves it: `top`, `watch`. */
import type { LineGate } from './line_gate.ts';

export interface LiveScreen {
  readonly intervalMs: number;
  /** At most `rows` lines of at most `columns` columns. */
  draw(size: { readonly columns: number; readonly rows: number }): Promise<readonly string[]>;
  /** A key was pressed, by its character. `q`, Escape and Ctrl-C leave without being told. */
  key(character: string): void;
}

/** What it draws on. */
export interface LiveTerminal {
  write(text: string): unknown;
  readonly columns: number | undefined;
  readonly rows: number | undefined;
  on(event: 'resize', listener: () => void): unknown;
  off(event: 'resize', listener: () => void): unknown;
}

const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const END_OF_LINE = '\u001b[K';
const END_OF_SCREEN = '\u001b[J';
const LEAVING = new Set(['q', 'Q', '\u0003', '\u0004', '\u001b']);

/** Resolves when a key left it; rejects with what `draw` rejected with. The screen is restored. */
export function runLive(
  screen: LiveScreen,
  gate: Pick<LineGate, 'takeKeys'>,
  terminal: LiveTerminal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    let drawing = false;
    let again = false;
    let over = false;
    const end = (error?: unknown) => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      terminal.off('resize', redraw);
      release();
      terminal.write(LEAVE);
      if (error === undefined) resolve();
      else reject(error instanceof Error ? error : new Error('the screen failed'));
    };
    const draw = async () => {
      const size = { columns: terminal.columns ?? 80, rows: terminal.rows ?? 24 };
      const lines = await screen.draw(size);
      if (over) return;
      const text = lines.slice(0, size.rows).map((line) => line + END_OF_LINE);
      terminal.write(HOME + text.join('\r\n') + END_OF_SCREEN);
    };
    const redraw = () => {
      if (over) return;
      again = drawing;
      if (drawing) return;
      clearTimeout(timer);
      drawing = true;
      draw().then(() => {
        drawing = false;
        if (again) redraw();
        else if (!over) timer = setTimeout(redraw, screen.intervalMs);
      }, end);
    };
    const release = gate.takeKeys((keys) => {
      // An escape sequence of several characters is an arrow or the like: no key of ours.
      if (keys.startsWith('\u001b') && keys.length > 1) return;
      for (const character of keys) {
        if (LEAVING.has(character)) return end();
        screen.key(character);
      }
      redraw();
    });
    terminal.on('resize', redraw);
    terminal.write(ENTER);
    redraw();
  });
}
