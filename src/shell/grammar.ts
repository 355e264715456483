/**
 * The command line: `[PATH] COMMAND [positional…] [name=value…]`. Text becomes words with their
 * columns; what a word means depends on the tree and is decided later (command_line.ts). Anything
 * that cannot be read is an error with a caret under its column, and nothing runs.
 */
import { ConfigError } from '../objects/errors.ts';
import { hasControlCharacter } from '../util/control_characters.ts';
import { operatorIn } from './operators.ts';

export interface Word {
  /** Without quotes and escapes. */
  readonly text: string;
  /** Columns in the line: first, and one past the last. */
  readonly start: number;
  readonly end: number;
  /** Some of it was quoted or escaped: it is no glob, bookmark or operator. */
  readonly quoted: boolean;
  /** Index in `text` of the `=` that makes it `name=value`; -1 for a positional word. */
  readonly equals: number;
}

export class SyntaxProblem extends ConfigError {
  override name = 'SyntaxProblem';
  readonly column: number;
  constructor(reason: string, line: string, column: number) {
    super(`${reason}\n  ${maskLine(line)}\n  ${' '.repeat(displayWidth(line, column))}^`);
    this.column = column;
  }
}

const BLANK = /\s/;
/** A backslash before one of these gives the character itself; before others it is itself. */
const ESCAPABLE = /[\s"'\\#=*?@;]/;
/** Characters of two columns: East Asian scripts and full-width forms. */
const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60]/;
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;
const SECRET_NAME = /((?:password|secret)[A-Za-z0-9_]*\s*=\s*)(.*?)(?=\s+[A-Za-z0-9_]+\s*=|$)/gi;

/** The line with what looks like a secret starred out, of the same width. */
function maskLine(line: string): string {
  return line
    .replace(/\s/g, ' ')
    .replace(SECRET_NAME, (_all, name: string, value: string) => name + '*'.repeat(value.length));
}

/** Columns on screen of the first `length` characters; wide characters take two. */
function displayWidth(line: string, length: number): number {
  let width = 0;
  for (const character of line.slice(0, length)) width += isWide(character) ? 2 : 1;
  return width;
}
function isWide(character: string): boolean {
  return WIDE.test(character);
}

interface Scan {
  readonly word: Word;
  readonly next: number;
}

/** One word from `start`, which is no blank. */
function scanWord(line: string, start: number): Scan {
  let text = '';
  let quoted = false;
  let equals = -1;
  let at = start;
  while (at < line.length && !BLANK.test(line.charAt(at))) {
    const character = line.charAt(at);
    if (character === '"' || character === "'") {
      const end = closingQuote(line, at);
      text += unescape(line.slice(at + 1, end), character);
      quoted = true;
      at = end + 1;
    } else if (character === '\\' && at + 1 >= line.length) {
      throw new SyntaxProblem('The line ends in a backslash: nothing follows it', line, at);
    } else if (character === '\\' && ESCAPABLE.test(line.charAt(at + 1))) {
      text += line.charAt(at + 1);
      quoted = true;
      at += 2;
    } else {
      if (character === '=' && equals < 0 && !quoted && NAME.test(text)) equals = text.length;
      text += character;
      at += 1;
    }
  }
  return { word: { text, start, end: at, quoted, equals }, next: at };
}

function closingQuote(line: string, open: number): number {
  const quote = line.charAt(open);
  for (let at = open + 1; at < line.length; at += 1) {
    if (quote === '"' && line.charAt(at) === '\\') at += 1;
    else if (line.charAt(at) === quote) return at;
  }
  throw new SyntaxProblem(`This ${quote} has no closing ${quote}`, line, open);
}

/** Within double quotes a backslash protects a quote or a backslash; single quotes are verbatim. */
function unescape(inside: string, quote: string): string {
  return quote === '"' ? inside.replace(/\\(["\\])/g, '$1') : inside;
}

/** `a = b`, `a =b`: blanks before `=` join; `a=` alone is an empty value and takes nothing. */
function joinEquals(words: readonly Word[]): Word[] {
  const joined: Word[] = [];
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index];
    const name = joined.at(-1);
    if (word === undefined) continue;
    const starts = word.text.startsWith('=') && !word.quoted;
    if (!starts || name === undefined || name.equals >= 0 || !NAME.test(name.text)) {
      joined.push(word);
      continue;
    }
    const value = word.text === '=' ? words[index + 1] : undefined;
    const takesNext = value !== undefined && value.equals < 0;
    const last = takesNext ? value : word;
    if (takesNext) index += 1;
    joined[joined.length - 1] = {
      text: name.text + word.text + (takesNext ? value.text : ''),
      start: name.start,
      end: last.end,
      quoted: last.quoted,
      equals: name.text.length,
    };
  }
  return joined;
}

/** The words of a line; none for an empty line or a comment. Throws SyntaxProblem. */
export function parseLine(line: string): readonly Word[] {
  const words: Word[] = [];
  let at = 0;
  for (;;) {
    while (at < line.length && BLANK.test(line.charAt(at))) at += 1;
    // A comment starts where a word could: `ls #x`; `a#b` is a name.
    if (at >= line.length || line.charAt(at) === '#') break;
    const { word, next } = scanWord(line, at);
    if (hasControlCharacter(word.text)) {
      throw new SyntaxProblem('A control character is not possible here', line, word.start);
    }
    if (!word.quoted && word.equals < 0) {
      const found = operatorIn(word.text, words.at(-1)?.text);
      if (found !== undefined) throw new SyntaxProblem(found.reason, line, word.start + found.at);
    }
    words.push(word);
    at = next;
  }
  return joinEquals(words);
}

/**
 * The commands of a line. `;` parts them where it stands alone, begins or ends a word. Within a
 * word, or at the end of `name=value`, it may belong to the text, as in targetcli: nothing is
 * guessed. Throws SyntaxProblem.
 */
export function commandsOf(words: readonly Word[], line: string): readonly (readonly Word[])[] {
  const commands: Word[][] = [[]];
  for (const word of words) {
    demandClear(word, line, word === words.at(-1));
    const bare = !word.quoted && word.equals < 0;
    const begins = bare && word.text.startsWith(';');
    const ends = bare && word.text.length > 1 && word.text.endsWith(';');
    const text = word.text.slice(begins ? 1 : 0, ends ? -1 : undefined);
    const start = begins ? word.start + 1 : word.start;
    if (begins) commands.push([]);
    if (text !== '' || !bare) {
      commands.at(-1)?.push({ ...word, text, start, end: ends ? word.end - 1 : word.end });
    }
    if (ends) commands.push([]);
  }
  return commands.filter((command) => command.length > 0);
}

/** Refuses a `;` that could be meant in two ways. */
function demandClear({ text, quoted, equals, start, end }: Word, line: string, isLast: boolean) {
  if (quoted) return;
  if (equals >= 0 && text.endsWith(';') && !isLast) {
    const reason = 'Does this ; end the value or the command? Put a blank before it, or quote it';
    throw new SyntaxProblem(reason, line, end - 1);
  }
  const inside = equals < 0 ? text.indexOf(';', 1) : -1;
  if (inside > 0 && inside < text.length - 1) {
    const reason = 'Does this ; end a command? Put a blank behind it, or quote the word';
    throw new SyntaxProblem(reason, line, start + inside);
  }
}

/** Words that the system's shell has split: each is one word, whatever it holds. */
export function wordsOfArgv(argv: readonly string[]): readonly Word[] {
  let start = 0;
  return argv.map((text) => {
    const equals = text.indexOf('=');
    const isKeyword = equals > 0 && NAME.test(text.slice(0, equals));
    const word = {
      text,
      start,
      end: start + text.length,
      quoted: false,
      equals: isKeyword ? equals : -1,
    };
    start = word.end + 1;
    return word;
  });
}

/** A line that goes on in the next one: an odd number of backslashes at its end. */
export function continues(line: string): boolean {
  const tail = /\\+$/.exec(line);
  return tail !== null && tail[0].length % 2 === 1;
}

/** `name=value`, or undefined for a positional word. */
export function keywordOf(word: Word): { name: string; value: string } | undefined {
  if (word.equals < 0) return undefined;
  return { name: word.text.slice(0, word.equals), value: word.text.slice(word.equals + 1) };
}
