#!/usr/bin/env node
/** argv → role → exit status. */
import { fileURLToPath } from 'node:url';
import { ControlError } from '../control/protocol.ts';
import { ConfigError } from '../objects/errors.ts';
import { parseArguments, USAGE } from './args.ts';
import { completeRole, daemonRole, shellRole, stopRole } from './compose.ts';
import { withMoreThreads } from './more_threads.ts';
import { packagingFile } from './packaging.ts';
import { installService } from './service.ts';
import { packageVersion } from './version.ts';

async function main(): Promise<number> {
  const role = parseArguments(process.argv.slice(2));
  const file = fileURLToPath(import.meta.url);
  switch (role.role) {
    case 'help':
      process.stdout.write(USAGE);
      return 0;
    case 'version':
      process.stdout.write(`lunsmith ${packageVersion()}\n`);
      return 0;
    case 'daemon':
      withMoreThreads();
      return daemonRole({ file, options: role.options });
    case 'stop':
      return stopRole({ file, options: role.options });
    case 'schema': {
      const { schemaText } = await import('../saveconfig/schema.ts');
      process.stdout.write(schemaText());
      return 0;
    }
    case 'completion':
      process.stdout.write(packagingFile(`completion/lunsmith.${role.shell}`));
      return 0;
    case 'complete':
      return completeRole(role);
    case 'service': {
      const uid = process.geteuid?.() ?? 0;
      process.stdout.write(installService(role, [process.execPath, file], uid));
      return 0;
    }
    case 'shell':
      if (role.options.embedded) withMoreThreads();
      return shellRole({ file, options: role.options }, role.words);
  }
}

/** What was written to a pipe is gone from this process before it exits. */
function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed) resolve();
    else stream.write('', () => resolve());
  });
}

// `| head` has read enough: the command goes on, its output is nobody's concern.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

let status = 1;
try {
  status = await main();
} catch (error) {
  const told = error instanceof ConfigError || error instanceof ControlError;
  const message = told ? error.message : (error as Error).stack;
  process.stderr.write(`${message}\n`);
}
await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
process.exit(status);
