/** The repository's own source, parsed once for every rule of test/tidy.test.ts. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

export const ROOT = path.resolve(import.meta.dirname, '../..');

export interface SourceFile {
  /** From the repository's root, with `/`. */
  readonly name: string;
  readonly text: string;
  readonly lines: readonly string[];
  readonly tree: ts.SourceFile;
}

export interface Import {
  readonly file: string;
  /** As written: `../util/log.ts`, `pino`, `node:fs`. */
  readonly specifier: string;
  readonly line: number;
}

const FOLDERS = ['src', 'test', 'scripts', 'bench'];
const EXEMPT = ['test/fixtures/'];

function namesUnder(folder: string): string[] {
  try {
    return readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .map((name) => `${folder}/${name.replaceAll(path.sep, '/')}`)
      .filter((name) => /\.(ts|mjs)$/.test(name))
      .filter((name) => !EXEMPT.some((prefix) => name.startsWith(prefix)));
  } catch {
    return [];
  }
}

export function readSourceFiles(): SourceFile[] {
  return FOLDERS.flatMap(namesUnder)
    .sort()
    .map((name) => {
      const text = readFileSync(path.join(ROOT, name), 'utf8');
      const kind = name.endsWith('.ts') ? ts.ScriptKind.TS : ts.ScriptKind.JS;
      const tree = ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true, kind);
      return { name, text, lines: text.replace(/\n$/, '').split('\n'), tree };
    });
}

export const lineOf = (tree: ts.SourceFile, position: number): number =>
  tree.getLineAndCharacterOfPosition(position).line + 1;

export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}

/** What a node imports, when it does: declarations, re-exports, `import()`, `require()`, types. */
function specifierOf(node: ts.Node): ts.Expression | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier;
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    const { literal } = node.argument;
    return ts.isStringLiteral(literal) ? literal : undefined;
  }
  if (!ts.isCallExpression(node)) return undefined;
  const callee = node.expression;
  const loads =
    callee.kind === ts.SyntaxKind.ImportKeyword ||
    (ts.isIdentifier(callee) && /^require/.test(callee.text)) ||
    (ts.isPropertyAccessExpression(callee) &&
      callee.name.text === 'resolve' &&
      callee.expression.getText() === 'import.meta');
  return loads ? node.arguments[0] : undefined;
}

export function importsOf(file: SourceFile): Import[] {
  const found: Import[] = [];
  walk(file.tree, (node) => {
    const specifier = specifierOf(node);
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return;
    const line = lineOf(file.tree, specifier.getStart());
    found.push({ file: file.name, specifier: specifier.text, line });
  });
  return found;
}

/** The repository file that a relative specifier names. */
export function resolveImport(from: string, specifier: string): string {
  return path.posix.normalize(path.posix.join(path.posix.dirname(from), specifier));
}

/** Files named otherwise than by import: `new URL('./worker.ts', import.meta.url)`. */
export function urlsOf(file: SourceFile): string[] {
  const found: string[] = [];
  walk(file.tree, (node) => {
    if (!ts.isNewExpression(node) || node.expression.getText() !== 'URL') return;
    const [first] = node.arguments ?? [];
    if (first !== undefined && ts.isStringLiteralLike(first) && first.text.startsWith('.')) {
      found.push(resolveImport(file.name, first.text).replace(/\.js$/, '.ts'));
    }
  });
  return found;
}
