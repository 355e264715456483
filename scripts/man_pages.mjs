// The man pages as roff: words written here, lists from the declarations of the built program.

/** Text for the body of a page: backslashes, dashes of options, control characters at the head. */
const roff = (text) =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('…', '...')
    .replace(
      /(^|[\s[|(])(--?)(?=[a-z])/g,
      (_, before, dashes) => before + dashes.replaceAll('-', '\\-'),
    )
    .replace(/^([.'])/gm, '\\&$1');
const bold = (text) => `\\fB${roff(text)}\\fR`;
const section = (title, ...parts) => [`.SH ${title}`, ...parts].join('\n');
const entry = (term, ...text) => ['.TP', term, ...text].join('\n');
const example = (text) => ['.PP', '.RS 4', '.nf', roff(text.trimEnd()), '.fi', '.RE'].join('\n');
const page = (name, number, title, sections) =>
  [
    '.\\" Written by scripts/man_pages.mjs from the declarations: npm run schema.',
    `.TH ${name.toUpperCase()} ${number} "" lunsmith "${title}"`,
    ...sections,
    '',
  ].join('\n');

/** What the program's own usage says: two columns, the second after at least two blanks. */
function columnsOf(usage, from, to) {
  const lines = usage.slice(usage.indexOf(from), usage.indexOf(to)).split('\n').slice(1);
  const rows = [];
  for (const line of lines) {
    const match = /^\s+(-{1,2}\S.*?)\s{2,}(.+)$/.exec(line);
    if (match) rows.push([match[1], match[2]]);
    else if (line.trim() !== '' && rows.length > 0) rows.at(-1)[1] += ` ${line.trim()}`;
  }
  return rows;
}

function attributeEntry(name, attribute, syntaxOf) {
  const shown = attribute.kind === 'bool' ? 'true|false' : syntaxOf(attribute);
  const value = attribute.kind === 'text' && attribute.default === '' ? 'unset' : attribute.default;
  const why = attribute.why === undefined ? '' : ` Restricted: ${attribute.why}.`;
  return entry(bold(name), roff(`${attribute.help} (${shown}; default ${value})${why}`));
}

const SHELL_END = [
  section(
    'ENVIRONMENT',
    entry(bold('LUNSMITH_CONFIG, LUNSMITH_SOCKET'), roff('Instead of --config and --socket.')),
    entry(bold('LUNSMITH_HOME'), roff('Folder of preferences and history, ~/.lunsmith.')),
    entry(bold('LUNSMITH_LOG_LEVEL'), roff('debug, info, warn or error, of the daemon.')),
    entry(bold('LUNSMITH_LOG_FORMAT'), roff('text or json, of the daemon.')),
    entry(
      bold('LISTEN_FDS, LISTEN_PID, NOTIFY_SOCKET'),
      roff('From systemd: the control socket, and where to tell that all is served.'),
    ),
  ),
  section(
    'FILES',
    entry(
      bold('/etc/lunsmith/saveconfig.yaml'),
      roff('The saved configuration; backups in backup/.'),
    ),
    entry(bold('/run/lunsmith/control.sock'), roff('The control socket, mode 0600.')),
  ),
  section('EXIT STATUS', roff('0, or 1 after any error.')),
  section(
    'SIGNALS',
    roff('SIGTERM and SIGINT end the daemon: initiators are logged out, caches flushed. A second'),
    roff('one ends it at once.'),
  ),
  section(
    'EXAMPLES',
    example(
      [
        'lunsmith quickstart',
        'lunsmith /backstores/fileio create disk1 /srv/disk1.img 10G',
        'lunsmith import /etc/target/saveconfig.json --dry-run',
        'lunsmith < commands.txt',
      ].join('\n'),
    ),
  ),
  section('SEE ALSO', '.BR saveconfig.yaml (5),', '.BR systemd.unit (5),', '.BR iscsiadm (8)'),
];

const SHELL_ROLES = [
  section(
    'COMMANDS OF THE PROGRAM',
    entry(bold('daemon'), roff('Serves in the foreground; systemd is told when all is served.')),
    entry(bold('stop'), roff('Stops the daemon as SIGTERM does, and waits for its end.')),
    entry(
      bold('service install [--print] [--root FOLDER]'),
      roff('Writes unit files, completion and man pages, prints them, or writes below a folder.'),
    ),
    entry(bold('completion bash|zsh'), roff('Prints the completion script of that shell.')),
    entry(bold('schema'), roff('Prints the JSON Schema of the configuration file.')),
  ),
];

async function shellPage(built) {
  const { USAGE } = await built('bin/args.js');
  const { BUILTINS } = await built('shell/builtins/table.js');
  const { commandsAt } = await built('shell/command_line.js');
  const { commandHelp } = await built('shell/builtins/help.js');
  const { usage } = await built('shell/help_text.js');
  const { ROOT } = await built('objects/tree.js');
  const options = columnsOf(USAGE, 'Options:', 'Environment:');
  const commands = commandsAt(ROOT, BUILTINS).map((name) => {
    const { help, params, rest } = commandHelp(ROOT, name, BUILTINS);
    return entry(bold(usage(name, params, rest).trim()), roff(help.split('\n').join(' ')));
  });
  return page('lunsmith', 8, 'System administration', [
    section(
      'NAME',
      'lunsmith, targetcli \\- configuration shell and daemon of a userspace iSCSI target',
    ),
    section(
      'SYNOPSIS',
      '.nf',
      roff(USAGE.slice(0, USAGE.indexOf('\n\n')).replace('Usage: ', '       ')),
      '.fi',
    ),
    section(
      'DESCRIPTION',
      roff('lunsmith serves files, memory and block devices as iSCSI disks. A daemon owns the'),
      roff('configuration and the engine; shells, of which there may be any number, attach to it.'),
      roff(
        'Without a command it is a shell, where stdin is a terminal, or else runs a script. The',
      ),
      roff('daemon is started when none is running, and goes on when the shell ends.'),
      '.PP',
      roff('Commands take their values by position, by name as in size=10G, or as options as in'),
      roff('--size 10G. A flag is dry_run=true or --dry-run.'),
    ),
    section('OPTIONS', ...options.map(([term, text]) => entry(bold(term), roff(text)))),
    ...SHELL_ROLES,
    section(
      'COMMANDS OF THE SHELL',
      roff('At the root of the tree; each other place has its own, and help there lists them.'),
      ...commands,
    ),
    ...SHELL_END,
  ]);
}

const FILE_HEAD = [
  section('NAME', 'saveconfig.yaml \\- configuration of lunsmith'),
  section(
    'DESCRIPTION',
    roff('YAML, written by saveconfig and read when the daemon starts. It holds secrets: its mode'),
    roff(
      'is 0600. What is left out has its default. Aliases and several documents in one file are',
    ),
    roff(
      'refused; text that YAML takes for a number, a flag or a date needs quotes. Every mistake',
    ),
    roff('is reported with its line.'),
    '.PP',
    roff('Editors check the file with the schema of lunsmith schema, named in its first line:'),
    example('# yaml-language-server: $schema=/PATH/TO/schema.json'),
  ),
  section(
    'EXAMPLE',
    example(
      [
        'version: 1',
        'backstores:',
        '  fileio:',
        '    disk1: { path: /srv/disk1.img, size: 10GiB, write_back: false }',
        'iscsi:',
        '  targets:',
        '    iqn.2024-01.com.example:san1:',
        '      tpgs:',
        '        1:',
        '          enabled: true',
        '          attributes: { authentication: true }',
        "          portals: ['0.0.0.0:3260']",
        '          luns: { 0: backstores/fileio/disk1 }',
        '          acls:',
        '            iqn.1994-05.com.redhat:client1:',
        '              auth: { userid: client1, password: "change-this-secret" }',
        '              mapped_luns: { 0: { lun: 0, write_protect: false } }',
      ].join('\n'),
    ),
  ),
  section(
    'KEYS',
    entry(bold('version'), '1.'),
    entry(bold('backstores'), roff('block, fileio, ramdisk: storage objects by name.')),
    entry(bold('iscsi'), roff('discovery_auth, and targets by name.')),
    entry(bold('tpgs'), roff('Of a target: its portal groups by tag.')),
    entry(
      bold('enabled, attributes, parameters, auth, portals, luns, acls'),
      roff('Of a portal group. portals is a list of addresses; luns gives the storage object of'),
      roff('each number, as backstores/KIND/NAME; acls are by name of the initiator.'),
    ),
    entry(
      bold('attributes, auth, mapped_luns'),
      roff(
        'Of an ACL. mapped_luns gives lun and write_protect by the number that the initiator sees.',
      ),
    ),
  ),
  section(
    'STORAGE OBJECTS',
    entry(bold('dev, readonly'), roff('Of block: the device, and whether writes are refused.')),
    entry(
      bold('path, size, write_back'),
      roff('Of fileio: the file, its size (bytes, or 10GiB), and whether a write is durable only'),
      roff('after a flush or with FUA.'),
    ),
    entry(bold('size, nullio'), roff('Of ramdisk: nullio forgets writes and reads zeros.')),
    entry(bold('wwn'), roff('Unit serial number; without it one is made of machine and name.')),
    entry(bold('attributes'), roff('As below.')),
  ),
];

async function filePage(built) {
  const { syntaxOf } = await built('objects/attribute.js');
  const { STORAGE_ATTRIBUTES } = await built('objects/declarations/storage.js');
  const { TPG_ATTRIBUTES } = await built('objects/declarations/tpg.js');
  const { NODE_ACL_ATTRIBUTES } = await built('objects/declarations/node_acl.js');
  const { AUTH, DISCOVERY_AUTH } = await built('objects/declarations/auth.js');
  const { TPG_PARAMETERS } = await built('objects/iscsi_keys.js');
  const list = (group) =>
    Object.entries(group)
      .filter(([, attribute]) => attribute.readonly !== true)
      .map(([name, attribute]) => attributeEntry(name, attribute, syntaxOf));
  return page('saveconfig.yaml', 5, 'File formats', [
    ...FILE_HEAD,
    section('ATTRIBUTES OF STORAGE OBJECTS', ...list(STORAGE_ATTRIBUTES)),
    section('ATTRIBUTES OF PORTAL GROUPS', ...list(TPG_ATTRIBUTES)),
    section('PARAMETERS OF PORTAL GROUPS', ...list(TPG_PARAMETERS)),
    section('ATTRIBUTES OF ACLS', ...list(NODE_ACL_ATTRIBUTES)),
    section('AUTH OF PORTAL GROUPS AND ACLS', ...list(AUTH)),
    section('DISCOVERY_AUTH', ...list(DISCOVERY_AUTH)),
    section('SEE ALSO', '.BR lunsmith (8)'),
  ]);
}

/** The pages by file name; `built` imports a module of the built program. */
export async function manPages(built) {
  return {
    'packaging/man/lunsmith.8': await shellPage(built),
    'packaging/man/saveconfig.yaml.5': await filePage(built),
  };
}
