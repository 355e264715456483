/** What LIO has and this engine has not: said so, with what to use instead. */
import { describe, expect, test } from 'vitest';
import { EXAMPLE, TARGET, testShell } from './kit.ts';

const tpg = `/iscsi/${TARGET}/tpg1`;

describe('not available in this engine', () => {
  test.each([
    ['/loopback', 'use /iscsi with an initiator on this machine'],
    ['loopback/ create', 'use /iscsi'],
    ['/loopback ls', 'use /iscsi'],
    ['cd /vhost', 'QEMU attaches iscsi:// URLs itself'],
    ['/vhost create', 'QEMU attaches'],
    ['/ib_srpt ls', 'use /iscsi'],
    ['/srpt ls', 'use /iscsi'],
    ['/qla2xxx ls', 'use /iscsi'],
    ['/tcm_fc ls', 'use /iscsi'],
    ['/xen-pvscsi ls', 'use /iscsi'],
    ['/sbp ls', 'use /iscsi'],
    ['/efct ls', 'use /iscsi'],
    ['/ibmvscsis ls', 'use /iscsi'],
    ['/usb_gadget ls', 'use /iscsi'],
    ['vhost ls', 'use /iscsi'],
    ['/backstores/pscsi create x /dev/sg0', 'use block'],
    ['/backstores/pscsi', 'use block'],
    ['/backstores/user:rbd create x 1G rbd/x', 'use fileio or block'],
    ['/backstores/user ls', 'use fileio or block'],
    [`help loopback`, 'use /iscsi with an initiator on this machine'],
  ])('%s', async (line, instead) => {
    const { run, shell } = testShell();
    await run(...EXAMPLE);
    const said = await run(line);
    expect(said).toContain('not available in this engine');
    expect(said).toContain(instead);
    expect(shell.cwd).toBe('/');
  });
});

describe('did you mean', () => {
  test.each([
    ['saveconfg', 'did you mean saveconfig?'],
    ['/iscs ls', 'did you mean iscsi?'],
    ['/backstores/filio ls', 'did you mean fileio?'],
    [`${tpg}/lunz ls`, 'did you mean luns?'],
    [`${tpg} set atribute authentication=1`, 'did you mean attribute?'],
    [`${tpg} set attribute authentcation=1`, 'Did you mean authentication?'],
    [`${tpg} get attribute authentcation`, 'Did you mean authentication?'],
    ['/backstores/fileio create name=x file_or_dv=/srv/x size=1M', 'Did you mean file_or_dev?'],
    ['sessions acton=list', 'Did you mean action?'],
    ['help saveconfi', 'Did you mean saveconfig?'],
    ['cd @las', 'did you mean last?'],
    ['bookmarks go las', 'Did you mean last?'],
    ['/backstores/fileio delete disc1', 'did you mean disk1?'],
    [`/iscsi delete ${TARGET}t`, `did you mean ${TARGET}?`],
    ['/backstores/fileio/disk1/alua delete gpr', 'did you mean grp?'],
    [`${tpg}/luns/lun0 set alua alua_tg_pt_gp_name=gpr`, 'did you mean grp?'],
    [`${tpg}/luns/lun0 set alua alua_tg_pt_gp=grp`, 'did you mean alua_tg_pt_gp_name?'],
    [`${tpg}/acls delete iqn.1994-05.com.redhta:c1`, 'did you mean iqn.1994-05.com.redhat:c1?'],
  ])('%s', async (line, guess) => {
    const { run } = testShell();
    await run(...EXAMPLE, '/backstores/fileio/disk1/alua create grp 7');
    expect((await run(line)).toLowerCase()).toContain(guess.toLowerCase());
  });
});

test('no command is guessed that is refused there', async () => {
  const { run } = testShell();
  await run(...EXAMPLE);
  expect(await run('/backstores info')).toBe('Command not found info\n');
  expect(await run(`${tpg} kick`)).toBe('Command not found kick\n');
});
