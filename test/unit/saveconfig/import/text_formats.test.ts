import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toLioJson } from '../../../../src/saveconfig/export/lio_json.ts';
import type { FormatReader, SourceText } from '../../../../src/saveconfig/import/imported.ts';
import { readIstgt } from '../../../../src/saveconfig/import/istgt.ts';
import { readLio } from '../../../../src/saveconfig/import/lio.ts';
import { readLioJson } from '../../../../src/saveconfig/import/lio_json.ts';
import { readNetbsd } from '../../../../src/saveconfig/import/netbsd.ts';
import { FORMATS, READERS, recognise } from '../../../../src/saveconfig/import/recognise.ts';
import { readTgt } from '../../../../src/saveconfig/import/tgt.ts';
import { device, file, fixture, imported, reasons, surroundings } from './import_kit.ts';

const GIB = 1024 ** 3;
const LIO = fixture('lio/scsi_target.lio');
const TGT = fixture('tgt/targets.conf');
const DUMP = fixture('tgt/dump.conf');
const ISTGT = fixture('istgt/istgt.conf');
const NETBSD = fixture('netbsd/targets');

const machine = () =>
  surroundings(
    {
      '/srv/images/web.img': file(4 * GIB),
      '/srv/images/db.img': file(2 * GIB),
      '/srv/images/mail.img': file(GIB),
      '/srv/images/other.img': file(GIB),
      '/tank/disk3': file(GIB + 100),
      '/tank/vol1': device(GIB),
      '/srv/iscsi-target1': file(GIB),
    },
    {
      'tgt/conf.d/*.conf': [fixture('tgt/included.conf')],
      '/etc/istgt/auth.conf': [fixture('istgt/auth.conf')],
    },
  );
const show = (read: FormatReader, source: SourceText) => imported(read, source, machine());

describe('each sample', () => {
  test.each([
    ['lio', LIO, readLio],
    ['tgt', TGT, readTgt],
    ['tgt', DUMP, readTgt],
    ['istgt', ISTGT, readIstgt],
    ['netbsd', NETBSD, readNetbsd],
  ] as const)('%s %#: recognised, and comes back through LIO the same', (format, source, read) => {
    expect(recognise(source.text)).toBe(format);
    const { document } = show(read, source);
    expect(Object.keys(document.iscsi.targets).length).toBeGreaterThan(1);
    const again = imported(readLioJson, { file: 'x', text: toLioJson(document) });
    expect(again.document).toEqual(document);
    expect(reasons(again)).toEqual([]);
  });
});

describe('.lio', () => {
  const result = show(readLio, LIO);
  const { backstores, iscsi } = result.document;
  const tpg = iscsi.targets['iqn.2003-01.org.linux-iscsi.x:sn.1']?.tpgs['1'];

  test('storage objects, nested or in one line', () => {
    expect(backstores.fileio['disk1']).toEqual({
      path: '/srv/disk1.img',
      size: GIB,
      write_back: true,
      wwn: '2f3a1c7e-94b0-4d21-9a55-0d4a7c1be001',
      attributes: { emulate_dpo: false, emulate_tpu: true },
    });
    expect(backstores.block['my_disk']).toMatchObject({ dev: '/dev/sdb', readonly: false });
    expect(backstores.ramdisk['ram0']).toMatchObject({ size: 64 * 1024 ** 2, nullio: true });
  });

  test('TPG, credentials, ACL and mapped LUNs', () => {
    expect(tpg).toEqual({
      enabled: true,
      attributes: { authentication: true, default_cmdsn_depth: 16 },
      parameters: { MaxBurstLength: 524288 },
      auth: {
        userid: 'tpg',
        password: 'tpgsecret1234',
        mutual_userid: 'back',
        mutual_password: 'backsecret123',
      },
      portals: {
        '192.168.1.139:3260': { iser: false },
        '[fd00::1]:3260': { iser: expect.any(Boolean) as boolean },
      },
      luns: { 0: { storage_object: 'fileio/disk1' }, 1: { storage_object: 'block/my_disk' } },
      acls: {
        'iqn.1991-05.com.microsoft:ibm-t410s': {
          attributes: { dataout_timeout: 10 },
          auth: { userid: 'laptop', password: 'laptopsecret1' },
          mapped_luns: {
            0: { lun: 0, write_protect: false },
            4: { lun: 1, write_protect: true },
          },
        },
      },
    });
    expect(iscsi.discovery_auth).toEqual({
      enable: true,
      userid: 'finder',
      password: 'finders secret',
    });
    const second = iscsi.targets['iqn.2003-01.org.linux-iscsi.x:sn.2']?.tpgs['1'];
    expect(second).toMatchObject({ enabled: false, attributes: { generate_node_acls: true } });
  });

  test('what is not served is named with its line', () => {
    const lines = reasons(result).join('\n');
    expect(lines).toContain('18: storage object pscsi/tape0');
    expect(lines).toContain('26: IFMarkInt=2048~65535 of iqn.2003-01.org.linux-iscsi.x:sn.1 tpg1');
    expect(lines).toContain('30: LUN 2 of');
    expect(lines).toContain('46: fabric loopback: only the fabric iscsi is served');
  });

  test('a block that is not closed is refused with the line of its beginning', () => {
    expect(
      readLio({ file: 'a.lio', text: 'fabric iscsi {\n target iqn.x {\n' }, machine()),
    ).toEqual({ ok: false, problem: 'a.lio:2: this block has no }' });
  });
});

describe('tgt', () => {
  const result = show(readTgt, TGT);
  const { backstores, iscsi } = result.document;
  const tpgOf = (name: string) => iscsi.targets[`iqn.2008-09.com.example:${name}`]?.tpgs['1'];
  const lines = reasons(result).join('\n');

  test('disks are numbered from 1 in the order of their names, as tgt-admin does', () => {
    expect(tpgOf('plain')).toMatchObject({
      attributes: { generate_node_acls: true, demo_mode_write_protect: false },
      luns: { 1: { storage_object: 'block/a' }, 2: { storage_object: 'block/b' } },
      portals: { '0.0.0.0:3260': { iser: false } },
    });
    expect(result.carried.join('\n')).toMatch(/portal 0\.0\.0\.0:3260 assumed/);
  });

  test('a target of the driver iser has iSER on its portal', () => {
    const text = '<target iqn.2026-01.com.example:x>\ndriver iser\n</target>\n';
    const { document, notCarried } = imported(readTgt, { file: 'targets.conf', text });
    const tpg = document.iscsi.targets['iqn.2026-01.com.example:x']?.tpgs['1'];
    expect(tpg?.portals).toEqual({ '0.0.0.0:3260': { iser: true } });
    expect(notCarried).toEqual([]);
  });

  test('initiator names become ACLs with their login; a read-only disk stays read-only', () => {
    const tpg = tpgOf('named');
    expect(tpg?.attributes).toEqual({ authentication: true });
    expect(tpg?.parameters).toEqual({ MaxBurstLength: 524288 });
    expect(tpg?.luns).toEqual({
      1: { storage_object: 'fileio/db' },
      3: { storage_object: 'block/sdd' },
      7: { storage_object: 'fileio/web' },
    });
    const acl = tpg?.acls['iqn.1994-05.com.redhat:client1'];
    expect(acl?.auth).toEqual({
      userid: 'web',
      password: 'websecret1234',
      mutual_userid: 'san',
      mutual_password: 'sansecret1234',
    });
    expect(acl?.mapped_luns['7']).toEqual({ lun: 7, write_protect: true });
    expect(acl?.mapped_luns['1']).toEqual({ lun: 1, write_protect: false });
    expect(backstores.fileio['web']).toMatchObject({
      wwn: '0badcafe00000001',
      attributes: { block_size: 4096 },
    });
  });

  test('a target limited by address comes disabled rather than open', () => {
    expect(tpgOf('by-address')?.enabled).toBe(false);
    expect(lines).toMatch(/initiator-address 192\.0\.2\.1 .*disabled: make ACLs/);
  });

  test('included files are read, a read-only target without ACLs is write-protected', () => {
    const tpg = tpgOf('included');
    expect(tpg?.attributes).toEqual({ generate_node_acls: true });
    expect(Object.keys(tpg?.luns ?? {})).toEqual(['1']);
  });

  test('what is not served is named with its line, secrets are not', () => {
    for (const expected of [
      '4: iSNSServerIP: iSNS is not served',
      'a device of type cd is not served',
      'the backing store type rbd is not served',
      'the driver ibmvio is not served',
      'incominguser spare of',
      'MaxConnections=8 of',
      'vendor_id EXAMPLE of LUN 7',
    ]) {
      expect(lines).toContain(expected);
    }
    expect(lines).not.toMatch(/secret/);
  });

  test('a dump knows no passwords: logins stay required, and the user is told to set them', () => {
    const dump = show(readTgt, DUMP);
    const tpg = dump.document.iscsi.targets['iqn.2008-09.com.example:named']?.tpgs['1'];
    expect(tpg?.attributes.authentication).toBe(true);
    expect(Object.values(tpg?.acls ?? {})[0]?.auth).toEqual({
      userid: 'web',
      mutual_userid: 'san',
    });
    expect(reasons(dump).join('\n')).toContain('a dump does not hold it: set auth password=');
  });

  test('files that include each other end in a clear refusal', () => {
    const loop: SourceText = { file: '/a.conf', text: 'include /a.conf\n' };
    const result = readTgt(loop, surroundings({}, { '/a.conf': [loop] }));
    expect(result).toEqual({
      ok: false,
      problem: '/a.conf: too many files include each other',
    });
  });

  test('a block that is not closed, and one that closes another, name their line', () => {
    const problem = (text: string) => {
      const result = readTgt({ file: 't', text }, machine());
      return result.ok ? '' : result.problem;
    };
    expect(problem('<target iqn.a>\n')).toMatch(/^t:1: /);
    expect(problem('<target iqn.a>\n</other>')).toMatch(/^t:2: /);
  });
});

describe('istgt', () => {
  const result = show(readIstgt, ISTGT);
  const { backstores, iscsi } = result.document;
  const lines = reasons(result).join('\n');
  const disk1 = iscsi.targets['iqn.2007-09.com.example.san:disk1'];

  test('portal groups become TPGs of their number, initiator groups ACLs', () => {
    expect(Object.keys(disk1?.tpgs ?? {})).toEqual(['1', '2']);
    const tpg = disk1?.tpgs['1'];
    expect(Object.keys(tpg?.portals ?? {})).toEqual(['192.0.2.36:3260', '[fd00::36]:3260']);
    expect(tpg?.luns).toEqual({
      0: { storage_object: 'fileio/disk1' },
      2: { storage_object: 'fileio/disk1.2' },
    });
    expect(tpg?.acls['iqn.1991-05.com.microsoft:athena']).toMatchObject({
      attributes: { nopin_timeout: 20 },
      auth: { userid: 'iqn.1991-05.com.microsoft:athena', password: 'athenasecret1' },
    });
    expect(tpg?.acls['iqn.1991-05.com.microsoft:saturn']?.auth).toMatchObject({
      mutual_userid: 'iqn.2007-09.com.example:disk1',
      mutual_password: 'disksecret123',
    });
  });

  test('parameters of the unit win over those of the whole', () => {
    expect(disk1?.tpgs['1']?.parameters).toEqual({
      DataDigest: 'CRC32C',
      FirstBurstLength: 262144,
      HeaderDigest: 'CRC32C',
      MaxBurstLength: 524288,
      MaxOutstandingR2T: 16,
      MaxRecvDataSegmentLength: 262144,
      TargetAlias: 'Data disk 1',
    });
  });

  test('sizes, serial number, queue depth and rotation reach the storage object', () => {
    expect(backstores.fileio['disk1']).toMatchObject({
      path: '/tank/disk1',
      size: 10 * GIB,
      wwn: '10000001',
      attributes: { queue_depth: 32, is_nonrot: true },
    });
    expect(backstores.fileio['disk1.2']).toMatchObject({
      size: 20 * GIB - 1024 ** 2,
      write_back: false,
    });
  });

  test('open units are open as they were: read-only, or closed when limited by address', () => {
    const open = iscsi.targets['iqn.1994-04.org.netbsd.iscsi-target:open']?.tpgs['1'];
    expect(open?.attributes).toEqual({ generate_node_acls: true });
    expect(open?.enabled).toBe(true);
    const limited = iscsi.targets['iqn.2007-09.com.example.san:by-address']?.tpgs['1'];
    expect(limited?.enabled).toBe(false);
    expect(backstores.fileio['disk3']?.size).toBe(GIB);
  });

  test('discovery logins come from auth.conf; what is not served is named', () => {
    expect(iscsi.discovery_auth).toEqual({
      enable: true,
      userid: 'finder',
      password: 'findersecret1',
      mutual_userid: 'found',
      mutual_password: 'foundsecret12',
    });
    expect(lines).toContain('a unit of type DVD is not served');
    expect(lines).toContain('[UnitControl]');
    expect(lines).toContain('Netmask 192.0.2.0/24');
    expect(lines).toContain('Auth nobody');
    expect(lines).not.toMatch(/secret/);
  });

  test('without auth.conf the logins are missed loudly', () => {
    const alone = imported(readIstgt, ISTGT, surroundings());
    expect(reasons(alone).join('\n')).toContain('AuthFile /etc/istgt/auth.conf');
    const tpg = alone.document.iscsi.targets['iqn.2007-09.com.example.san:disk1']?.tpgs['1'];
    expect(tpg?.attributes.authentication).toBe(true);
  });
});

describe('NetBSD', () => {
  const result = show(readNetbsd, NETBSD);
  const { backstores, iscsi } = result.document;

  test('extents and devices of one extent become disks', () => {
    expect(Object.keys(iscsi.targets)).toEqual([
      'iqn.1994-04.org.netbsd.iscsi-target:target0',
      'iqn.1994-04.org.netbsd.iscsi-target:target1',
      'iqn.2024-01.com.example:own',
    ]);
    expect(backstores.fileio['iscsi-target0']).toMatchObject({ size: 100 * 1024 ** 2 });
    expect(backstores.block['rwd1d']).toMatchObject({ dev: '/dev/rwd1d' });
    const [first, second, third] = Object.values(iscsi.targets).map(({ tpgs }) => tpgs['1']);
    expect(first?.attributes).toEqual({
      generate_node_acls: true,
      demo_mode_write_protect: false,
    });
    expect(second?.attributes).toEqual({ generate_node_acls: true });
    expect(third?.enabled).toBe(false);
  });

  test('RAID, offsets and what is nowhere are named', () => {
    const lines = reasons(result).join('\n');
    expect(lines).toContain('RAID is not served');
    expect(lines).toContain('begins at 512');
    expect(lines).toContain('extent9 is nowhere');
    expect(lines).toContain('netmask 192.0.2.0/24');
  });
});

describe('hostile text', () => {
  const samples = [LIO.text, TGT.text, ISTGT.text, NETBSD.text];

  test.each(FORMATS)('%s: no text throws, cut samples and mixtures among them', (format) => {
    const cut = fc
      .tuple(fc.constantFrom(...samples), fc.nat(3000), fc.nat(3000), fc.string())
      .map(([text, a, b, junk]) => text.slice(0, a) + junk + text.slice(b));
    fc.assert(
      fc.property(fc.oneof(cut, fc.string()), (text) => {
        expect(typeof READERS[format]({ file: 'x', text }, machine()).ok).toBe('boolean');
      }),
      { numRuns: 300 },
    );
  });

  test.each(FORMATS)('%s: __proto__ as every name pollutes nothing', (format) => {
    const text = samples.map((one) => one.replace(/disk1|web|target0/g, '__proto__')).join('\n');
    READERS[format]({ file: 'x', text }, machine());
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  test.each(FORMATS)('%s: ten megabytes end in a result', { timeout: 120_000 }, (format) => {
    const text = 'target1 rw extent1 0/0\n[LogicalUnit1]\nLUN0 Storage /a 1GB\n'.repeat(180_000);
    expect(text.length).toBeGreaterThan(10_000_000);
    expect(typeof READERS[format]({ file: 'x', text }, machine()).ok).toBe('boolean');
  });
});
