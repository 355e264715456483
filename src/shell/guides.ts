/** `help topics`: short guides to what administrators ask most. */
export interface Guide {
  readonly title: string;
  readonly text: string;
}

export const GUIDES: Readonly<Record<string, Guide>> = {
  'demo-mode': {
    title: 'Demo mode: any initiator may log in',
    text: `
Without a node ACL nobody may log in to a TPG. Demo mode lets everybody in:

  set attribute generate_node_acls=1

Every LUN of the TPG is then seen under its own number, read only until

  set attribute demo_mode_write_protect=0

An initiator that has a node ACL sees the mapped LUNs of that ACL, also in demo mode. Two
initiators that write to one disk destroy its file system: demo mode is for trying things out.
\`why INITIATOR\` tells what one initiator may do.
`,
  },
  chap: {
    title: 'CHAP: initiators prove who they are',
    text: `
At a node ACL, one secret for that initiator:

  set auth userid=NAME password

The password is asked for when it is left out. Initiators on Windows want 12 to 16 characters.
Then at the TPG, for all its initiators:

  set attribute authentication=1

In demo mode the credentials of the TPG hold for initiators without their own. Discovery has
credentials of its own: /iscsi set discovery_auth enable=1 userid=NAME password.
`,
  },
  'mutual-chap': {
    title: 'Mutual CHAP: the target proves itself, too',
    text: `
First CHAP as in \`help chap\`. Then, where its userid and password stand:

  set auth mutual_userid=NAME mutual_password

The initiator must be set to ask for it. Both secrets must differ.
`,
  },
  iser: {
    title: 'iSER: iSCSI over RDMA',
    text: `
A portal may offer iSER beside iSCSI over TCP:

  portals/IP:PORT enable_iser true

Both are then served on the same port. The target speaks iWARP over ordinary TCP by itself: no
RDMA adapter is needed here, and soft-iWARP (siw) is enough at a Linux initiator.
`,
  },
  alua: {
    title: 'ALUA: several paths to one disk',
    text: `
A storage object may be a LUN of several targets: initiators reach it by several paths, and
their multipath software asks which one to take. An ALUA group of the storage object says so
for the LUNs in it; without one, every path is active/optimized.

  /backstores/fileio/disk1/alua create backup 7
  /iscsi/TARGET2/tpg1/luns/lun0 set alua alua_tg_pt_gp_name=backup
  /backstores/fileio/disk1/alua/backup set alua alua_access_state=1

States: 0 active/optimized; 1 active/non-optimized, which serves, and each command waits
nonop_delay_msecs; 2 standby, 3 unavailable and 14 offline refuse to read and write until the
state changes. Initiators are told of a change. preferred=1 marks the group that they should
come back to; alua_access_type says who may change states: initiators, too, unless it is 1.
A LUN without a group of its own is in default_tg_pt_gp. \`why INITIATOR\` names the state of
each LUN, \`get alua members\` at a group the LUNs in it.
`,
  },
  persistence: {
    title: 'What survives a restart',
    text: `
Each command takes effect at once; the daemon keeps serving after \`exit\`. What the daemon
restores when it starts is the saved configuration:

  saveconfig

A shell that changed something saves on exit while auto_save_on_exit is true; a single command
of the system's shell never does. \`restoreconfig\` goes back to what was saved, \`dump\` shows
the configuration as commands. The data of a ramdisk is never kept.
`,
  },
};

export function topicsPage(): string {
  const rows = Object.entries(GUIDES).map(([name, { title }]) => `  ${name.padEnd(14)}${title}\n`);
  return `\nTOPICS\n======\n${rows.join('')}\n\`help TOPIC\` shows one of them.\n`;
}

export function guidePage({ title, text }: Guide): string {
  return `\n${title}\n${'='.repeat(title.length)}\n${text}`;
}
