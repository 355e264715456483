/** argv → role. Options stand before the command's words, which pass untouched to the shell. */
import { ConfigError } from '../objects/errors.ts';

export interface Options {
  readonly config?: string;
  readonly socket?: string;
  readonly embedded: boolean;
  readonly keepGoing: boolean;
  /** Lines of the shell instead of words or a script on stdin. */
  readonly command?: string;
  /** The script's file. */
  readonly file?: string;
  readonly quiet?: boolean;
  /** Seconds for everything that the call does. */
  readonly timeout?: string;
}
export type Role =
  | { readonly role: 'help' }
  | { readonly role: 'version' }
  | { readonly role: 'daemon'; readonly options: Options }
  | { readonly role: 'stop'; readonly options: Options }
  | { readonly role: 'schema' }
  | { readonly role: 'completion'; readonly shell: CompletionShell }
  | { readonly role: 'complete'; readonly breaks: string; readonly line: string }
  | { readonly role: 'service'; readonly print: boolean; readonly root: string }
  | ShellRole;
export type CompletionShell = (typeof COMPLETION_SHELLS)[number];
export interface ShellRole {
  readonly role: 'shell';
  readonly options: Options;
  readonly words: readonly string[];
}

const COMPLETION_SHELLS = ['bash', 'zsh'] as const;
/** First words that are no commands of the shell. */
export const ROLE_WORDS = ['completion', 'daemon', 'schema', 'service', 'stop'] as const;

export const USAGE = `\
Usage: lunsmith [OPTIONS]                the shell; a script when stdin is no terminal
       lunsmith [OPTIONS] [PATH] COMMAND…  one command of the shell
       lunsmith [OPTIONS] -c 'COMMAND; …'  commands of the shell, as a script
       lunsmith [OPTIONS] -f FILE          a script; #!/usr/bin/env -S lunsmith -f
       lunsmith [OPTIONS] quickstart       set up a working target by a few questions
       lunsmith daemon [OPTIONS]           serve in the foreground
       lunsmith stop [OPTIONS]             stop the daemon
       lunsmith service install            write unit files, completion and man pages;
                [--print] [--root FOLDER]  print them; write them below a folder
       lunsmith completion bash|zsh        print the completion script
       lunsmith schema                     print the JSON Schema of the configuration file

Options:
  --config FILE    configuration file
  --socket PATH    the daemon's socket
  --embedded       shell and target in one process, without a daemon
  --command, -c COMMANDS  run these, as a script
  --file, -f FILE  run the script in a file
  --keep-going, -e  a script goes on after an error; its exit status is still 1
  --quiet, -q      nothing but results; warnings and errors on stderr
  --timeout SECONDS  for the command or script as a whole; exit status 124 when it is over
  --version, -v    print the version
  --help, -h       print this

Environment: LUNSMITH_CONFIG and LUNSMITH_SOCKET instead of the options; LUNSMITH_HOME, the
folder of preferences and history; LUNSMITH_LOG_LEVEL (debug, info, warn, error) and
LUNSMITH_LOG_FORMAT (text, json) of the daemon.
`;

const VALUED = {
  '--config': 'config',
  '--socket': 'socket',
  '--command': 'command',
  '-c': 'command',
  '--file': 'file',
  '-f': 'file',
  '--timeout': 'timeout',
} as const;
const FLAGS = {
  '--embedded': 'embedded',
  '--keep-going': 'keepGoing',
  '-e': 'keepGoing',
  '--quiet': 'quiet',
  '-q': 'quiet',
} as const;
type ValuedName = keyof typeof VALUED;
type FlagName = keyof typeof FLAGS;
type Draft = { -readonly [K in keyof Options]: Options[K] };

/** For completion. */
export const OPTION_NAMES: readonly string[] = [
  ...Object.keys(VALUED),
  ...Object.keys(FLAGS),
  '--version',
  '--help',
];

interface Parsed {
  readonly options: Options;
  readonly rest: readonly string[];
  readonly asked?: 'help' | 'version';
}

/** The longest that a timer of Node takes. */
const TIMER_SECONDS_MAX = 2_147_483;

function checkSeconds(text: string): void {
  const fits = /^\d{1,7}(\.\d{1,3})?$/.test(text) && Number(text) > 0;
  if (fits && Number(text) <= TIMER_SECONDS_MAX) return;
  throw new ConfigError(
    `--timeout ${text}: seconds above 0 and up to ${TIMER_SECONDS_MAX} are expected`,
  );
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
      if (name === '--timeout') checkSeconds(value);
    } else {
      throw new ConfigError(`Unknown option ${name}: see lunsmith --help`);
    }
  }
  return { options, rest: argv.slice(i) };
}

/** The options before the first word that is none, and the words from there. */
export function optionsOf(argv: readonly string[]): {
  readonly options: Options;
  readonly rest: readonly string[];
} {
  return takeOptions(argv, { embedded: false, keepGoing: false });
}

/** `install [--print] [--root FOLDER]`. */
function serviceRole(words: readonly string[]): Role {
  const [action, ...given] = words;
  if (action !== 'install') throw new ConfigError('lunsmith service knows one action: install');
  let print = false;
  let root = '/';
  for (let i = 0; i < given.length; i++) {
    const word = given[i] ?? '';
    if (word === '--print') print = true;
    else if (word === '--root' || word.startsWith('--root=')) {
      root = word === '--root' ? (given[++i] ?? '') : word.slice('--root='.length);
      if (root === '') throw new ConfigError('Option --root needs a value');
    } else throw new ConfigError(`Unknown option ${word}: see lunsmith --help`);
  }
  return { role: 'service', print, root };
}

function completionRole(words: readonly string[]): Role {
  const shell = COMPLETION_SHELLS.find((one) => one === words[0]);
  if (shell === undefined || words.length > 1) {
    throw new ConfigError(`lunsmith completion takes one word: ${COMPLETION_SHELLS.join(' or ')}`);
  }
  return { role: 'completion', shell };
}

/** Roles without options of the program; undefined for all others. */
function plainRole(word: string | undefined, words: readonly string[]): Role | undefined {
  switch (word) {
    case 'service':
      return serviceRole(words);
    case 'completion':
      return completionRole(words);
    case '__complete':
      return { role: 'complete', breaks: words[0] ?? '', line: words[1] ?? '' };
    case 'schema':
      if (words.length > 0) throw new ConfigError('lunsmith schema takes no words');
      return { role: 'schema' };
    default:
      return undefined;
  }
}

/** Throws ConfigError. */
export function parseArguments(argv: readonly string[]): Role {
  const { options, rest, asked } = takeOptions(argv, { embedded: false, keepGoing: false });
  if (asked !== undefined) return { role: asked };
  const [word] = rest;
  const { command, file } = options;
  if (command !== undefined && file !== undefined) {
    throw new ConfigError('Either -c or -f: both give the script');
  }
  if (word !== undefined && (command !== undefined || file !== undefined)) {
    throw new ConfigError(`${word}: with -c or -f the script holds all commands`);
  }
  const plain = plainRole(word, rest.slice(1));
  if (plain !== undefined) return plain;
  if (word !== 'daemon' && word !== 'stop') return { role: 'shell', options, words: rest };
  const more = takeOptions(rest.slice(1), options);
  if (more.asked !== undefined) return { role: more.asked };
  if (more.rest.length > 0) {
    throw new ConfigError(`lunsmith ${word} takes options only, not ${more.rest[0]}`);
  }
  const { embedded, keepGoing, quiet, timeout } = more.options;
  if (embedded || keepGoing || quiet === true || timeout !== undefined) {
    const names = '--embedded, --keep-going, --quiet and --timeout';
    throw new ConfigError(`lunsmith ${word}: ${names} are for the shell`);
  }
  return { role: word, options: more.options };
}
