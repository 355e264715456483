/** Which files and sockets this run uses: options, then the environment, then the defaults. */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Options } from './args.ts';

export interface Places {
  readonly configFile: string;
  /** The user named the configuration file: a daemon with another one is not what is wanted. */
  readonly configGiven: boolean;
  readonly socketPath: string;
  readonly home: string;
}

export interface PlaceSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly uid: number;
  readonly homeFolder: string;
  readonly cwd: string;
}

export function currentSources(): PlaceSources {
  return {
    env: process.env,
    uid: process.geteuid?.() ?? 0,
    homeFolder: homedir(),
    cwd: process.cwd(),
  };
}

/** An empty variable is as good as none. */
const given = (value: string | undefined) => (value === '' ? undefined : value);

/** All absolute: the daemon may run elsewhere. */
export function placesOf(options: Options, { env, uid, homeFolder, cwd }: PlaceSources): Places {
  const config = given(options.config) ?? given(env['LUNSMITH_CONFIG']);
  const socket = given(options.socket) ?? given(env['LUNSMITH_SOCKET']);
  const home = given(env['LUNSMITH_HOME']) ?? join(homeFolder, '.lunsmith');
  const configFolder =
    uid === 0 ? '/etc' : (given(env['XDG_CONFIG_HOME']) ?? join(homeFolder, '.config'));
  const runtime = given(env['XDG_RUNTIME_DIR']);
  const userFolder = runtime === undefined ? `/tmp/lunsmith-${uid}` : join(runtime, 'lunsmith');
  const socketFolder = uid === 0 ? '/run/lunsmith' : userFolder;
  return {
    configFile: resolve(cwd, config ?? join(configFolder, 'lunsmith', 'saveconfig.yaml')),
    configGiven: config !== undefined,
    socketPath: resolve(cwd, socket ?? join(socketFolder, 'control.sock')),
    home: resolve(cwd, home),
  };
}

/** Where a daemon in the background logs: beside its socket. */
export function logFileOf(socketPath: string): string {
  return socketPath.replace(/(\.sock)?$/, '.log');
}
