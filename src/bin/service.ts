/** `lunsmith service install`: unit files, completion and man pages, printed or written. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { ConfigError } from '../objects/errors.ts';
import { packagingFile } from './packaging.ts';

export interface ServiceRequest {
  readonly print: boolean;
  /** Where the file system begins: `/`, or a folder that a package or image is built in. */
  readonly root: string;
}

interface InstalledFile {
  readonly path: string;
  readonly source: string;
}

const UNITS = '/etc/systemd/system';
const SHARED = '/usr/local/share';
/** The administrator's places: a package of a distribution has its own. */
const FILES: readonly InstalledFile[] = [
  { path: `${UNITS}/lunsmith.service`, source: 'systemd/lunsmith.service' },
  { path: `${UNITS}/lunsmith.socket`, source: 'systemd/lunsmith.socket' },
  { path: `${SHARED}/bash-completion/completions/lunsmith`, source: 'completion/lunsmith.bash' },
  { path: `${SHARED}/bash-completion/completions/targetcli`, source: 'completion/lunsmith.bash' },
  { path: `${SHARED}/zsh/site-functions/_lunsmith`, source: 'completion/lunsmith.zsh' },
  { path: `${SHARED}/man/man8/lunsmith.8`, source: 'man/lunsmith.8' },
  { path: `${SHARED}/man/man5/saveconfig.yaml.5`, source: 'man/saveconfig.yaml.5' },
];

/** A word of ExecStart: systemd has quotes, `%` for its own words and `$` for variables. */
function unitWord(text: string): string {
  const safe = text.replace(/[\\"]/g, '\\$&').replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w./%@:+-]+$/.test(safe) ? safe : `"${safe}"`;
}

/** `program` is what starts lunsmith: node and the file, both absolute. */
function contents(source: string, program: readonly string[]): string {
  const text = packagingFile(source);
  return text.replaceAll('@PROGRAM@', () => program.map(unitWord).join(' '));
}

/** A daemon in the background holds the configuration, and would lose its socket to the unit's. */
const NEXT = `\
A daemon that a shell has started ends first (saveconfig before that keeps what it serves):
  lunsmith stop
To start now and at every boot:
  systemctl daemon-reload
  systemctl enable --now lunsmith.socket lunsmith.service
`;

/** Throws ConfigError. Returns what to print. */
export function installService(
  { print, root }: ServiceRequest,
  program: readonly string[],
  uid: number,
): string {
  const files = FILES.map(({ path, source }) => ({ path, text: contents(source, program) }));
  if (print) {
    return files.map(({ path, text }) => `# ${path}\n${text}`).join('\n');
  }
  const top = resolve(root);
  if (uid !== 0 && top === '/') {
    throw new ConfigError(
      'Only root may install the service: use sudo, or --print to see its files, or --root FOLDER',
    );
  }
  for (const { path, text } of files) writeFile(join(top, path), text);
  const list = files.map(({ path }) => `${join(top, path)}\n`).join('');
  return top === '/' ? list + NEXT : list;
}

function writeFile(path: string, text: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    // Whatever the umask: everybody may read a man page.
    chmodSync(path, 0o644);
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw new ConfigError(`Cannot write ${path}: ${code}`);
  }
}
