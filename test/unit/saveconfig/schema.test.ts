import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { CORE_SCHEMA, load } from 'js-yaml';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../../src/objects/errors.ts';
import { fromYaml } from '../../../src/saveconfig/from_yaml.ts';
import { configurationSchema, schemaText } from '../../../src/saveconfig/schema.ts';
import { toYaml } from '../../../src/saveconfig/to_yaml.ts';
import { documents } from '../../fixtures/arbitrary_documents.ts';
import { FULL_DOCUMENT } from '../../fixtures/documents.ts';
import { violations } from './json_schema.ts';

const FOLDER = path.resolve(import.meta.dirname, '../../../saveconfig');
const EXAMPLES = readdirSync(FOLDER).filter((name) => name.endsWith('.yaml'));
const SCHEMA = configurationSchema();
const problems = (yaml: string) => violations(SCHEMA, load(yaml, { schema: CORE_SCHEMA }));

describe('saveconfig/schema.json', () => {
  test('is what the declarations say: npm run schema writes it again', () => {
    expect(readFileSync(path.join(FOLDER, 'schema.json'), 'utf8')).toBe(schemaText());
  });

  test('there are examples', () => expect(EXAMPLES.length).toBeGreaterThan(1));

  test.each(EXAMPLES)('%s is valid', (name) => {
    expect(problems(readFileSync(path.join(FOLDER, name), 'utf8'))).toEqual([]);
  });

  test('whatever is saved is valid, sparse and in full', () => {
    fc.assert(
      fc.property(documents, fc.boolean(), (document, full) => {
        expect(problems(toYaml(document, { full }))).toEqual([]);
      }),
    );
    expect(problems(toYaml(FULL_DOCUMENT, { full: true }))).toEqual([]);
  });

  test.each([
    ['no version', 'backstores: {}'],
    ['an unknown key', 'version: 1\nbackstore: {}'],
    [
      'an unknown attribute',
      'version: 1\nbackstores: {ramdisk: {a: {size: 1M, attributes: {x: 1}}}}',
    ],
    ['a missing size', 'version: 1\nbackstores: {ramdisk: {a: {}}}'],
    ['a size in words', 'version: 1\nbackstores: {ramdisk: {a: {size: big}}}'],
    ['a number for text', 'version: 1\niscsi: {discovery_auth: {password: 5}}'],
    ['a text for a flag', 'version: 1\niscsi: {discovery_auth: {enable: "yes"}}'],
    [
      'a value out of range',
      'version: 1\niscsi: {targets: {iqn.2024-01.com.example:a: {tpgs: {1: ' +
        '{attributes: {login_timeout: 99}}}}}}',
    ],
    [
      'a LUN number beyond all',
      'version: 1\niscsi: {targets: {iqn.2024-01.com.example:a: {tpgs: {1: ' +
        '{luns: {123456: backstores/ramdisk/a}}}}}}',
    ],
  ])('%s is refused by the schema as by the reader', (_, yaml) => {
    expect(problems(yaml)).not.toEqual([]);
    expect(() => fromYaml(yaml, 'x', { identity: 'test' })).toThrow(ConfigError);
  });
});
