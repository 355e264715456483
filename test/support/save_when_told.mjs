// Saves a text as the daemon does, once something comes on its standard input.
//   save_when_told.mjs MODULE FILE TEXT
import { once } from 'node:events';

const [module, file, text] = process.argv.slice(2);
const { saveText } = await import(module);
process.stdout.write('ready\n');
await once(process.stdin, 'data');
await saveText(file, text, { maxBackups: 2 });
process.stdout.write('saved\n');
process.exit(0);
