/** A real terminal: a program in tmux, its keys and its screen. */
import { randomBytes } from 'node:crypto';
import { eventually, mustRun, run } from '../support/programs.ts';

export interface TmuxOptions {
  readonly columns: number;
  readonly rows: number;
  readonly env: Readonly<Record<string, string>>;
}

const quote = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;

export class Tmux {
  /** A server of its own: no other session is touched. */
  readonly #server = `lunsmith-${randomBytes(6).toString('hex')}`;

  #tmux(...args: readonly string[]) {
    return mustRun('tmux', ['-L', this.#server, '-f', '/dev/null', ...args]);
  }

  /** Runs the words; the screen ends in `[status N]` when the program has. */
  async start(words: readonly string[], { columns, rows, env }: TmuxOptions): Promise<void> {
    const variables = Object.entries(env).map(([name, value]) => `${name}=${quote(value)}`);
    const command = [...variables, ...words.map(quote)].join(' ');
    const shown = `env ${command}; echo "[status $?]"; exec sleep 600`;
    const size = ['-x', String(columns), '-y', String(rows)];
    await this.#tmux('new-session', '-d', '-s', 'a', ...size, shown);
  }

  /** Text as if typed; nothing in it is a key name. */
  async type(text: string): Promise<void> {
    await this.#tmux('send-keys', '-t', 'a', '-l', '--', text);
  }

  /** Keys by tmux's names: `Tab`, `Enter`, `Up`, `C-c`. */
  async keys(...names: readonly string[]): Promise<void> {
    await this.#tmux('send-keys', '-t', 'a', ...names);
  }

  /** Several lines at once, as a terminal pastes them. */
  async paste(text: string): Promise<void> {
    await this.#tmux('set-buffer', '--', text);
    await this.#tmux('paste-buffer', '-t', 'a');
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#tmux('resize-window', '-t', 'a', '-x', String(columns), '-y', String(rows));
  }

  /** Lines of the screen without trailing blanks and empty lines at the end. */
  async screen(): Promise<readonly string[]> {
    const { stdout } = await this.#tmux('capture-pane', '-p', '-t', 'a');
    return stdout.trimEnd().split('\n');
  }

  /** All that was on the screen since the start, escape sequences included when `raw`. */
  async everything(raw = false): Promise<string> {
    const escapes = raw ? ['-e'] : [];
    return (await this.#tmux('capture-pane', '-p', '-J', ...escapes, '-S', '-', '-t', 'a')).stdout;
  }

  /** From now on every byte that the program writes goes to the file, too. */
  async record(file: string): Promise<void> {
    await this.#tmux('pipe-pane', '-t', 'a', `cat >> ${quote(file)}`);
  }

  async waitFor(what: string, fits: (lines: readonly string[]) => boolean): Promise<void> {
    let last: readonly string[] = [];
    try {
      await eventually(what, async () => {
        last = await this.screen();
        return fits(last);
      });
    } catch (error) {
      throw new Error(`${what}\n${last.join('\n')}`, { cause: error });
    }
  }

  async stop(): Promise<void> {
    await run('tmux', ['-L', this.#server, 'kill-server']);
  }
}
