/** The commands with which Linux, QEMU and Windows attach to a target, ready to copy. */
import type { Credentials } from './quickstart.ts';
import { heading } from './render.ts';

export interface Attachment {
  readonly target: string;
  /** As an initiator reaches it; IPv6 without brackets. */
  readonly address: string;
  readonly port: number;
  /** Undefined: any initiator may log in. */
  readonly initiator: string | undefined;
  readonly credentials: Credentials | undefined;
}

const portalOf = ({ address, port }: Attachment) =>
  `${address.includes(':') ? `[${address}]` : address}:${port}`;

const isMutual = (credentials: Credentials) => credentials.mutualPassword !== '';

function linux(attachment: Attachment): readonly string[] {
  const { target, initiator, credentials } = attachment;
  const portal = portalOf(attachment);
  const node = `iscsiadm -m node -T ${target} -p ${portal}`;
  const settings: readonly [string, string][] =
    credentials === undefined
      ? []
      : [
          ['authmethod', 'CHAP'],
          ['username', credentials.userid],
          ['password', credentials.password],
          ...(isMutual(credentials)
            ? ([
                ['username_in', credentials.mutualUserid],
                ['password_in', credentials.mutualPassword],
              ] as const)
            : []),
        ].map(([key = '', value = '']) => [key, value]);
  return [
    ...(initiator === undefined
      ? []
      : [
          `echo InitiatorName=${initiator} > /etc/iscsi/initiatorname.iscsi`,
          'systemctl restart iscsid',
        ]),
    `iscsiadm -m discovery -t sendtargets -p ${portal}`,
    ...settings.map(([key, value]) => `${node} -o update -n node.session.auth.${key} -v ${value}`),
    `${node} --login`,
  ];
}

function qemu(attachment: Attachment): readonly string[] {
  const { target, initiator, credentials } = attachment;
  const portal = portalOf(attachment);
  const options = [
    'driver=iscsi',
    'transport=tcp',
    `portal=${portal}`,
    `target=${target}`,
    'lun=0',
    ...(initiator === undefined ? [] : [`initiator-name=${initiator}`]),
    ...(credentials === undefined ? [] : [`user=${credentials.userid}`, 'password-secret=chap']),
  ].join(',');
  const secret =
    credentials === undefined ? '' : `--object secret,id=chap,data=${credentials.password} `;
  return [
    `qemu-img info ${secret}--image-opts ${options}`,
    `qemu-system-x86_64 -m 2G ${secret.replace('--object', '-object')}` +
      `-blockdev ${options},node-name=disk0 -device virtio-blk-pci,drive=disk0`,
    ...(credentials !== undefined && isMutual(credentials)
      ? ['# QEMU proves itself to the target; it does not check the target in return.']
      : []),
  ];
}

function windows(attachment: Attachment): readonly string[] {
  const { target, initiator, address, port, credentials } = attachment;
  const connect = [`Connect-IscsiTarget -NodeAddress ${target} -IsPersistent $true`];
  if (credentials !== undefined) {
    const type = isMutual(credentials) ? 'MUTUALCHAP' : 'ONEWAYCHAP';
    connect.push(
      `-AuthenticationType ${type}`,
      `-ChapUsername ${credentials.userid} -ChapSecret ${credentials.password}`,
    );
  }
  return [
    'Start-Service MSiSCSI; Set-Service MSiSCSI -StartupType Automatic',
    ...(initiator === undefined
      ? []
      : [
          '(Get-InitiatorPort | Where-Object ConnectionType -eq iSCSI) | ' +
            `Set-InitiatorPort -NewNodeAddress ${initiator}`,
        ]),
    ...(credentials !== undefined && isMutual(credentials)
      ? [`Set-IscsiChapSecret -ChapSecret ${credentials.mutualPassword}`]
      : []),
    `New-IscsiTargetPortal -TargetPortalAddress ${address} -TargetPortalPortNumber ${port}`,
    connect.join(' '),
  ];
}

const indent = (lines: readonly string[]) => lines.map((line) => `  ${line}\n`).join('');

export function attachGuide(attachment: Attachment): string {
  return [
    `\n${heading('LINUX')}${indent(linux(attachment))}`,
    `\n${heading('QEMU')}${indent(qemu(attachment))}`,
    `\n${heading('WINDOWS (PowerShell as administrator)')}${indent(windows(attachment))}`,
  ].join('');
}
