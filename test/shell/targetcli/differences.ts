/**
 * Every difference between what targetcli printed in the recorded sessions and what this shell
 * prints, with the reason. `replay.test.ts` fails for a difference without a rule, and for a rule
 * without a difference. docs/TARGETCLI.md is made of the titles and reasons.
 */

export interface Rule {
  /** Only for commands like this. */
  readonly command?: RegExp;
  /** Only at prompts like this. */
  readonly at?: RegExp;
  /** Lines that only targetcli printed. With `ours`, both must occur. */
  readonly theirs?: RegExp;
  /** Lines that only this shell printed. */
  readonly ours?: RegExp;
  /** The rule accounts for all that differs in the command, not only for the lines named. */
  readonly whole?: true;
  /** Lines of this shell that are a line of targetcli and go on with a cause or a remedy. */
  readonly more?: true;
}

export interface Reason {
  readonly title: string;
  readonly why: string;
  readonly rules: readonly Rule[];
}

const DISKS = /ramdisk|rd1|rdnull|o- alua|default_tg_pt_gp/;
const FABRIC = /loopback|vhost|xen-pvscsi|srpt/;
const HELP = /(^|\/\S* |\/ )help( |$)/;

export const REASONS: readonly Reason[] = [
  {
    title: 'A child without a slash is a path',
    why:
      '`fdisk1 info` and `lun0 ls` run the command at the child, where targetcli says ' +
      '`Command not found`: it is what one types, and nothing else could be meant.',
    rules: [
      {
        command: /^(fdisk\d|rd\w+|blk1|lun0|tagA|mapped_lun\d+|iqn\.\S+|0\.0\.0\.0:3260) /,
        theirs: /^Error: Command not found/,
        whole: true,
      },
      { theirs: /^Error: Command not found 192$/, ours: /^Error: Command not found 192\./ },
    ],
  },
  {
    title: 'No command ends the shell with a Python traceback',
    why: 'targetcli dies of these commands; here they are answered.',
    rules: [{ theirs: /^<traceback/, whole: true }],
  },
  {
    title: 'Fabrics and backstores of the kernel are not in the tree',
    why:
      'This engine serves iSCSI and iSER from user space. What needs a kernel driver is not ' +
      'shown ' +
      'as a node, and naming it says which node to use instead.',
    rules: [
      { theirs: new RegExp(`^ +o- (${FABRIC.source}) \\[Targets: 0\\]$`) },
      { theirs: /^ +o- pscsi \[Storage Objects: \d\]$/ },
      { theirs: /^ +o- ps1 \[\/dev\/sda deactivated\]$/ },
      { theirs: /^ +o- alua \[ALUA Groups: 0\]$/ },
      { command: /pscsi/, ours: /^Error: pscsi is not available in this engine; use/, whole: true },
      { at: /^\/backstores\/pscsi$/, whole: true },
      {
        command: new RegExp(`^/(${FABRIC.source}) `),
        ours: /is not available in this engine; use/,
        whole: true,
      },
      { theirs: /^(\[\/backstores\/pscsi\]|Info: Status for \/backstores\/pscsi: )/ },
      { theirs: /^o- pscsi \[Storage Objects: 1\]$/ },
      { command: /^ls$/, theirs: /^ +o- (loopback|vhost) \[Targets: 1\]$/ },
      { command: /^ls$/, theirs: /^ +o- naa\.\w+ \[(naa\.\w+|TPGs: 1)\]$/ },
      { command: /^ls$/, theirs: /^ {6,8}o- (acls|luns) \[\w+: 0\]$/ },
      { command: /^ls$/, theirs: /^ +o- tpg1 \[naa\.\w+, no-gen-acls\]$/ },
      { command: /^ls$/, theirs: /^ +o- p1 \[\/dev\/sda deactivated\]$/ },
    ],
  },
  {
    title: 'ALUA groups say what happens to whom',
    why:
      'Members are LUNs by their paths. Deleting a group is confirmed and names the LUNs that ' +
      'are in the default group from then on. A group that does not exist is refused, where ' +
      'targetcli goes on as if nothing had been asked; a state that is none is answered with ' +
      'those that are.',
    rules: [
      { theirs: /^members=\[.*\] \[ro\]$/, ours: /^members=(\/iscsi\/\S+)? \[ro\]$/ },
      { command: /\/alua delete grp1$/, ours: /^Info: Deleted ALUA TPG grp1\.$/ },
      {
        command: /set alua alua_tg_pt_gp_name=nonesuch$/,
        theirs: /is now 'default_tg_pt_gp'\.$/,
        ours: /^Error: storage object fileio\/fdisk1 has no ALUA group nonesuch/,
      },
      {
        theirs: /^Error: Cannot change ALUA state: \[Errno 22\]/,
        ours: /^Error: Not setting alua_access_state! Syntax error, '9' is not one of /,
      },
    ],
  },
  {
    title: 'Another product, in user space',
    why:
      'Names, versions, and what targetcli says of the kernel module and its configuration ' +
      'tree.',
    rules: [
      { command: /^\/ info$/, theirs: /^Error: Command not found info$/ },
      { command: /^version$/, whole: true },
      { theirs: /^Backstore plugin fileio v5\.0$/, ours: /^Backstore plugin fileio / },
      { theirs: /^Info: ConfigFS path: \/sys/, ours: /^Info: ConfigFS path: none/ },
      { theirs: /^Info: Corresponding kernel/, ours: /^Info: Corresponding kernel module: none/ },
      { theirs: /nps, tpgts, cpus_allowed_list$/, ours: /nps, tpgts$/ },
      { theirs: /^TargetAlias=LIO Target$/, ours: /^TargetAlias=lunsmith target$/ },
      { theirs: /^Info: alias: [0-9a-f]{10}$/ },
    ],
  },
  {
    title: 'Messages name a path of the tree',
    why: 'A path below /sys/kernel/config helps nobody who looks at the tree of the shell.',
    rules: [
      {
        theirs: /^Error: No such \w+ in configfs: \/sys\/kernel/,
        ours: /^Error: No such \w+ in configfs: \/iscsi/,
      },
    ],
  },
  {
    title: 'The same message, then the cause or the remedy',
    why: 'Scripts find the words they look for; people read what to do about it.',
    rules: [{ more: true }],
  },
  {
    title: 'Values are checked before anything is changed',
    why:
      'targetcli writes any number and reports what the kernel says (`[Errno 22]`). Here the ' +
      'message says which values are possible, in the form that targetcli has for a wrong type.',
    rules: [
      { theirs: /^Error: Cannot set attribute /, ours: /^Error: Not setting \w+! Syntax error, / },
      { theirs: /is not a NUMBER\.$/, ours: /is not (0\|1|True\|False)\.$/ },
      {
        theirs: /is not a NUMBER\.$/,
        ours: /^Error: ip_port: Syntax error, 'abc' is not a NUMBER/,
      },
      {
        theirs: /^Error: Could not create NetworkPortal in configFS$/,
        ours: /^Error: ip_port: Syntax error, '99999' is out of range 1\.\.65535$/,
      },
    ],
  },
  {
    title: 'Secrets are masked',
    why: '`get auth show_secrets=true` shows them; nothing else prints a secret.',
    rules: [
      {
        theirs: /^Parameter (mutual_)?password is now '[^']+'\.$/,
        ours: /^Parameter (mutual_)?password is now '\*{8}'\.$/,
      },
      { theirs: /^(mutual_)?password=.+$/, ours: /^(mutual_)?password=\*{8}$/ },
      {
        theirs: /^Info: chap_(mutual_)?password: /,
        ours: /^Info: chap_(mutual_)?password: \*{8}$/,
      },
    ],
  },
  {
    title: 'An empty value is empty',
    why:
      '`userid= password=` unsets both. targetcli takes the second word for the value of the ' +
      'first, and keeps the old secret.',
    rules: [
      {
        command: /userid= password=/,
        theirs: /is now '(mutual_)?password='\.$/,
        ours: /is now ''\.$/,
      },
      {
        command: /get (discovery_)?auth$/,
        theirs: /^((mutual_)?userid=(mutual_)?password=|(mutual_)?password=.+)$/,
        ours: /^(mutual_)?(userid|password)=$/,
      },
    ],
  },
  {
    title: 'Lists are in order',
    why:
      'targetcli prints the order of its hash tables: groups, children and mapped LUNs come ' +
      'by chance.',
    rules: [
      {
        theirs: /^global parameter( attribute)?( auth)?$/,
        ours: /^global (attribute )?(auth )?parameter$/,
      },
      { theirs: /^Info: Created mapped LUN \d+\.$/, ours: /^Info: Created mapped LUN \d+\.$/ },
      { command: /^\* (ls|status)$/, theirs: DISKS, ours: DISKS },
      {
        theirs: /^Error: Missing required parameters 'file_or_dev', 'name'$/,
        ours: /^Error: Missing required parameters 'name', 'file_or_dev'$/,
      },
    ],
  },
  {
    title: 'A new LUN keeps its number in every ACL',
    why:
      'LUN 4 becomes mapped LUN 4, unless the ACL has one. targetcli looks for a free number ' +
      'from 0 and compares a string with a number, so that initiators see other numbers.',
    rules: [
      { theirs: /^Info: Created LUN 4->[03] mapping/, ours: /^Info: Created LUN 4->4 mapping/ },
      {
        theirs: /^ *[o+]- mapped_lun[03]( \[lun4 ramdisk\/rdwwn \(rw\)\])?$/,
        ours: /^ *[o+]- mapped_lun4( \[lun4 ramdisk\/rdwwn \(rw\)\])?$/,
      },
    ],
  },
  {
    title: 'The ACL says how it is authenticated',
    why:
      'An ACL with `authentication=1` asks for CHAP whatever its TPG says, and an ACL with ' +
      'secrets of its own is held to these also where the TPG admits everyone.',
    rules: [
      {
        theirs: /^ *[o+]- iqn\.1994-05\.com\.redhat:client1 \[(auth via tpg, )?Mapped LUNs: \d\]$/,
        ours: /client1 \[(mutual|1-way) auth, Mapped LUNs: \d\]$/,
      },
    ],
  },
  {
    title: 'LUN numbers as SCSI has them',
    why:
      'Targets and ACLs have LUNs 0 to 16383, the flat space of SAM-5. `mapped_lun21` is a ' +
      'number ' +
      'wherever 21 is. A LUN that exists is named when it is in the way. `write_protect` by ' +
      'place protects; targetcli takes the word and maps the LUN for writing.',
    rules: [
      { theirs: /LUN must be 0 to (255|65535)$/, ours: /LUN must be 0 to 16383$/ },
      { command: /^create 300 lun0$/, whole: true },
      { theirs: /mapped_lun22 \[lun5 ramdisk\/rd1 \(rw\)\]$/, ours: /mapped_lun22 \[.* \(ro\)\]$/ },
      { command: /^delete mapped_lun21$/, whole: true },
      { command: /^create (20|99999) lun/, theirs: /^Warning: Warning: TPG LUN \d already mapped/ },
      {
        theirs: /^Error: storage object or path not valid$/,
        ours: /^Error: lun for storage object block\/blk1 already exists$/,
      },
    ],
  },
  {
    title: 'ACL tags',
    why: '`tag` and `untag` say what they did.',
    rules: [{ ours: /^Info: (Tagged|Untagged) \d Node ACLs?( as tagA)?/ }],
  },
  {
    title: 'Portals',
    why:
      'An address that the machine does not have yet is allowed, with a warning; an IPv6 address ' +
      'is accepted and shown with its brackets, as in the tree; a portal ' +
      'on another address does not collide with one on 0.0.0.0.',
    rules: [
      {
        command: /^create (192\.168\.77\.1|10\.99\.99\.99 3260)$/,
        theirs: /^(Info: Using default IP port 3260|Error: Could not create NetworkPortal)/,
        ours: /^(Warning: \S+ is no address of this machine|Info: Created network portal )/,
      },
      {
        command: /^create (\[::1\] 3263|10\.0\.2\.15)$/,
        theirs: /^Error: Could not create NetworkPortal in configFS$/,
        ours: /^Info: Created network portal /,
      },
      {
        command: / create 10\.0\.2\.15$/,
        theirs: /^(Could not create NetworkPortal in configFS|<exit status 1, stderr>)$/,
        ours: /^(Created network portal 10\.0\.2\.15:3260\.|<exit status 0>)$/,
      },
      { command: /^bookmarks show$/, theirs: /client1|:c1$/, ours: /portals\/10\.0\.2\.15:3260$/ },
      { theirs: /network portal ::\d:\d+\.?$/, ours: /network portal \[::\d\]:\d+\.?$/ },
      { command: /^create ::0/, ours: /^Info: Binding to INADDR_ANY \(::0\)$/ },
      { command: /^create /, theirs: /^Info: Using default IP port 3260$/ },
    ],
  },
  {
    title: 'iSER without a kernel driver',
    why:
      'A portal serves iSER where targetcli needs an RDMA device. `enable_iser false` disables ' +
      'it, and says so; 1, yes and on are true as well.',
    rules: [
      { command: /enable_iser true$/, theirs: /Cannot change iser/, ours: /iSER enable now: True/ },
      {
        command: /enable_iser false$/,
        theirs: /iSER enable now: True/,
        ours: /iSER enable now: False/,
      },
      { command: /enable_iser (1|yes)$/, theirs: /is not true\|false/, ours: /enable now: True/ },
      { ours: /^Info: iser_provider: iwarp \(user space\)$/ },
    ],
  },
  {
    title: 'Globs run the command',
    why:
      '`/iscsi/iqn.2024* ls` runs at each match. targetcli takes it for a path that does not ' +
      'exist, or goes to the parent without a word.',
    rules: [
      { command: /^\/(iscsi\/iqn\.2024|backstores\/)\* ls$/, whole: true },
      { command: /^refresh$/, theirs: /^prompt \/backstores>$/, ours: /^prompt \/>$/ },
    ],
  },
  {
    title: 'The debug level shows messages, not source lines',
    why: 'targetcli prints where in its own source it is, and every command line.',
    rules: [{ theirs: /^(Debug: <source lines>|Verbose: Running command line '.+'\.)$/ }],
  },
  {
    title: 'Saving',
    why:
      'A backup is made whenever the file is replaced, also when one storage object is saved; ' +
      'restoring a file that is not there is an error, for scripts too.',
    rules: [
      { command: /fdisk1 saveconfig$/, ours: /^Info: Last 10 configs saved in <backups>\/\.$/ },
      { command: /^exit$/, theirs: /^Info: Last 10 configs saved in <backups>\/\.$/ },
      { command: /^exit$/, ours: /^Info: Last 10 configs saved in <backups>\/\.$/ },
      {
        theirs: /^(Info: Restore file \/nonexistent\.json not found|<exit status 0>)$/,
        ours: /^(Error: )?Restore file \/nonexistent\.json not found$|^<exit status 1, stderr>$/,
      },
      {
        theirs: /^Error: storageobject 'ramdisk:rdcd' exist not restoring$/,
        ours: /^Error: storageobject 'fileio:fdisk1' exist not restoring$/,
      },
    ],
  },
  {
    title: 'A deleted disk leaves no LUN behind',
    why:
      'After `delete fdisk1` the LUNs of the target can be listed; targetcli keeps a stale ' +
      'node.',
    rules: [{ theirs: /^Error: This LUN does not exist in configFS$/, whole: true }],
  },
  {
    title: 'Sizes and names',
    why:
      'A disk has at least one block; a size is told as it was typed; a file that serves already ' +
      'is called so. An unknown target is unknown, whatever its name looks like.',
    rules: [
      {
        command: /(zero \S+ 0|tiny \S+ 100|rdz 0)$/,
        ours: /is too small: at least one block of 512 bytes is needed$/,
        whole: true,
      },
      { theirs: /wrong format: -5$/, ours: /^Error: Size -5 is negative$/ },
      { theirs: /^Error: The file size is too large/, ours: /^Error: The size is too large/ },
      { theirs: /is not a TYPE_DISK block device$/, ours: /is already in use by fileio\/fdisk2$/ },
      {
        theirs: /device \/dev\/vda is already in use$/,
        ours: /^Error: Could not open \/dev\/vda: is already in use: mounted$/,
      },
      { theirs: /cannot contain {2}\//, ours: /cannot contain \/.*: "bad\/name"$/ },
      {
        command: /delete wwn=naa\./,
        theirs: /^Error: WWN not valid/,
        ours: /^Error: No such Target/,
      },
    ],
  },
  {
    title: 'Further parameters may be given by place',
    why:
      'A word too many is taken for a parameter that targetcli does not have, and refused ' +
      'as such.',
    rules: [
      { theirs: /^Error: Syntax error, 'extra'/, ours: /false\. \(given for write_back\)$/ },
      {
        command: / create (name=c1|iqn\.2024-01\.com\.example:with space)/,
        theirs: /^Error: (Duplicate parameter name\.|Got 2 positionnal parameters)/,
        ours: /^Error: Syntax error, '\w+' is not true\|false\./,
      },
    ],
  },
  {
    title: 'One connection per session',
    why:
      'Sessions of several connections are not served, and `set` says so instead of ' +
      'promising them.',
    rules: [{ command: /MaxConnections=2/, whole: true }],
  },
  {
    title: 'Preferences',
    why:
      'There is always a daemon, so nothing to choose about it; `auto_commit` is for ' +
      'transactions, `busy_poll` and `data_threads` for the engine.',
    rules: [
      { command: /get global$/, theirs: /^(auto_use_daemon|daemon_use_batch_mode)=/ },
      { command: /get global$/, ours: /^auto_commit=true$/ },
      { command: /get global$/, ours: /^(busy_poll=auto|data_threads=1)$/ },
    ],
  },
  {
    title: 'Attributes of this engine',
    why:
      'What the engine does not do stands at the value that says so and `help NAME` says ' +
      'why; its ' +
      'own limits, and those of a RAM disk, are its own. New ones: limits of bandwidth and ' +
      'commands. `authenticate_target` and the types come from the older targetcli.',
    rules: [
      { theirs: /^emulate_(3pc|pr)=1$/, ours: /^emulate_(3pc|pr)=0$/ },
      { theirs: /^unmap_zeroes_data=0$/, ours: /^unmap_zeroes_data=1$/ },
      { theirs: /^(hw_pi_prot_type=0 \[ro\]|pgr_support=(1|string))$/ },
      { theirs: /^alua_support=string$/ },
      { ours: /^emulate_rsoc=(1|number)$/ },
      { ours: /^(session_)?(burst_time|max_bandwidth|max_iops)=(\d+|number)$/ },
      {
        theirs: /^(hw_max_sectors|optimal_sectors|max_write_same_len|max_unmap_\w+|unmap_gran\w+)=/,
        ours: /^(hw_max_sectors|optimal_sectors|max_write_same_len|max_unmap_\w+|unmap_gran\w+)=/,
      },
      { theirs: /^enable=number$/, ours: /^enable=bool$/ },
      { theirs: /^\w+=string$/, ours: /^\w+=(yesno|Reject|\S+\|\S+)$/ },
      { command: /example:help get$/, theirs: /^global parameter$/, ours: /^global$/ },
      { theirs: /^is_nonrot=1$/, ours: /^is_nonrot=0$/ },
      { ours: /^authenticate_target=[01] \[ro\]$/ },
      { theirs: /^\w+=string$/, ours: /^\w+=number$/ },
      { command: /(blk(1|ro)\/|b1) info$/, ours: /^Info: size: \d+$/ },
    ],
  },
  {
    title: 'Help says more',
    why:
      'There are more commands, and each page lists every parameter and every default. File ' +
      'names ' +
      'are no defaults: the daemon knows its own.',
    rules: [
      { command: HELP, ours: /^usage / },
      { command: HELP, ours: /^(parameter |DEFAULT VALUES$|default )/ },
      { command: HELP, ours: /^see / },
      { command: HELP, theirs: /^default (savefile=<config>|clear_existing=False)$/ },
      { command: /help (cd|help)$/, theirs: /^see cd$/ },
      { command: /help create$/, theirs: /^SIZE SYNTAX$/ },
      { command: /help delete$/, theirs: /^EXAMPLE$/ },
    ],
  },
  {
    title: 'Help of one command',
    why: '`lunsmith help ls` shows the page; targetcli shows how to start it, and fails.',
    rules: [{ theirs: /^Usage: \/usr\/bin\/targetcli/, whole: true }],
  },
  {
    title: 'The prompt stands on a line of its own',
    why: 'Some lists of targetcli end without a line feed.',
    rules: [{ theirs: /^<no newline at end>$/ }],
  },
];
