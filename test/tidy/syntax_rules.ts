/** Rules on sizes and forbidden syntax: docs/STYLE.md. */
import ts from 'typescript';
import { lineOf, walk, type SourceFile } from './source_files.ts';

const FILE_LINES_MAX = 500;
const LINE_LENGTH_MAX = 100;
const FUNCTION_LINES_MAX = 70;

export function sizeViolations(file: SourceFile): string[] {
  const found: string[] = [];
  if (file.lines.length > FILE_LINES_MAX) {
    found.push(`${file.name}: ${file.lines.length} lines, at most ${FILE_LINES_MAX}`);
  }
  for (const [index, line] of file.lines.entries()) {
    if (line.length <= LINE_LENGTH_MAX) continue;
    found.push(`${file.name}:${index + 1}: ${line.length} columns, at most ${LINE_LENGTH_MAX}`);
  }
  walk(file.tree, (node) => {
    if (!ts.isFunctionLike(node) || !('body' in node) || isHeading(node)) return;
    const first = lineOf(file.tree, node.getStart());
    const length = lineOf(file.tree, node.getEnd()) - first + 1;
    if (length <= FUNCTION_LINES_MAX) return;
    found.push(`${file.name}:${first}: function of ${length} lines, at most ${FUNCTION_LINES_MAX}`);
  });
  return found;
}

/** `() => { test('…', …); test('…', …); }` is a heading rather than a function. */
function isHeading(node: ts.FunctionLikeDeclaration): boolean {
  const { body } = node;
  if (body === undefined || !ts.isBlock(body)) return false;
  return body.statements.some(
    (statement) =>
      ts.isExpressionStatement(statement) && /^(describe|test)\b/.test(statement.getText()),
  );
}

const hasModifier = (node: ts.Node, kind: ts.SyntaxKind): boolean =>
  ts.canHaveModifiers(node) && (ts.getModifiers(node) ?? []).some((one) => one.kind === kind);

const PARAMETER_PROPERTY = [
  ts.SyntaxKind.PublicKeyword,
  ts.SyntaxKind.PrivateKeyword,
  ts.SyntaxKind.ProtectedKeyword,
  ts.SyntaxKind.ReadonlyKeyword,
];

function forbidden(node: ts.Node): string | undefined {
  if (ts.isEnumDeclaration(node)) return 'enum';
  if (ts.isModuleDeclaration(node)) return 'namespace';
  if (node.kind === ts.SyntaxKind.AnyKeyword) return 'any';
  if (ts.isDecorator(node)) return 'decorator';
  if (ts.isParameter(node) && PARAMETER_PROPERTY.some((kind) => hasModifier(node, kind))) {
    return 'parameter property';
  }
  if (ts.isExportAssignment(node) || hasModifier(node, ts.SyntaxKind.DefaultKeyword)) {
    return 'default export';
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) {
    return node.exportClause === undefined ? 'export * (a barrel)' : undefined;
  }
  return undefined;
}

/** A vitest reporter is found by its default export. */
const MAY_EXPORT_DEFAULT = ['scripts/reporter.mjs'];

// Spelled in parts, so that this file does not violate its own rule.
const UNFINISHED = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X'].join('|')})\\b`);
/** Only a named rule, for one line. */
const UNLINTED = new RegExp(`eslint-${'disable'}(?!-next-line [@a-z])`);
const SILENCED = new RegExp(`@ts-${'(ignore|nocheck|expect-error)'}`);

export function forbiddenSyntax(file: SourceFile): string[] {
  const found: string[] = [];
  const inSrc = file.name.startsWith('src/');
  walk(file.tree, (node) => {
    let what = forbidden(node);
    if (inSrc && ts.isNonNullExpression(node)) what = 'non-null assertion';
    if (what === 'default export' && MAY_EXPORT_DEFAULT.includes(file.name)) return;
    if (what !== undefined) {
      found.push(`${file.name}:${lineOf(file.tree, node.getStart())}: ${what}`);
    }
  });
  for (const [index, line] of file.lines.entries()) {
    const where = `${file.name}:${index + 1}`;
    if (UNFINISHED.test(line)) found.push(`${where}: unfinished work`);
    if (SILENCED.test(line)) found.push(`${where}: silenced compiler`);
    if (UNLINTED.test(line)) found.push(`${where}: silenced lint`);
  }
  return found;
}

/** `bhs[4]`, `bhs.readUInt32BE(16)`: offsets have names, and only pdu/ knows their numbers. */
export function bareOffsets(file: SourceFile): string[] {
  if (!file.name.startsWith('src/target/') || file.name.startsWith('src/target/pdu/')) return [];
  const found: string[] = [];
  const isHeader = (node: ts.Node) => /(^|\.)bhs$/i.test(node.getText());
  walk(file.tree, (node) => {
    const indexed = ts.isElementAccessExpression(node) && isHeader(node.expression);
    const called =
      ts.isCallExpression(node) &&
      ts.isPropertyAccessExpression(node.expression) &&
      /^(read|write)U?Int/.test(node.expression.name.text) &&
      isHeader(node.expression.expression);
    const numbers = indexed ? [node.argumentExpression] : called ? node.arguments.slice(-1) : [];
    if (!numbers.some((one) => ts.isNumericLiteral(one))) return;
    found.push(`${file.name}:${lineOf(file.tree, node.getStart())}: bare offset ${node.getText()}`);
  });
  return found;
}

/** Constants of a file's top level that are limits by their names. */
export function limitConstants(file: SourceFile): string[] {
  if (!file.name.startsWith('src/')) return [];
  return file.tree.statements.flatMap((statement) => {
    if (!ts.isVariableStatement(statement)) return [];
    return statement.declarationList.declarations
      .map((declaration) => declaration.name.getText())
      .filter((name) => /^(MAX_[A-Z_]+|[A-Z_]+_(MAX|LIMITS?))$/.test(name));
  });
}

const CLAUSE = /\b(?:RFC \d{4}|S[PB]C-\d|SAM-\d|FIPS \d+(?:-\d)?) §\d+(?:\.\d+)*/g;

/** Clauses of standards that the source cites, as scripts/clauses.mjs finds them. */
export const citedClauses = (files: readonly SourceFile[]): string[] => [
  ...new Set(files.flatMap((file) => file.text.match(CLAUSE) ?? [])),
];
