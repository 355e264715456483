/** argv → role. Options stand before the command's words, which pass untouched to the shell. */
import { ConfigError } from '../objects/errors.ts';

export interface Options {
  readonly config?: string;
  readonly socket?: string;
  readonly embedded: boolean;
  readonly keepGoing: boolean;
}
export type Role =
  | { readonly role: 'help' }
  | { readonly role: 'version' }
  | { readonly role: 'daemon'; readonly options: Options }
  | { readonly role: 'stop'; readonly options: Options }
  | ShellRole;
export interface ShellRole {
  readonly role: 'shell';
  readonly options: Options;
  readonly words: readonly string[];
}

export const USAGE = `\
Usage: lunsmith [OPTIONS]                the shell; a script when stdin is no terminal
       lunsmith [OPTIONS] [PATH] COMMAND…  one command of the shell
       lunsmith [OPTIONS] quickstart       set up a working target by a few questions
       lunsmith daemon [OPTIONS]           serve in the foreground
       lunsmith stop [OPTIONS]             stop the daemon

Options:
  --config FILE    configuration file
  --socket PATH    the daemon's socket
  --embedded       shell and target in one process, without a daemon
  --keep-going     a script goes on after an error; its exit status is still 1
  --version, -v    print the version
  --help, -h       print this

Environment: LUNSMITH_CONFIG and LUNSMITH_SOCKET instead of the options; LUNSMITH_HOME, the
folder of preferences and history; LUNSMITH_LOG_LEVEL (debug, info, warn, error) and
LUNSMITH_LOG_FORMAT (text, json) of the daemon.
`;

const VALUED = { '--config': 'config', '--socket': 'socket' } as const;
const FLAGS = { '--embedded': 'embedded', '--keep-going': 'keepGoing' } as const;
type ValuedName = keyof typeof VALUED;
type FlagName = keyof typeof FLAGS;
type Draft = { -readonly [K in keyof Options]: Options[K] };

interface Parsed {
  readonly options: Options;
  readonly rest: readonly string[];
  readonly asked?: 'help' | 'version';
}

/** Options up to the first word that is none; `--` ends them, too. */
function takeOptions(argv: readonly string[], start: Options): Parsed {
  const options: Draft = { ...start };
  let i = 0;
  for (; i < argv.length; i++) {
    const word = argv[i] ?? '';
    if (word === '--') return { options, rest: argv.slice(i + 1) };
    if (!word.startsWith('-')) break;
    if (word === '--help' || word === '-h') return { options, rest: [], asked: 'help' };
    if (word === '--version' || word === '-v') return { options, rest: [], asked: 'version' };
    const equals = word.indexOf('=');
    const name = equals < 0 ? word : word.slice(0, equals);
    if (Object.hasOwn(FLAGS, name)) {
      if (equals >= 0) throw new ConfigError(`Option ${name} takes no value`);
      options[FLAGS[name as FlagName]] = true;
    } else if (Object.hasOwn(VALUED, name)) {
      const value = equals >= 0 ? word.slice(equals + 1) : argv[++i];
      if (value === undefined || value === '')
        throw new ConfigError(`Option ${name} needs a value`);
      options[VALUED[name as ValuedName]] = value;
    } else {
      throw new ConfigError(`Unknown option ${name}: see lunsmith --help`);
    }
  }
  return { options, rest: argv.slice(i) };
}

/** Throws ConfigError. */
export function parseArguments(argv: readonly string[]): Role {
  const { options, rest, asked } = takeOptions(argv, { embedded: false, keepGoing: false });
  if (asked !== undefined) return { role: asked };
  const [word] = rest;
  if (word !== 'daemon' && word !== 'stop') return { role: 'shell', options, words: rest };
  const more = takeOptions(rest.slice(1), options);
  if (more.asked !== undefined) return { role: more.asked };
  if (more.rest.length > 0) {
    throw new ConfigError(`lunsmith ${word} takes options only, not ${more.rest[0]}`);
  }
  if (more.options.embedded || more.options.keepGoing) {
    throw new ConfigError(`lunsmith ${word}: --embedded and --keep-going are for the shell`);
  }
  return { role: word, options: more.options };
}
