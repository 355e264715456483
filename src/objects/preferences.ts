/** Global preferences (`set global …`): per user, kept by the shell under LUNSMITH_HOME. */
import type { AttributeGroup, ValuesOf } from './attribute.ts';

const flag = (value: boolean) => ({ kind: 'bool', style: 'truefalse', default: value }) as const;
const COLORS = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'] as const;
const color = (value: (typeof COLORS)[number] | 'default') =>
  ({ kind: 'choice', values: [...COLORS, 'default'], default: value }) as const;
const LEVELS = ['critical', 'error', 'warning', 'info', 'verbose', 'debug'] as const;

const THREAD_NUMBERS = Array.from({ length: 16 }, (_, index) => String(index + 1));
const BUSY_POLL_MICROS = ['10', '20', '50', '100', '200', '500', '1000'] as const;

export const PREFERENCES = {
  auto_add_default_portal: {
    ...flag(true),
    help: 'If true, adds a portal listening on all IPs to new targets.',
  },
  auto_add_mapped_luns: {
    ...flag(true),
    help:
      'If true, automatically create node ACLs mapped LUNs after creating a new target LUN or a ' +
      'new node ACL',
  },
  auto_cd_after_create: {
    ...flag(false),
    help: 'If true, changes current path to newly created objects.',
  },
  auto_commit: {
    ...flag(true),
    help: 'If false, changes are staged until they are applied by commit.',
  },
  auto_enable_tpgt: { ...flag(true), help: 'If true, automatically enables TPGTs upon creation.' },
  auto_save_on_exit: { ...flag(true), help: 'If true, saves configuration on exit.' },
  busy_poll: {
    kind: 'choice',
    values: ['auto', 'off', ...BUSY_POLL_MICROS],
    default: 'auto',
    help:
      'Microseconds that the engine looks for input before it sleeps, while that finds some. It ' +
      'saves wake-ups and takes CPU time of a busy engine only; auto is 100.',
  },
  color_command: { ...color('cyan'), help: 'Color to use for command completions.' },
  color_default: {
    kind: 'choice',
    values: [...COLORS, 'none'],
    default: 'none',
    help: 'Default text display color.',
  },
  color_keyword: { ...color('cyan'), help: 'Color to use for keyword completions.' },
  color_mode: { ...flag(true), help: 'Console color display mode.' },
  color_parameter: { ...color('magenta'), help: 'Color to use for parameter completions.' },
  color_path: { ...color('magenta'), help: 'Color to use for path completions' },
  data_threads: {
    kind: 'choice',
    values: ['auto', ...THREAD_NUMBERS],
    default: '1',
    applies: 'next-start',
    help:
      'Threads of the engine that serve sessions: a number, or auto for half the cores, 8 at ' +
      'most. The daemon reads it when it starts.',
  },
  export_backstore_name_as_model: {
    ...flag(true),
    help: 'If true, the backstore name is used for the scsi inquiry model name.',
  },
  logfile: { kind: 'text', lengthMax: 4096, default: '', help: 'Logfile to use.' },
  loglevel_console: {
    kind: 'choice',
    values: LEVELS,
    default: 'info',
    help: 'Log level for messages going to the console.',
  },
  loglevel_file: {
    kind: 'choice',
    values: LEVELS,
    default: 'debug',
    help: 'Log level for messages going to the log file.',
  },
  max_backup_files: {
    kind: 'uint',
    min: 0,
    max: 10_000,
    default: 10,
    help: 'Max no. of configurations to be backed up beside the saved configuration.',
  },
  prompt_length: {
    kind: 'uint',
    min: 0,
    max: 1000,
    default: 30,
    help: 'Max length of the shell prompt path, 0 for infinite.',
  },
  tree_max_depth: {
    kind: 'uint',
    min: 0,
    max: 100,
    default: 0,
    help: 'Maximum depth of displayed node tree.',
  },
  tree_round_nodes: { ...flag(true), help: 'Tree node display style.' },
  tree_show_root: { ...flag(true), help: 'Whether or not to display tree root.' },
  tree_status_mode: { ...flag(true), help: 'Whether or not to display status in tree.' },
} as const satisfies AttributeGroup;
export type Preferences = ValuesOf<typeof PREFERENCES>;
