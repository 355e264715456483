// `npm run schema`: writes the files that follow from the declarations: saveconfig/schema.json and
// the man pages. `--check` writes nothing and fails when one of them differs.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, ROOT } from './prepare.mjs';
import { manPages } from './man_pages.mjs';

const check = process.argv.includes('--check');

/** A module of the built program. */
const built = (name) => import(pathToFileURL(path.join(ROOT, 'dist/src', name)).href);

build();
const { schemaText } = await built('saveconfig/schema.js');
const files = { 'saveconfig/schema.json': schemaText(), ...(await manPages(built)) };
let stale = 0;
for (const [name, text] of Object.entries(files)) {
  const file = path.join(ROOT, name);
  let present;
  try {
    present = readFileSync(file, 'utf8');
  } catch {
    // Not there yet.
  }
  if (present === text) continue;
  stale += 1;
  if (check) console.error(`${name} differs from the declarations: run npm run schema`);
  else {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
    console.log(`wrote ${name}`);
  }
}
process.exit(check && stale > 0 ? 1 : 0);
