/**
 * Datera's .lio files as a tree. Which words open a block and how many identifiers follow them is
 * known by keyword, since the language allows chains, `target iqn… tpgt 1 {`.
 */
import { tokensOf, type Token } from './lio_tokens.ts';

export interface LioNode {
  readonly name: string;
  /** Of an object; a value's text for a leaf. */
  readonly value: string;
  readonly line: number;
  readonly inside: readonly LioNode[];
}
export type LioTree =
  | { readonly ok: true; readonly nodes: readonly LioNode[] }
  | { readonly ok: false; readonly line: number; readonly reason: string };

/** Objects have an identifier and may have a block. */
const OBJECTS = ['storage', 'disk', 'fabric', 'target', 'tpgt', 'portal', 'lun', 'acl'];
const MORE_OBJECTS = ['mapped_lun', 'tpg', 'group', 'alua', 'node_acl'];
/** Groups have a block and no identifier. */
const GROUPS = ['attribute', 'parameter', 'auth', 'discovery_auth'];
const MAX_DEPTH = 32;

class Problem extends Error {
  readonly line: number;
  constructor(line: number, reason: string) {
    super(reason);
    this.line = line;
  }
}

class TreeReader {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  /** Until the closing brace, or the end at the top. */
  block(depth: number, opened: number | undefined): LioNode[] {
    const nodes: LioNode[] = [];
    if (depth > MAX_DEPTH) throw new Problem(opened ?? 1, 'nested too deeply');
    for (;;) {
      const token = this.#tokens[this.#at];
      if (token === undefined) {
        if (opened === undefined) return nodes;
        throw new Problem(opened, 'this block has no }');
      }
      if (!token.quoted && token.text === '}') {
        if (opened === undefined) throw new Problem(token.line, 'this } closes nothing');
        this.#at += 1;
        return nodes;
      }
      nodes.push(this.#item(depth));
    }
  }

  #word(after: Token): Token {
    const token = this.#tokens[this.#at];
    const isBrace = token !== undefined && !token.quoted && /^[{}]$/.test(token.text);
    if (token === undefined || isBrace) {
      throw new Problem(after.line, `something is missing after ${after.text.slice(0, 40)}`);
    }
    this.#at += 1;
    return token;
  }

  #item(depth: number): LioNode {
    const name = this.#tokens[this.#at] as Token;
    if (!name.quoted && name.text === '{') throw new Problem(name.line, 'a block without a name');
    this.#at += 1;
    const isGroup = GROUPS.includes(name.text);
    const isObject = [...OBJECTS, ...MORE_OBJECTS].includes(name.text);
    if (!isGroup && !isObject) {
      return { name: name.text, value: this.#word(name).text, line: name.line, inside: [] };
    }
    const value = isObject ? this.#word(name).text : '';
    return { name: name.text, value, line: name.line, inside: this.#inside(depth) };
  }

  /** A block, one item in the same line, or nothing. */
  #inside(depth: number): readonly LioNode[] {
    const next = this.#tokens[this.#at];
    if (next === undefined) return [];
    if (!next.quoted && next.text === '{') {
      this.#at += 1;
      return this.block(depth + 1, next.line);
    }
    if (next.first || (!next.quoted && next.text === '}')) return [];
    if (depth > MAX_DEPTH) throw new Problem(next.line, 'nested too deeply');
    return [this.#item(depth + 1)];
  }
}

export function readLioTree(text: string): LioTree {
  const tokens = tokensOf(text);
  if (!tokens.ok) return tokens;
  try {
    return { ok: true, nodes: new TreeReader(tokens.tokens).block(0, undefined) };
  } catch (error) {
    if (error instanceof Problem) return { ok: false, line: error.line, reason: error.message };
    throw error;
  }
}
