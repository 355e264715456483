// `npm run docs:clauses`: writes docs/CONFORMANCE.md, the table of clauses that the source cites,
// with the files that cite them and the tests of those files.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { format, resolveConfig } from 'prettier';
import { ROOT } from './prepare.mjs';

const OUTPUT = path.join(ROOT, 'docs/CONFORMANCE.md');
const CLAUSE = /\b(RFC \d{4}|S[PB]C-\d|SAM-\d|FIPS \d+(?:-\d)?) §(\d+(?:\.\d+)*)/g;

const HEAD = `# Clauses, files, tests

Written by \`npm run docs:clauses\` from the comments of the source: do not edit. A clause stands
here when a file cites it. The tests are those that cite the clause, and the unit test of each
citing file. Beside them, the suites \`conformance\` (libiscsi, case by case, see
\`test/conformance/expected.json\`), \`interop\` and \`lab\` judge the whole by foreign initiators.

`;

function typescriptFiles(folder) {
  return readdirSync(path.join(ROOT, folder), { recursive: true })
    .map((name) => `${folder}/${name.replaceAll(path.sep, '/')}`)
    .filter((name) => name.endsWith('.ts'))
    .sort();
}

/** Clause to the files that cite it. */
function citations(files) {
  const found = new Map();
  for (const file of files) {
    for (const match of readFileSync(path.join(ROOT, file), 'utf8').matchAll(CLAUSE)) {
      const clause = `${match[1]} §${match[2]}`;
      found.set(clause, (found.get(clause) ?? new Set()).add(file));
    }
  }
  return found;
}

const unitTestOf = (file) => file.replace(/^src\/(.*)\.ts$/, 'test/unit/$1.test.ts');

function byClause(a, b) {
  return a.localeCompare(b, 'en', { numeric: true });
}

const inSource = citations(typescriptFiles('src'));
const inTests = citations(typescriptFiles('test'));
const rows = [...inSource.keys()].sort(byClause).map((clause) => {
  const files = [...inSource.get(clause)];
  const units = files.map(unitTestOf).filter((file) => existsSync(path.join(ROOT, file)));
  const tests = [...new Set([...(inTests.get(clause) ?? []), ...units])].sort();
  const list = (names) => names.map((name) => `\`${name}\``).join('<br>');
  return `| ${clause} | ${list(files)} | ${list(tests)} |`;
});
const table = ['| clause | cited by | tests |', '| --- | --- | --- |', ...rows].join('\n');
const options = { ...(await resolveConfig(OUTPUT)), parser: 'markdown' };
writeFileSync(OUTPUT, await format(`${HEAD}${table}\n`, options));
console.log(`${rows.length} clauses`);
