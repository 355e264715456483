/**
 * An ext4 image copied onto a LUN and back is the same to the byte, whatever was negotiated.
 * QEMU's iSCSI driver knows header digests and one-way CHAP; mutual CHAP is libiscsi's own, so
 * that copy goes through libiscsi directly. Data digests: test/loopback and test/lab.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeExt4Image, sha256OfFile } from '../support/ext4_image.ts';
import { logIn, whyNoLibiscsi } from '../support/libiscsi.mjs';
import { LunsmithProcess } from '../support/lunsmith_process.ts';
import { have, mustRun } from '../support/programs.ts';
import { iscsiUrl, type ServedLun } from '../support/served_target.ts';

const MEGABYTES = 48;
const INITIATOR = 'iqn.2026-01.net.example:copier';
const USER = { user: 'copyuser', password: 'copysecret123' };
const MUTUAL = { target_user: 'diskuser', target_password: 'disksecret123' };

const missing = ['qemu-img', 'mke2fs', 'e2fsck'].find((program) => !have(program));

/** Options of QEMU's iSCSI driver. */
function qemuImage(lun: ServedLun, options: Readonly<Record<string, string>>): string {
  const all = {
    driver: 'iscsi',
    transport: 'tcp',
    portal: `${lun.host}:${lun.port}`,
    target: lun.target,
    lun: String(lun.lun),
    'initiator-name': INITIATOR,
    ...options,
  };
  return Object.entries(all)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

describe('an ext4 image survives the way to a LUN and back', () => {
  const served = new LunsmithProcess();
  let image = '';
  let sum = '';

  beforeAll(async () => {
    if (missing !== undefined) return;
    await served.start();
    image = await makeExt4Image(served.folder, MEGABYTES);
    sum = await sha256OfFile(image);
  });
  afterAll(() => served.stop());
  beforeEach((context) => context.skip(missing !== undefined, `${missing} is not installed`));

  const copyByQemu = async (lun: ServedLun, options: Readonly<Record<string, string>>) => {
    const disk = qemuImage(lun, options);
    const secret = ['--object', `secret,id=chap,data=${USER.password}`];
    const back = served.path('back.raw');
    rmSync(back, { force: true });
    const to = ['convert', '-n', ...secret, '-f', 'raw', image, '--target-image-opts', disk];
    await mustRun('qemu-img', to);
    await mustRun('qemu-img', ['convert', ...secret, '--image-opts', disk, '-O', 'raw', back]);
    expect(await sha256OfFile(back)).toBe(sum);
    await mustRun('e2fsck', ['-f', '-n', back]);
  };

  const requireChap = async (lun: ServedLun, mutual: boolean) => {
    const tpg = `/iscsi/${lun.target}/tpg1`;
    const more = mutual ? ' mutual_userid=diskuser mutual_password=disksecret123' : '';
    await served.configure(
      `${tpg} set attribute authentication=1 generate_node_acls=0`,
      `${tpg}/acls create ${INITIATOR}`,
      `${tpg}/acls/${INITIATOR} set auth userid=copyuser password=copysecret123${more}`,
    );
  };

  test('plain', async () => {
    await copyByQemu(await served.createLun('plain', MEGABYTES), {});
  });

  test('with header digests', async () => {
    const lun = await served.createLun('digests', MEGABYTES);
    const parameters = `/iscsi/${lun.target}/tpg1 set parameter HeaderDigest=CRC32C`;
    await served.configure(parameters);
    await copyByQemu(lun, { 'header-digest': 'crc32c' });
  });

  test('with one-way CHAP', async () => {
    const lun = await served.createLun('chap', MEGABYTES);
    await requireChap(lun, false);
    await copyByQemu(lun, { user: USER.user, 'password-secret': 'chap' });
  });

  test('with mutual CHAP and header digests, by libiscsi itself', async (context) => {
    const why = await whyNoLibiscsi();
    context.skip(why !== undefined, why);
    const lun = await served.createLun('mutual', MEGABYTES);
    await requireChap(lun, true);
    const url = iscsiUrl(lun, { ...USER, query: { ...MUTUAL, header_digest: 'crc32c' } });
    const session = await logIn(url, INITIATOR);
    session.write(0, readFileSync(image));
    session.flush();
    session.logOut();

    const again = await logIn(url, INITIATOR);
    const back = served.path('mutual.raw');
    writeFileSync(back, again.read(0, MEGABYTES * 1024 * 1024));
    again.logOut();
    expect(await sha256OfFile(back)).toBe(sum);
    await mustRun('e2fsck', ['-f', '-n', back]);
  });
});
