/**
 * One daemon for one configuration file: two, on sockets of their own, would overwrite each other's
 * saves and journals. The lock is a name in Linux's abstract socket space, so that it ends with its
 * process however that ends; elsewhere there is none.
 */
import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import path from 'node:path';
import { ConfigError } from '../objects/errors.ts';

export interface ConfigLock {
  release(): void;
}

const NO_LOCK: ConfigLock = { release: () => {} };

/** Rejects with ConfigError when another daemon holds the file. */
export async function lockConfig(file: string): Promise<ConfigLock> {
  if (process.platform !== 'linux') return NO_LOCK;
  const digest = createHash('sha256')
    .update(await truePath(file))
    .digest('hex');
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: Error & { code?: string }) => {
      if (error.code !== 'EADDRINUSE') return reject(error);
      return reject(
        new ConfigError(
          `Another lunsmith daemon serves ${file} already: attach to it by its --socket, ` +
            'or give another --config',
        ),
      );
    });
    server.listen(`\0lunsmith-config-${digest}`, resolve);
  });
  return releaser(server);
}

function releaser(server: Server): ConfigLock {
  server.unref();
  return { release: () => void server.close() };
}

/** The same for every name of the file, which may not exist yet. */
async function truePath(file: string): Promise<string> {
  try {
    return await realpath(file);
  } catch {
    const folder = path.dirname(file);
    return path.join(await realpath(folder).catch(() => folder), path.basename(file));
  }
}
