import fc from 'fast-check';
import { load, YAML11_SCHEMA } from 'js-yaml';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { EMPTY_DOCUMENT, setIn, type Document } from '../../../src/objects/document.ts';
import { ConfigError } from '../../../src/objects/errors.ts';
import { fromYaml } from '../../../src/saveconfig/from_yaml.ts';
import { sizeText, toYaml } from '../../../src/saveconfig/to_yaml.ts';
import { YamlSource } from '../../../src/saveconfig/yaml_source.ts';

const read = (text: string) => fromYaml(text, 'f.yaml', { identity: 'test' });
const problems = (text: string): string => {
  try {
    read(text);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error('nothing was refused');
};
const IQN = 'iqn.2003-01.org.example:t';
const INITIATOR = 'iqn.1994-05.com.example:i';

const tpgWith = (line: string) =>
  `version: 1\niscsi:\n  targets:\n    ${IQN}:\n      tpgs:\n        1:\n          ${line}\n`;

const FULL: Document = {
  backstores: {
    block: {},
    fileio: {
      disk1: {
        path: '/srv/a b: c #d.img',
        size: 10 * 2 ** 30,
        write_back: true,
        wwn: '600140512e12345678901234567890ab',
        attributes: { emulate_tpu: true },
      },
    },
    ramdisk: { '007': { size: 1536, nullio: false, wwn: '12e5', attributes: {} } },
  },
  iscsi: {
    discovery_auth: { enable: true, userid: 'yes', password: '1:30' },
    targets: {
      [IQN]: {
        tpgs: {
          '1': {
            enabled: true,
            attributes: { authentication: true },
            parameters: { MaxBurstLength: 1_048_576, HeaderDigest: 'CRC32C' },
            auth: { userid: '~', password: 'null' },
            portals: { '0.0.0.0:3260': { iser: false }, '[::1]:3261': { iser: false } },
            luns: {
              '2': { storage_object: 'ramdisk/007' },
              '10': { storage_object: 'fileio/disk1' },
            },
            acls: {
              [INITIATOR]: {
                attributes: {},
                auth: { userid: 'é "quoted" \\ \u0085\u2028 😀', password: '=' },
                mapped_luns: { '0': { lun: 10, write_protect: true } },
              },
            },
          },
        },
      },
    },
  },
};

describe('document to YAML and back', () => {
  test('every value survives', () => {
    expect(read(toYaml(FULL))).toEqual(FULL);
  });

  test('the empty document survives', () => {
    expect(read(toYaml(EMPTY_DOCUMENT))).toEqual(EMPTY_DOCUMENT);
  });

  test('a YAML 1.1 reader sees the same values as ours', () => {
    const text = toYaml(FULL);
    expect(load(text, { schema: YAML11_SCHEMA })).toEqual(load(text));
  });

  test('any text survives as a secret, for YAML 1.1 and 1.2 readers', () => {
    const bag = (value: string): Document => ({
      ...EMPTY_DOCUMENT,
      iscsi: { ...EMPTY_DOCUMENT.iscsi, discovery_auth: { password: value } },
    });
    const traps = ['yes', 'No', 'on', '1:30', '0x10', '1e3', '.inf', '~', '=', '<<', '- a', 'a: b'];
    const any = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...traps), fc.string());
    fc.assert(
      fc.property(any, (value) => {
        const text = toYaml(bag(value));
        const parsed = load(text, { schema: YAML11_SCHEMA }) as Document;
        // An empty secret is the default, which is left out.
        expect(parsed.iscsi.discovery_auth?.password ?? '').toBe(value);
        expect((load(text) as Document).iscsi.discovery_auth?.password ?? '').toBe(value);
      }),
      { numRuns: 500 },
    );
  });

  test('the same document written twice, or with other key order, gives the same text', () => {
    const { fileio, ramdisk, block } = FULL.backstores;
    const turned = { ...FULL, backstores: { ramdisk, block, fileio } };
    expect(toYaml(turned)).toBe(toYaml(FULL));
    expect(toYaml(read(toYaml(FULL)))).toBe(toYaml(FULL));
  });

  test('defaults are left out, and all there with full', () => {
    expect(toYaml(FULL)).not.toContain('demo_mode_write_protect');
    const full = toYaml(FULL, { full: true });
    expect(full).toContain('demo_mode_write_protect: true');
    expect(full).toContain('MaxOutstandingR2T');
    expect(toYaml(read(full))).toContain('MaxBurstLength: 1048576');
  });

  test('sizes are exact', () => {
    expect(sizeText(10 * 2 ** 30).text).toBe('10GiB');
    expect(sizeText(1536).text).toBe('1536');
    expect(sizeText(3 * 2 ** 40).text).toBe('3TiB');
    expect(sizeText(2 ** 50).text).toBe('1024TiB');
  });

  test('the golden form', () => {
    const text = toYaml(FULL);
    expect(text).toContain(
      '          luns:\n            2: backstores/ramdisk/007\n            10: ',
    );
    expect(text).toContain('            - "[::1]:3261"\n');
    const path = ['iscsi', 'targets', IQN, 'tpgs', '1', 'portals', '[::1]:3261', 'iser'];
    expect(toYaml(setIn(FULL, path, true))).toContain('- { address: "[::1]:3261", iser: true }');
    expect(text).toContain('0: { lun: 10, write_protect: true }');
    expect(text).toContain('size: 10GiB\n');
    expect(text.startsWith('# ')).toBe(true);
  });

  test.each(
    readdirSync(join(import.meta.dirname, '../../../saveconfig')).filter((n) =>
      n.endsWith('.yaml'),
    ),
  )('the example %s is a valid configuration', (name) => {
    const text = readFileSync(join(import.meta.dirname, '../../../saveconfig', name), 'utf8');
    const document = read(text);
    expect(Object.keys(document.iscsi.targets)).toHaveLength(1);
    expect(read(toYaml(document))).toEqual(document);
  });
});

describe('what may be left out', () => {
  test('a storage object without wwn gets one that is its own and the same every time', () => {
    const text = 'version: 1\nbackstores: {ramdisk: {a: {size: 1M}, b: {size: 1M}}}\n';
    const { a, b } = read(text).backstores.ramdisk;
    expect(a?.wwn).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(a?.wwn).not.toBe(b?.wwn);
    expect(read(text).backstores.ramdisk['a']?.wwn).toBe(a?.wwn);
    const other = fromYaml(text, 'f', { identity: 'another machine' });
    expect(other.backstores.ramdisk['a']?.wwn).not.toBe(a?.wwn);
  });

  test('sections without content, names in capitals, a portal without port', () => {
    const tree = tpgWith('portals: [10.0.0.1]').replace(IQN, IQN.toUpperCase());
    const text = tree.replace('iscsi:', 'backstores:\niscsi:');
    const tpg = read(text).iscsi.targets[IQN]?.tpgs['1'];
    expect(tpg?.portals).toEqual({ '10.0.0.1:3260': { iser: false } });
    expect(tpg?.enabled).toBe(false);
  });
});

describe('refusals name file, line and column and show the line', () => {
  test('every problem at once, in the order of the file', () => {
    const text = `version: 1
backstores:
  fileio:
    disk1: { path: /srv/x, size: 10, wwn: 6001405e12 }
  ramdisk:
    r: { size: lots }
iscsi:
  targets:
    ${IQN}:
      tpgs:
        1:
          attributs: {}
          attributes: { authentication: maybe, login_timeout: 99999 }
          portals: ["nowhere"]
`;
    const message = problems(text);
    const places = [...message.matchAll(/^f\.yaml:(\d+):(\d+): (.*)$/gm)].map((m) => m.slice(1, 4));
    expect(places.map(([line]) => Number(line))).toEqual([4, 4, 6, 12, 13, 13, 14]);
    expect(message).toContain('4 |     disk1: { path: /srv/x, size: 10, wwn: 6001405e12 }');
    expect(message).toMatch(/wwn: without quotes this is a number: put it in quotes/);
    expect(message).toMatch(/f\.yaml:12:11: unknown key "attributs"; did you mean attributes\?/);
    expect(message).toMatch(/f\.yaml:13:41: |f\.yaml:13:42: /);
    expect(message).toMatch(/f\.yaml:14:22: "nowhere" is not an IPv4 or IPv6 address/);
    expect(message).toMatch(/\n {2} \| {11}\^/);
  });

  test('each of these is refused at its place', () => {
    const cases: [string, RegExp][] = [
      ['', /f\.yaml is empty/],
      ['# only a comment\n', /f\.yaml is empty/],
      ['\0\0\0\0', /f\.yaml:1:1/],
      ['hello', /f\.yaml:1:1: not a configuration/],
      ['- a\n- b\n', /not a configuration/],
      ['iscsi: {}\n', /version is missing/],
      ['version: 2\n', /f\.yaml:1:10: version: only 1 is known/],
      ['version: "1"\n', /version: only 1/],
      ['version: 1\nversion: 1\n', /f\.yaml:2:1: .*duplicate/i],
      ['version: 1\niscsi: {}\niscsi: {}\n', /f\.yaml:3:1: .*duplicate/i],
      ['version: 1\na: &a [x]\nb: *a\n', /f\.yaml:3:4: an alias/],
      [
        'version: 1\nbackstorez: {}\n',
        /f\.yaml:2:1: unknown key "backstorez"; did you mean backstores/,
      ],
      ['version: 1\n__proto__: {}\n', /f\.yaml:2:1/],
      ['version: 1\nbackstores: []\n', /f\.yaml:2:13: /],
      ['version: 1\n---\nversion: 1\n', /more than one YAML document/],
      ['version: 1\niscsi: [\n', /f\.yaml:3:1/],
      ['version: 1\nbackstores: {ramdisk: {a: {size: 18446744073709551616}}}\n', /f\.yaml:2:34/],
      ['version: 1\nbackstores: {ramdisk: {a: {size: -1}}}\n', /f\.yaml:2:34/],
      ['version: 1\nbackstores: {ramdisk: {a: {size: "1XiB"}}}\n', /f\.yaml:2:35: .*size/i],
      [
        'version: 1\nbackstores: {ramdisk: {__proto__: {size: 1M}}}\n',
        /__proto__ is not a possible/,
      ],
      [
        tpgWith('luns: {0: backstores/fileio/none}'),
        /f\.yaml:7:21: no storage object "fileio\/none"/,
      ],
      [tpgWith('luns: {0: 5}'), /f\.yaml:7:21: .*quotes/],
      [tpgWith('luns: {0: [5]}'), /f\.yaml:7:21: a LUN is a storage object/],
      [tpgWith('portals: {a: b}'), /f\.yaml:7:20: portals: not a list/],
      [
        tpgWith('portals: ["1.1.1.1:3260", "1.1.1.1"]'),
        /f\.yaml:7:38: portal 1\.1\.1\.1:3260 is there twice/,
      ],
      [tpgWith('portals: [{address: 1.1.1.1, isr: true}]'), /f\.yaml:7:40: unknown key "isr"/],
      [tpgWith('acls: {Iqn.2003-01.org.e:A: {}, iqn.2003-01.org.e:a: {}}'), /is there twice/],
      [tpgWith('auth: {userid: 5}'), /f\.yaml:7:26: userid: without quotes this is a number/],
    ];
    for (const [text, expected] of cases) expect(problems(text), text).toMatch(expected);
  });

  test('what is left empty is shown at its key, or at what comes before it', () => {
    const ramdisk = (rest: string) => `version: 1\nbackstores:\n  ramdisk:\n    r:\n${rest}`;
    const cases: [string, RegExp][] = [
      [ramdisk('      size:\n'), /f\.yaml:5:7: size: .*\n5 \| {7}size:\n {2}\| {7}\^/],
      [ramdisk('      size:\n      nullio: maybe\n'), /^f\.yaml:5:7: .*\n(.*\n)*f\.yaml:6:15: /],
      [tpgWith('portals: ["1.1.1.1:3260", , ]'), /f\.yaml:7:/],
      ['version: 1\n? \n? ', /f\.yaml:1:10: duplicate key "null"/],
      ['version: 1\n: 5\n', /f\.yaml:1:10: unknown key "null"/],
      ['version: 1\n"": 5\n: 6\n', /^((?!duplicate).|\n)*$/],
    ];
    for (const [text, expected] of cases) expect(problems(text), text).toMatch(expected);
  });

  test('secrets never stand in a refusal', () => {
    const secrets = [
      tpgWith('auth: {userid: 5, password: hunter2secret}'),
      tpgWith('auth: {password: *hunter2secret}'),
      tpgWith('auth: {password: !hunter2secret x}'),
      tpgWith('auth: {password: hunter2secret, nothing: 1}'),
      tpgWith('auth: {mutual_password: "hunter2secret\\q"}'),
      tpgWith('auth: {password: [hunter2secret]}'),
      tpgWith('auth: {"password" : @hunter2secret}'),
    ];
    for (const text of secrets) expect(problems(text), text).not.toContain('hunter2');
  });

  test('thousands of problems give a short answer', () => {
    const many = Array.from({ length: 5000 }, (_, i) => `    r${i}: {size: x}\n`).join('');
    const message = problems(`version: 1\nbackstores:\n  ramdisk:\n${many}`);
    expect(message.split('\n').length).toBeLessThan(100);
    expect(message).toMatch(/and \d+ more problems$/);
  });

  test('no text makes it fail otherwise than by a ConfigError', () => {
    const words = [
      'version: 1\n',
      'iscsi:',
      ' ',
      '\n',
      '  ',
      '{',
      '}',
      '[',
      ']',
      '- ',
      '&a',
      '*a',
      '!t ',
      '? ',
      '"',
      'targets:',
      '0',
      '~',
      '|',
      '>-\n',
      '<<: ',
    ];
    const text = fc.array(fc.constantFrom(...words), { maxLength: 30 }).map((w) => w.join(''));
    fc.assert(
      fc.property(fc.oneof(text, fc.string({ unit: 'binary' })), (t) => {
        try {
          read(`version: 1\n${t}`);
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('a file in which a merge left its markers', () => {
  const merged = [
    'version: 1',
    '<<<<<<< HEAD',
    'backstores: {}',
    '=======',
    'iscsi: {}',
    '>>>>>>> other',
    '',
  ].join('\n');

  test('is refused by the marker, not by what YAML makes of it', () => {
    expect(() => new YamlSource(merged, 'saveconfig.yaml')).toThrow(
      /^saveconfig\.yaml:2:1: an unfinished merge: .*\n2 \| <<<<<<< HEAD\n/,
    );
  });

  test('the same signs within a text are no marker', () => {
    const source = new YamlSource('name: |\n  <<<<<<< HEAD\n', 'x.yaml');
    expect(source.value).toEqual({ name: '<<<<<<< HEAD\n' });
  });
});

describe('ALUA groups', () => {
  const disk = `version: 1
backstores:
  ramdisk:
    r:
      size: 1MiB
      wwn: w1
      alua:
        default_tg_pt_gp: { attributes: { preferred: true } }
        standby:
          tg_pt_gp_id: 7
          attributes: { alua_access_state: 2 }
        empty: { tg_pt_gp_id: 8 }
`;
  const luns = (line: string) =>
    `${disk}${tpgWith(`luns: { ${line} }`).replace('version: 1\n', '')}`;
  const lunsOf = (document: Document) => document.iscsi.targets[IQN]?.tpgs['1']?.luns;

  test('are read; the number of the default one and empty attributes may be left out', () => {
    expect(read(disk).backstores.ramdisk['r']?.alua).toEqual({
      default_tg_pt_gp: { tg_pt_gp_id: 0, attributes: { preferred: true } },
      standby: { tg_pt_gp_id: 7, attributes: { alua_access_state: 2 } },
      empty: { tg_pt_gp_id: 8, attributes: {} },
    });
  });

  test('a LUN stays one word unless it names a group', () => {
    const text = luns(
      '0: backstores/ramdisk/r, 1: { storage_object: ramdisk/r, alua_tg_pt_gp_name: standby }',
    );
    const two = text.replace('0: backstores/ramdisk/r, ', '');
    expect(lunsOf(read(two))).toEqual({
      1: { storage_object: 'ramdisk/r', alua_tg_pt_gp_name: 'standby' },
    });
    const written = toYaml(read(two));
    expect(written).toContain(
      '1: { storage_object: backstores/ramdisk/r, alua_tg_pt_gp_name: standby }',
    );
    expect(read(written)).toEqual(read(two));
    const plain = toYaml(read(luns('0: { storage_object: backstores/ramdisk/r }')));
    expect(plain).toContain('0: backstores/ramdisk/r\n');
  });

  test('what is applied to a LUN names its group, too: in one word the default one', () => {
    const known = read(luns('0: { storage_object: ramdisk/r, alua_tg_pt_gp_name: standby }'));
    const over = { document: known, prune: false };
    const applied = fromYaml(luns('0: ramdisk/r'), 'f.yaml', { identity: 'test', over });
    expect(lunsOf(applied)).toEqual({ 0: { storage_object: 'ramdisk/r' } });
  });

  test('what is applied to groups leaves the others as they are', () => {
    const text = `version: 1
backstores: { ramdisk: { r: { alua: { empty: { attributes: { preferred: true } } } } } }
`;
    const over = { document: read(disk), prune: false };
    const applied = fromYaml(text, 'f.yaml', { identity: 'test', over });
    expect(applied.backstores.ramdisk['r']?.alua).toEqual({
      ...read(disk).backstores.ramdisk['r']?.alua,
      empty: { tg_pt_gp_id: 8, attributes: { preferred: true } },
    });
  });

  test.each([
    [disk.replace('tg_pt_gp_id: 8', 'tg_pt_gp_id: 7'), 'taken by standby'],
    [disk.replace('tg_pt_gp_id: 8', 'tag: 8'), 'unknown key "tag"'],
    [disk.replace('{ tg_pt_gp_id: 8 }', '8'), 'a map of tg_pt_gp_id, attributes is expected'],
    [luns('0: { storage_object: ramdisk/r, alua_tg_pt_gp_name: 7 }'), 'put it in quotes'],
    [luns('0: { storage_object: ramdisk/r, alua_tg_pt_gp_name: other }'), 'no ALUA group "other"'],
    [luns('0: { alua_tg_pt_gp_name: standby }'), 'a LUN is a storage object'],
    [luns('0: { storage_object: ramdisk/r, group: x }'), 'unknown key "group"'],
  ])('%#: refused with the place', (text, message) => {
    expect(problems(text)).toMatch(/^f\.yaml:\d+:\d+: /);
    expect(problems(text)).toContain(message);
  });
});
