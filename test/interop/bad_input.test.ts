/** Wrong input of every kind: one clear line, nothing changed, exit status 1. */
import { createServer } from 'node:net';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LunsmithProcess } from '../support/lunsmith_process.ts';
import { freePort } from '../support/programs.ts';

const TARGET = 'iqn.2026-01.net.example:bad';
const TPG = `/iscsi/${TARGET}/tpg1`;

interface Mistake {
  readonly what: string;
  readonly line: string;
  /** What the message must name. */
  readonly says: RegExp;
}

/** `FOLDER` stands for the folder of this run, `BUSY` for a port in use. */
const MISTAKES: readonly Mistake[] = [
  { what: 'unknown path', line: '/iscsi/nowhere ls', says: /nowhere/ },
  { what: 'unknown command', line: '/backstores/fileio destroy x', says: /destroy/ },
  {
    what: 'unknown parameter of a command',
    line: '/backstores/ramdisk create name=r size=1M colour=red',
    says: /colour/,
  },
  {
    what: 'missing parameter of a command',
    line: '/backstores/ramdisk create name=r',
    says: /size/,
  },
  { what: 'unknown attribute', line: `${TPG} set attribute colour=1`, says: /colour/ },
  { what: 'unknown group', line: `${TPG} set colours red=1`, says: /colours/ },
  {
    what: 'value out of range',
    line: `${TPG} set parameter MaxBurstLength=5`,
    says: /MaxBurstLength.*512/,
  },
  { what: 'not a number', line: `${TPG} set attribute login_timeout=soon`, says: /login_timeout/ },
  {
    what: 'one good and one bad value: neither is set',
    line: `${TPG} set attribute demo_mode_write_protect=0 login_timeout=1`,
    says: /login_timeout/,
  },
  { what: 'duplicate name', line: '/backstores/ramdisk create taken 1M', says: /taken/ },
  { what: 'duplicate target', line: `/iscsi create ${TARGET}`, says: /exists|already/i },
  {
    what: 'missing file without a size',
    line: '/backstores/fileio create f FOLDER/absent.img',
    says: /absent\.img|size/,
  },
  {
    what: 'missing folder',
    line: '/backstores/fileio create f FOLDER/no/such/folder/f.img 1M',
    says: /folder|director/i,
  },
  {
    what: 'missing block device',
    line: '/backstores/block create b FOLDER/absent-device',
    says: /absent-device/,
  },
  { what: 'absurd size', line: '/backstores/ramdisk create r 99999999999T', says: /size/i },
  { what: 'size that is no number', line: '/backstores/ramdisk create r lots', says: /lots|size/ },
  { what: 'size with an unknown unit', line: '/backstores/ramdisk create r 1X', says: /1X|size/ },
  {
    what: 'size without a unit that makes no whole block',
    line: '/backstores/ramdisk create r 100',
    says: /size|100|unit/i,
  },
  { what: 'size of nothing', line: '/backstores/ramdisk create r 0', says: /size|0/ },
  { what: 'bad IQN', line: '/iscsi create iqn.nonsense', says: /iqn/i },
  { what: 'bad initiator name', line: `${TPG}/acls create hello`, says: /hello|wwn|name/i },
  {
    what: 'port in use',
    line: `${TPG}/portals create 127.0.0.1 BUSY`,
    says: /BUSY.*use|use.*BUSY/i,
  },
  { what: 'port out of range', line: `${TPG}/portals create 127.0.0.1 70000`, says: /70000|port/i },
  { what: 'bad address', line: `${TPG}/portals create 300.1.1.1`, says: /300\.1\.1\.1/ },
  {
    what: 'LUN in use',
    line: `${TPG}/luns create /backstores/ramdisk/taken lun=0`,
    says: /lun.?0|LUN/i,
  },
  {
    what: 'LUN of an unknown storage object',
    line: `${TPG}/luns create /backstores/ramdisk/absent`,
    says: /absent/,
  },
  { what: 'delete of an unknown thing', line: '/backstores/ramdisk delete absent', says: /absent/ },
  { what: 'unbalanced quote', line: 'set global prompt_length="30', says: /closing|quote/i },
  { what: 'missing file to restore', line: 'restoreconfig FOLDER/absent.yaml', says: /absent/ },
  {
    what: 'file with a wrong key to restore',
    line: 'restoreconfig FOLDER/wrong.yaml clear_existing=true',
    says: /colour/,
  },
];

describe('bad input', () => {
  const served = new LunsmithProcess();
  const busy = createServer();
  let busyPort = 0;
  beforeAll(async () => {
    await served.start();
    busyPort = await freePort();
    busy.listen(busyPort, '127.0.0.1');
    await once(busy, 'listening');
    await served.configure(
      'set global auto_add_default_portal=false',
      '/backstores/ramdisk create taken 1M',
      `/iscsi create ${TARGET}`,
      `${TPG}/luns create /backstores/ramdisk/taken`,
      'saveconfig',
    );
    const saved = readFileSync(served.config, 'utf8');
    writeFileSync(served.path('wrong.yaml'), `${saved}\ncolour: red\n`);
  });
  afterAll(async () => {
    busy.close();
    await served.stop();
  });

  const fill = (text: string) =>
    text.replaceAll('FOLDER', served.folder).replaceAll('BUSY', String(busyPort));
  const everything = async () => {
    const tree = await served.configure('ls', `${TPG} get attribute`, `${TPG} get parameter`);
    return tree + readFileSync(served.config, 'utf8');
  };

  test.each(MISTAKES)('$what', async ({ line, says }) => {
    const before = await everything();
    const { status, stdout, stderr } = await served.script([fill(line)]);
    expect(status, stdout).toBe(1);
    const complaint = stderr.trimEnd();
    const [message = '', ...shown] = complaint.split('\n');
    // Where text is at fault, its line follows, and a caret under the place.
    if (shown.length > 0) expect(shown.join('\n')).toMatch(/^.+\n[ |]*\^$/);
    expect(message).toMatch(new RegExp(fill(says.source), says.flags));
    expect(complaint).not.toMatch(/at .*\.[jt]s:\d+|undefined|\[object/);
    expect(await everything()).toBe(before);
  });
});
