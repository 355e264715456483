/** Words, braces and line ends of Datera's .lio files. */
export interface Token {
  readonly text: string;
  readonly line: number;
  /** A text in quotes is never a brace or a keyword. */
  readonly quoted: boolean;
  /** The first word of its line. */
  readonly first: boolean;
}
export type Tokens =
  | { readonly ok: true; readonly tokens: readonly Token[] }
  | { readonly ok: false; readonly line: number; readonly reason: string };

const TOKEN = /#[^\n]*|\n|[ \t\r;]+|"((?:[^"\\\n]|\\.)*)"|'([^'\n]*)'|[{}]|[^\s{}"';]+/y;

export function tokensOf(text: string): Tokens {
  const tokens: Token[] = [];
  let line = 1;
  let first = true;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const match = TOKEN.exec(text);
    if (match === null) return { ok: false, line, reason: 'a quotation mark is not closed' };
    const [all, double, single] = match;
    if (all === '\n') {
      line += 1;
      first = true;
    } else if (all.startsWith('#') || /^[ \t\r;]/.test(all)) {
      // Nothing: blanks and comments only part words.
    } else {
      const quoted = double !== undefined || single !== undefined;
      const inside = double?.replace(/\\(.)/g, '$1') ?? single ?? all;
      tokens.push({ text: inside, line, quoted, first });
      first = false;
    }
  }
  return { ok: true, tokens };
}
