// `npm start`: install and build when needed, then become the program. It runs in this process, so
// terminal, signals and exit status are its own.
import { pathToFileURL } from 'node:url';
import { build, checkNodeVersion, install, PrepareError, PROGRAM } from './prepare.mjs';

try {
  checkNodeVersion();
  install();
  build();
} catch (error) {
  if (!(error instanceof PrepareError)) throw error;
  console.error(`Error: ${error.message}`);
  process.exit(1);
}
process.argv[1] = PROGRAM;
await import(pathToFileURL(PROGRAM).href);
