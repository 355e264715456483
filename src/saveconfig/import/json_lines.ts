/**
 * JSON with line numbers: what an importer says about a value names its line. Objects become maps,
 * so that no name in the file means anything to JavaScript.
 */
export interface JsonMember {
  readonly value: JsonValue;
  readonly line: number;
}
export type JsonMap = ReadonlyMap<string, JsonMember>;
export type JsonValue = string | number | boolean | null | readonly JsonMember[] | JsonMap;
export type JsonResult =
  | { readonly ok: true; readonly value: JsonValue }
  | { readonly ok: false; readonly line: number; readonly reason: string };

const MAX_DEPTH = 64;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
// eslint-disable-next-line no-control-regex -- JSON refuses them in text
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const BLANKS = /[ \t\r\n]*/y;

class Problem {
  readonly line: number;
  readonly reason: string;
  constructor(line: number, reason: string) {
    this.line = line;
    this.reason = reason;
  }
}

class Reader {
  readonly #text: string;
  #at = 0;
  #line = 1;

  constructor(text: string) {
    this.#text = text;
  }

  /** The value, or what is wrong. */
  read(): JsonResult {
    const value = this.#value(0);
    if (value instanceof Problem) return { ok: false, line: value.line, reason: value.reason };
    this.#blanks();
    if (this.#at < this.#text.length) {
      return { ok: false, line: this.#line, reason: 'something follows the end of the object' };
    }
    return { ok: true, value };
  }

  #problem(reason: string): Problem {
    const ended = this.#at >= this.#text.length;
    return new Problem(this.#line, ended ? 'the file ends too early' : reason);
  }

  #blanks(): void {
    const blanks = this.#match(BLANKS) ?? '';
    for (const character of blanks) if (character === '\n') this.#line += 1;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #value(depth: number): JsonValue | Problem {
    if (depth > MAX_DEPTH) return this.#problem('nested too deeply');
    this.#blanks();
    if (this.#take('{')) return this.#map(depth);
    if (this.#take('[')) return this.#list(depth);
    if (this.#text[this.#at] === '"') return this.#string();
    for (const [word, value] of [
      ['true', true],
      ['false', false],
      ['null', null],
    ] as const) {
      if (!this.#text.startsWith(word, this.#at)) continue;
      this.#at += word.length;
      return value;
    }
    const number = this.#match(NUMBER);
    return number === undefined || number === '' ? this.#problem('not JSON') : Number(number);
  }

  #string(): string | Problem {
    const literal = this.#match(STRING);
    if (literal === undefined) return this.#problem('this text has no end, or an unknown escape');
    return JSON.parse(literal) as string;
  }

  #map(depth: number): JsonMap | Problem {
    const map = new Map<string, JsonMember>();
    this.#blanks();
    if (this.#take('}')) return map;
    for (;;) {
      this.#blanks();
      if (this.#text[this.#at] !== '"') return this.#problem('a name in quotes is expected');
      const line = this.#line;
      const key = this.#string();
      if (key instanceof Problem) return key;
      this.#blanks();
      if (!this.#take(':')) return this.#problem('a colon is expected');
      const value = this.#value(depth + 1);
      if (value instanceof Problem) return value;
      map.set(key, { value, line });
      this.#blanks();
      if (this.#take('}')) return map;
      if (!this.#take(',')) return this.#problem('a comma or } is expected');
    }
  }

  #list(depth: number): readonly JsonMember[] | Problem {
    const list: JsonMember[] = [];
    this.#blanks();
    if (this.#take(']')) return list;
    for (;;) {
      this.#blanks();
      const line = this.#line;
      const value = this.#value(depth + 1);
      if (value instanceof Problem) return value;
      list.push({ value, line });
      this.#blanks();
      if (this.#take(']')) return list;
      if (!this.#take(',')) return this.#problem('a comma or ] is expected');
    }
  }
}

/** Never throws. */
export function parseJson(text: string): JsonResult {
  return new Reader(text).read();
}

export function isMap(value: JsonValue | undefined): value is JsonMap {
  return value instanceof Map;
}

export function isList(value: JsonValue | undefined): value is readonly JsonMember[] {
  return Array.isArray(value);
}
