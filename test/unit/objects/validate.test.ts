import { describe, expect, test } from 'vitest';
import { EMPTY_DOCUMENT, setIn, type DocumentPath } from '../../../src/objects/document.ts';
import { describeIssue, validate } from '../../../src/objects/validate.ts';
import {
  bigDocument,
  EMPTY_TPG,
  FULL_DOCUMENT,
  INITIATOR_NAME,
  OTHER_TARGET_NAME,
  ramdisk,
  SMALL_DOCUMENT,
  TARGET_NAME,
} from '../../fixtures/documents.ts';

const targetsAt = ['iscsi', 'targets'];
const tpgAt = [...targetsAt, TARGET_NAME, 'tpgs', '1'];
const aclAt = [...tpgAt, 'acls', INITIATOR_NAME];
const disk1 = ['backstores', 'fileio', 'disk1'];

/** What is said about FULL_DOCUMENT with one value put in. */
function said(path: DocumentPath, value: unknown): readonly string[] {
  return (validate(setIn(FULL_DOCUMENT, path, value)).issues ?? []).map(describeIssue);
}

describe('a right document', () => {
  test.each([
    ['empty', EMPTY_DOCUMENT],
    ['small', SMALL_DOCUMENT],
    ['full', FULL_DOCUMENT],
    ['big', bigDocument(3, 40)],
  ])('%s is given back as it is', (_name, document) => {
    expect(validate(document).document).toBe(document);
  });

  test('different targets may share a portal', () => {
    expect(
      said([...targetsAt, OTHER_TARGET_NAME, 'tpgs', '1', 'portals'], {
        '[fd00::1]:3261': { iser: false },
      }),
    ).toEqual([]);
  });

  test('a name that every object has built in is a name like any other', () => {
    const named = setIn(SMALL_DOCUMENT, ['backstores', 'ramdisk', 'constructor'], {
      size: 4096,
      nullio: false,
      wwn: 'c0',
      attributes: {},
    });
    expect(validate(named).document).toBe(named);
    const dangling = setIn(
      SMALL_DOCUMENT,
      [...tpgAt, 'luns', '1', 'storage_object'],
      'ramdisk/constructor',
    );
    expect(validate(dangling).issues?.map(describeIssue).join()).toContain('no storage object');
  });
});

describe('a wrong value is named with its place', () => {
  test.each<[string, DocumentPath, unknown, RegExp]>([
    [
      'an attribute out of range',
      [...tpgAt, 'attributes', 'login_timeout'],
      99,
      /tpgs 1 attributes login_timeout: login_timeout: out of range 5\.\.30/,
    ],
    [
      'an unknown attribute',
      [...tpgAt, 'attributes', 'login_timout'],
      9,
      /unknown key "login_timout"; did you mean login_timeout\?/,
    ],
    [
      'a parameter that is not served',
      [...tpgAt, 'parameters', 'ErrorRecoveryLevel'],
      2,
      /only 0 is possible: error recovery levels/,
    ],
    ['text for a number', [...disk1, 'size'], '1G', /size: a whole number of bytes/],
    ['a size of zero', [...disk1, 'size'], 0, /size: a whole number of bytes/],
    ['a size beside the block size', [...disk1, 'size'], 4097, /not a multiple of the block size/],
    [
      'a ramdisk beyond reason',
      ['backstores', 'ramdisk', 'ram0', 'size'],
      2 ** 41,
      /too large \(2\.0TiB\)/,
    ],
    ['a relative path', [...disk1, 'path'], 'disk1.img', /an absolute path is expected/],
    ['a path with a control character', [...disk1, 'path'], '/srv/a\u0000b', /not a possible path/],
    ['a read-only attribute', [...disk1, 'attributes', 'hw_block_size'], 4096, /read-only/],
    [
      'write cache beside write_back',
      [...disk1, 'attributes', 'emulate_write_cache'],
      true,
      /this is the field write_back/,
    ],
    [
      'a block device that caches',
      ['backstores', 'block', 'my_disk', 'attributes', 'emulate_write_cache'],
      true,
      /always written through/,
    ],
    [
      'unmap without limits',
      [...disk1, 'attributes', 'max_unmap_lba_count'],
      0,
      /emulate_tpu=1 needs max_unmap_lba_count/,
    ],
    ['an empty wwn', [...disk1, 'wwn'], '', /wwn: 1 to 254 printable/],
    ['a taken wwn', [...disk1, 'wwn'], '7F0A2F51-8f2f-4b1e-9c57-1f8a6c1d3a03', /taken by|is taken/],
    [
      'a taken file',
      [...disk1, 'path'],
      '/srv/disk2.img',
      /storage object for \/srv\/disk2.img already exists: fileio\/disk1/,
    ],
    [
      'a storage object name with a slash',
      ['backstores', 'ramdisk', 'a/b'],
      ramdisk(9),
      /cannot contain \//,
    ],
    ['a missing field', [...disk1, 'write_back'], undefined, /disk1: write_back is missing/],
    ['a misspelt field', [...disk1, 'writeback'], true, /did you mean write_back/],
    ['a target name that is none', [...targetsAt, 'nonsense'], { tpgs: {} }, /WWN not valid/],
    [
      'a target name with capitals',
      [...targetsAt, 'iqn.2024-01.com.Example:A'],
      { tpgs: {} },
      /write this name as iqn\.2024-01\.com\.example:a/,
    ],
    ['a tag that is none', [...targetsAt, TARGET_NAME, 'tpgs', '01'], EMPTY_TPG, /not a TPG tag/],
    [
      'a portal in another spelling',
      [...tpgAt, 'portals', '[::0]:3260'],
      { iser: false },
      /write this portal as \[::\]:3260/,
    ],
    [
      'a portal that is none',
      [...tpgAt, 'portals', 'here'],
      { iser: false },
      /not an IPv4 or IPv6/,
    ],
    ['iSER', [...tpgAt, 'portals', '0.0.0.0:3260', 'iser'], 'yes', /true or false/],
    [
      'a portal of another TPG',
      [...targetsAt, TARGET_NAME, 'tpgs', '2', 'portals', '0.0.0.0:3260'],
      { iser: false },
      /cannot share ip:port/,
    ],
    [
      'a LUN beyond flat addressing',
      [...tpgAt, 'luns', '16384'],
      { storage_object: 'fileio/disk2' },
      /LUN must be 0 to 16383: .*extended addressing/,
    ],
    [
      'a LUN number with a leading zero',
      [...tpgAt, 'luns', '07'],
      { storage_object: 'fileio/disk2' },
      /is not a LUN number/,
    ],
    [
      'a LUN on nothing',
      [...tpgAt, 'luns', '1'],
      { storage_object: 'fileio/dsik1' },
      /no storage object "fileio\/dsik1"; did you mean fileio\/disk1/,
    ],
    [
      'a storage object exported twice',
      [...tpgAt, 'luns', '1'],
      { storage_object: 'fileio/disk1' },
      /already exists: lun0/,
    ],
    [
      'a mapped LUN on nothing',
      [...aclAt, 'mapped_luns', '1'],
      { lun: 9, write_protect: false },
      /LUN 9 does not exist in this TPG/,
    ],
    [
      'a mapped LUN beyond flat addressing',
      [...aclAt, 'mapped_luns', '70000'],
      { lun: 0, write_protect: false },
      /LUN must be 0 to 16383/,
    ],
    ['the credential NULL', [...aclAt, 'auth', 'password'], 'NULL', /'NULL' is not a permitted/],
    ['a long credential', [...aclAt, 'auth', 'password'], 'x'.repeat(256), /longer than 255/],
    ['NULL for discovery', ['iscsi', 'discovery_auth', 'userid'], 'NULL', /is not a permitted/],
    [
      'no method with authentication',
      [...tpgAt, 'parameters', 'AuthMethod'],
      'None',
      /contradicts authentication=1/,
    ],
    ['a list for a map', [...tpgAt, 'luns'], [], /a map is expected/],
    ['null for a map', ['iscsi'], null, /a map of discovery_auth, targets is expected/],
  ])('%s', (_what, path, value, message) => {
    const lines = said(path, value);
    expect(lines.join('\n')).toMatch(message);
    expect(lines).toHaveLength(1);
  });
});

describe('validate', () => {
  test('all issues come at once', () => {
    const wrong = setIn(
      setIn(FULL_DOCUMENT, [...disk1, 'size'], -1),
      [...tpgAt, 'attributes', 'login_timeout'],
      99,
    );
    expect(validate(wrong).issues).toHaveLength(2);
  });

  test.each([undefined, null, 7, 'text', [], {}, { backstores: {} }])(
    '%j is no document, and no exception',
    (value) => {
      expect(validate(value).issues?.length).toBeGreaterThan(0);
    },
  );

  test('an own __proto__ key, as JSON can make one, is refused', () => {
    const text = JSON.stringify(SMALL_DOCUMENT).replace('"scratch"', '"__proto__"');
    const issues = validate(JSON.parse(text)).issues ?? [];
    expect(issues.map(describeIssue).join()).toContain('__proto__ is not a possible name');
  });

  test('secrets do not appear in what is said', () => {
    const lines = said([...aclAt, 'auth'], { password: `s3cr3t\u0000`, userid: 'NULL' });
    expect(lines).toHaveLength(2);
    expect(lines.join()).not.toContain('s3cr3t');
  });

  test('a value found right before is looked at again where its surroundings differ', () => {
    expect(validate(FULL_DOCUMENT).document).toBe(FULL_DOCUMENT);
    const { disk1: object } = FULL_DOCUMENT.backstores.fileio;
    const twice = setIn(FULL_DOCUMENT, ['backstores', 'fileio', 'copy'], object);
    expect(validate(twice).issues?.map(describeIssue).join()).toContain('already exists');
    const elsewhere = setIn(EMPTY_DOCUMENT, ['backstores', 'ramdisk', 'disk1'], object);
    expect(validate(elsewhere).issues?.map(describeIssue).join()).toContain('unknown key "path"');
  });
});
