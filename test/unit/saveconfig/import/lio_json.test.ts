import { readdirSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { setIn } from '../../../../src/objects/document.ts';
import { toLioJson } from '../../../../src/saveconfig/export/lio_json.ts';
import { readLioJson } from '../../../../src/saveconfig/import/lio_json.ts';
import { documents } from '../../../fixtures/arbitrary_documents.ts';
import { FULL_DOCUMENT, wwnOf } from '../../../fixtures/documents.ts';
import { fixture, imported, reasons, surroundings } from './import_kit.ts';

const FOLDER = path.resolve(import.meta.dirname, '../../../fixtures/import/lio_json');
const SAMPLES = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));
const sample = (name: string) => fixture(`lio_json/${name}`);

/** Every value of a JSON text by its path, lists by what identifies their entries. */
function leaves(value: unknown, at: string, all = new Map<string, unknown>()) {
  if (Array.isArray(value)) {
    for (const entry of value as Record<string, unknown>[]) {
      const { port = '' } = entry as { port?: number };
      const keys = ['plugin', 'name', 'wwn', 'tag', 'index', 'node_wwn', 'ip_address'];
      const key = keys.slice(entry['plugin'] === undefined ? 2 : 0).find((k) => k in entry) ?? '';
      const id = entry['plugin'] === undefined ? String(entry[key]) : String(entry['name']);
      leaves(entry, `${at}/${id}${port}`, all);
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value)) leaves(inner, `${at}/${key}`, all);
  } else all.set(at, value);
  return all;
}

describe('samples of saveconfig.json', () => {
  test.each(SAMPLES)('%s: imported, exported, imported again is the same', (name) => {
    const first = imported(readLioJson, sample(name));
    const text = toLioJson(first.document);
    const second = imported(readLioJson, { file: 'again', text });
    expect(second.document).toEqual(first.document);
    expect(reasons(second)).toEqual([]);
    expect(toLioJson(second.document)).toBe(text);
  });

  test.each(['simple.json', 'chap.json', 'demo.json', 'discovery.json', 'iser.json'])(
    '%s: whatever LIO wrote comes out again, but for what was listed',
    (name) => {
      const first = imported(readLioJson, sample(name));
      const before = leaves(JSON.parse(sample(name).text), '');
      const after = leaves(JSON.parse(toLioJson(first.document)), '');
      const listed = first.notCarried.map(({ what }) => what.split(/[= ]/)[0]);
      const lost: string[] = [];
      for (const [key, value] of before) {
        const last = key.split('/').at(-1) ?? '';
        // LIO makes these anew: names of links, the group that always exists, its hardware's facts.
        if (last === 'alias' || /^(hw_|alua_support$|pgr_support)/.test(last)) continue;
        if (last === 'cmd_completion_affinity') continue;
        if (after.get(key) !== value && !listed.includes(last))
          lost.push(`${key}=${String(value)}`);
      }
      expect(lost.filter((line) => !/\/iser=/.test(line))).toEqual([]);
    },
  );

  test('every key of targetcli-fb is carried over or named with line and reason', () => {
    const result = imported(readLioJson, sample('every_key.json'));
    const { backstores, iscsi } = result.document;
    expect(Object.keys(backstores.fileio)).toEqual(['disk1']);
    expect(backstores.block['my_disk']).toMatchObject({ dev: '/dev/vg0/lv1', readonly: false });
    expect(backstores.ramdisk['ram0']).toMatchObject({ nullio: true, size: 67108864 });
    expect(iscsi.discovery_auth).toEqual({
      enable: true,
      userid: 'mytargetuid',
      password: 'mytargetsecret',
      mutual_userid: 'mymutualuid',
      mutual_password: 'mymutualsecret',
    });
    const tpg = Object.values(iscsi.targets)[0]?.tpgs['1'];
    expect(backstores.fileio['disk1']?.alua).toEqual({
      backup: {
        tg_pt_gp_id: 7,
        attributes: {
          alua_access_state: 2,
          alua_access_status: 2,
          alua_access_type: 1,
          alua_support_offline: false,
          implicit_trans_secs: 30,
          nonop_delay_msecs: 50,
          preferred: true,
          trans_delay_msecs: 200,
        },
      },
    });
    expect(tpg?.luns).toEqual({
      0: { storage_object: 'fileio/disk1', alua_tg_pt_gp_name: 'backup' },
      1: { storage_object: 'block/my_disk' },
    });
    // AuthMethod=CHAP is what the kernel makes of authentication=1.
    expect(tpg?.parameters).toEqual({ TargetAlias: 'LIO Target' });
    expect(Object.keys(tpg?.portals ?? {})).toEqual(['[::]:3260', '192.168.1.139:3261']);
    expect(Object.values(tpg?.acls ?? {})[0]?.tag).toBe('laptops');
    expect(Object.values(tpg?.acls ?? {})[0]?.mapped_luns).toEqual({
      0: { lun: 0, write_protect: false },
      5: { lun: 1, write_protect: true },
    });
    const lines = reasons(result).join('\n');
    for (const what of [
      'pscsi/tape0: SCSI pass-through',
      'user/rbd0: handlers of tcmu-runner',
      'loopback target naa.5001405abcdef012: only the fabric iscsi',
    ]) {
      expect(lines).toContain(what);
    }
    for (const { line } of result.notCarried) expect(line).toBeGreaterThan(0);
  });

  test('convert-to-json: auth objects, plugin and name, ports as text, old plugin names', () => {
    const result = imported(readLioJson, sample('converted.json'));
    const { backstores, iscsi } = result.document;
    expect(Object.keys(backstores.block)).toEqual(['my_disk']);
    expect(backstores.block['my_disk']?.attributes).toEqual({ is_nonrot: true });
    expect(Object.keys(backstores.ramdisk)).toEqual(['ram0']);
    const tpg = iscsi.targets['iqn.2003-01.org.linux-iscsi.san01.x8664:sn.0a']?.tpgs['1'];
    expect(tpg?.luns).toEqual({
      0: { storage_object: 'block/my_disk' },
      1: { storage_object: 'ramdisk/ram0' },
      2: { storage_object: 'fileio/disk1' },
    });
    expect(tpg?.auth).toEqual({
      userid: 'tpguser',
      password: 'tpgsecret1234',
      mutual_userid: 'm',
      mutual_password: 'mutualsecret12',
    });
    expect(tpg?.parameters).toEqual({ ImmediateData: false });
    const acl = tpg?.acls['iqn.1991-05.com.microsoft:ibm-t410s'];
    expect(acl?.auth).toEqual({ userid: 'u', password: 'initiatorsec' });
    expect(acl?.mapped_luns['0']).toEqual({ lun: 0, write_protect: true });
    expect(reasons(result).join('\n')).toMatch(/MaxConnections=4 .*several connections/);
  });

  test('the credentials as the man page names them', () => {
    const { document } = imported(readLioJson, sample('man_page_names.json'));
    expect(document.iscsi.discovery_auth).toMatchObject({ userid: 'd', mutual_userid: 'dm' });
    const tpg = document.iscsi.targets['iqn.2024-01.com.example:man']?.tpgs['1'];
    expect(tpg?.auth).toMatchObject({ userid: 't', mutual_password: 'tpgmutual1234' });
    expect(Object.values(tpg?.acls ?? {})[0]?.auth).toMatchObject({ userid: 'i' });
  });

  test('ALUA groups: what cannot be is named with line and reason, all else comes', () => {
    const groups = [
      { name: 'default_tg_pt_gp', tg_pt_gp_id: 0, nonop_delay_msecs: 7, members: null },
      { name: 'a', tg_pt_gp_id: 1, alua_access_state: 4, alua_write_metadata: 1, preferred: 1 },
      { name: 'a', tg_pt_gp_id: 2 },
      { name: 'b', tg_pt_gp_id: 1 },
      { name: 'c' },
      { name: 'd', tg_pt_gp_id: 3, alua_access_state: 2, alua_support_standby: 0, odd: 1 },
      7,
    ];
    const luns = ['a', 'b', 'default_tg_pt_gp'].map((group, index) => ({
      index,
      storage_object: `/backstores/ramdisk/${'xyz'[index]}`,
      alua_tg_pt_gp_name: group,
    }));
    const disks = [...'xyz'].map((name, i) => ({
      name,
      plugin: 'ramdisk',
      size: 2 ** 20,
      wwn: wwnOf(i + 1),
      ...(name === 'x' && { alua_tpgs: groups }),
    }));
    const tpgs = [{ tag: 1, luns }];
    const targets = [{ fabric: 'iscsi', wwn: 'iqn.2024-01.com.example:t', tpgs }];
    const text = JSON.stringify({ storage_objects: disks, targets }, undefined, 1);
    const result = imported(readLioJson, { file: 'f', text });
    const { ramdisk } = result.document.backstores;
    expect(ramdisk['x']?.alua).toEqual({
      default_tg_pt_gp: { tg_pt_gp_id: 0, attributes: { nonop_delay_msecs: 7 } },
      a: { tg_pt_gp_id: 1, attributes: { preferred: true } },
      d: { tg_pt_gp_id: 3, attributes: { alua_support_standby: false } },
    });
    const tpg = result.document.iscsi.targets['iqn.2024-01.com.example:t']?.tpgs['1'];
    expect(tpg?.luns).toEqual({
      0: { storage_object: 'ramdisk/x', alua_tg_pt_gp_name: 'a' },
      1: { storage_object: 'ramdisk/y' },
      2: { storage_object: 'ramdisk/z' },
    });
    const lines = reasons(result).join('\n');
    for (const what of [
      'LBA dependent (4) is not served',
      'saveconfig keeps the states',
      'it is there twice',
      'tg_pt_gp_id 1 is taken by a',
      'name and tg_pt_gp_id are needed',
      'needs alua_support_standby=1',
      'no attribute of that name',
      'ramdisk/y has no ALUA group',
    ]) {
      expect(lines).toContain(what);
    }
    for (const { line } of result.notCarried) expect(line).toBeGreaterThan(0);
  });

  test('no message repeats a secret', () => {
    for (const name of SAMPLES) {
      const result = imported(readLioJson, sample(name));
      expect(reasons(result).join() + result.carried.join()).not.toMatch(/secret|password\d/);
    }
  });
});

describe('hostile saveconfig.json', () => {
  test('an empty file is refused by name', () => {
    const result = readLioJson({ file: '/etc/target/saveconfig.json', text: '' }, surroundings());
    expect(result).toEqual({
      ok: false,
      problem: expect.stringContaining('/etc/target/saveconfig.json is empty') as string,
    });
  });

  test('cut anywhere, it is refused with a line or still imports; nothing throws', () => {
    const { text } = sample('every_key.json');
    for (let length = 1; length < text.length - 2; length += 97) {
      const result = readLioJson({ file: 'x', text: text.slice(0, length) }, surroundings());
      expect(result.ok).toBe(false);
      if (!result.ok) expect(result.problem).toMatch(/^x:\d+: /);
    }
  });

  test('wrong types in every place are reported, never thrown', () => {
    const text = sample('every_key.json').text;
    const wrong = ['null', '7', '"x"', '[]', '{}', '[[]]', 'true', '{"__proto__": {"a": 1}}'];
    const members = [...text.matchAll(/^(\s*"\w+": )(.*?)(,?)$/gm)];
    for (const [index, match] of members.entries()) {
      const value = wrong[index % wrong.length] ?? '';
      if (/[[{]$/.test(match[2] ?? '')) continue;
      const start = match.index;
      const changed =
        text.slice(0, start) +
        `${match[1]}${value}${match[3]}` +
        text.slice(start + match[0].length);
      expect(readLioJson({ file: 'x', text: changed }, surroundings()).ok).toBe(true);
    }
    for (const key of ['storage_objects', 'targets', 'fabric_modules']) {
      for (const value of wrong) {
        const result = readLioJson({ file: 'x', text: `{"${key}": ${value}}` }, surroundings());
        expect(result.ok).toBe(true);
      }
    }
  });

  test('names that mean something to JavaScript are names, or refused', () => {
    const object = (name: string) =>
      `{"plugin": "ramdisk", "name": "${name}", "size": 1048576, "wwn": "${name}-1"}`;
    const text = `{"storage_objects": [${object('constructor')}, ${object('__proto__')}]}`;
    const result = imported(readLioJson, { file: 'x', text });
    expect(Object.keys(result.document.backstores.ramdisk)).toEqual(['constructor']);
    expect(reasons(result).join()).toContain('__proto__ is not a possible name');
    expect(({} as Record<string, unknown>)['size']).toBeUndefined();
  });

  test('ten megabytes of objects, and deep nesting, end in a result', { timeout: 120_000 }, () => {
    const one = (n: number) =>
      `{"plugin":"ramdisk","name":"r${n}","size":1048576,"wwn":"${wwnOf(n)}"}`;
    const many = Array.from({ length: 100_000 }, (_, n) => one(n)).join(',\n');
    const result = readLioJson(
      { file: 'x', text: `{"storage_objects": [${many}]}` },
      surroundings(),
    );
    expect(result.ok && Object.keys(result.imported.document.backstores.ramdisk).length).toBe(
      100_000,
    );
    const deep = `{"targets": ${'['.repeat(10_000)}`;
    expect(readLioJson({ file: 'x', text: deep }, surroundings()).ok).toBe(false);
  });

  test('any text at all is refused or imported, never thrown', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        const result = readLioJson({ file: 'x', text }, surroundings());
        expect(typeof result.ok).toBe('boolean');
      }),
    );
  });
});

describe('export to LIO', () => {
  test('any document comes back the same, and nothing is reported', () => {
    fc.assert(
      fc.property(documents, (document) => {
        const result = imported(readLioJson, { file: 'x', text: toLioJson(document) });
        expect(result.document).toEqual(document);
        expect(reasons(result)).toEqual([]);
      }),
    );
  });

  test('the full document comes back the same', () => {
    const result = imported(readLioJson, { file: 'x', text: toLioJson(FULL_DOCUMENT) });
    expect(result.document).toEqual(FULL_DOCUMENT);
    expect(reasons(result)).toEqual([]);
  });

  test('keys are sorted, indented by two, parameters are text, attributes numbers', () => {
    const text = toLioJson(FULL_DOCUMENT);
    const sortedAgain = JSON.stringify(sortKeys(JSON.parse(text)), undefined, 2);
    expect(text).toBe(`${sortedAgain}\n`);
    const [first] = (JSON.parse(text) as { targets: { tpgs: Tpg[] }[] }).targets;
    const tpg = first?.tpgs[0];
    expect(Object.values(tpg?.parameters ?? {}).every((v) => typeof v === 'string')).toBe(true);
    expect(Object.values(tpg?.attributes ?? {}).every((v) => typeof v === 'number')).toBe(true);
    expect(tpg?.parameters).toMatchObject({ ImmediateData: 'No', MaxBurstLength: '1048576' });
  });

  test('limits that LIO does not know are written only where one is set', () => {
    const limit = /(max_iops|max_bandwidth|burst_time)"/;
    const { document } = imported(readLioJson, sample('man_page_names.json'));
    expect(toLioJson(document)).not.toMatch(limit);
    const at = ['iscsi', 'targets', 'iqn.2024-01.com.example:man', 'tpgs', '1', 'attributes'];
    const limited = setIn(document, [...at, 'session_max_iops'], 5);
    const text = toLioJson(limited);
    expect(text.match(new RegExp(limit, 'g'))).toEqual(['max_iops"']);
    expect(imported(readLioJson, { file: 'x', text }).document).toEqual(limited);
  });

  test('only ASCII is written', () => {
    const target = 'iqn.2024-01.com.example:a';
    const { document } = imported(readLioJson, sample('man_page_names.json'));
    const tpg = { ...document.iscsi.targets['iqn.2024-01.com.example:man']!.tpgs['1']! };
    const named = { ...tpg, parameters: { TargetAlias: 'Männer “1”' } };
    const iscsi = { discovery_auth: {}, targets: { [target]: { tpgs: { 1: named } } } };
    const text = toLioJson({ ...document, iscsi });
    expect(/^[\u0020-\u007e\n]*$/.test(text)).toBe(true);
    const again = imported(readLioJson, { file: 'x', text });
    expect(again.document.iscsi.targets[target]?.tpgs['1']?.parameters.TargetAlias).toBe(
      'Männer “1”',
    );
  });
});

interface Tpg {
  parameters: Record<string, unknown>;
  attributes: Record<string, unknown>;
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : Number(a > b)));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sortKeys(inner)]));
}
