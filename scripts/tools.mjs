// The foreign programs that the suites use, and the Debian packages that hold them.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import path from 'node:path';

const SEARCH = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'];

function onPath(name) {
  return SEARCH.some((folder) => {
    try {
      accessSync(path.join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** QEMU loads its iSCSI driver from a module of its own package. */
function qemuIscsiModule() {
  if (!existsSync('/usr/lib')) return false;
  return ['/usr/lib', ...readdirSync('/usr/lib').map((name) => `/usr/lib/${name}`)].some((folder) =>
    existsSync(`${folder}/qemu/block-iscsi.so`),
  );
}

export const TOOLS = [
  { name: 'iscsi-ls', package: 'libiscsi-bin', present: () => onPath('iscsi-ls') },
  { name: 'iscsi-test-cu', package: 'libiscsi-bin', present: () => onPath('iscsi-test-cu') },
  { name: 'qemu-img', package: 'qemu-utils', present: () => onPath('qemu-img') },
  { name: 'block-iscsi.so', package: 'qemu-block-extra', present: qemuIscsiModule },
  { name: 'sg_raw', package: 'sg3-utils', present: () => onPath('sg_raw') },
  { name: 'tmux', package: 'tmux', present: () => onPath('tmux') },
  { name: 'mke2fs', package: 'e2fsprogs', present: () => onPath('mke2fs') },
  { name: 'losetup', package: 'mount', present: () => onPath('losetup') },
  { name: 'strace', package: 'strace', present: () => onPath('strace') },
  { name: 'cc', package: 'gcc', present: () => onPath('cc') },
  { name: 'stdio.h', package: 'libc6-dev', present: () => existsSync('/usr/include/stdio.h') },
];

export const missingTools = () => TOOLS.filter((tool) => !tool.present());

/** Installs what is missing where that is possible: as root on a Debian system. */
export function installTools() {
  const packages = [...new Set(missingTools().map((tool) => tool.package))];
  if (packages.length === 0) return;
  if (process.getuid?.() !== 0 || !onPath('apt-get')) {
    console.log(`Not installed (needs root and apt-get): ${packages.join(' ')}`);
    return;
  }
  console.log(`Installing Debian packages: ${packages.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const options = { env, stdio: ['ignore', 'ignore', 'inherit'] };
  spawnSync('apt-get', ['update', '-qq'], options);
  const args = ['install', '-y', '-qq', '--no-install-recommends', ...packages];
  spawnSync('apt-get', args, options);
}
