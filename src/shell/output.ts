/** Where the shell writes: the process's streams, or strings in tests. */
export interface Output {
  /** Text for stdout, ends in a newline unless the caller wants none. */
  out(text: string): void;
  /** Text for stderr. */
  err(text: string): void;
  /** stdout is a terminal. */
  readonly tty: boolean;
  /** Escape sequences are welcome: a terminal that knows them, and NO_COLOR is unset. */
  readonly color: boolean;
  /** Width of the terminal in columns; undefined when there is none. */
  readonly columns: number | undefined;
}

export function processOutput(): Output {
  const { stdout, stderr, env } = process;
  const noColor = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    get tty() {
      return stdout.isTTY === true;
    },
    get color() {
      return stdout.isTTY === true && !noColor;
    },
    get columns() {
      return stdout.isTTY === true ? stdout.columns : undefined;
    },
  };
}
