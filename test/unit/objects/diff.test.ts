import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { diff } from '../../../src/objects/diff.ts';
import { EMPTY_DOCUMENT, setIn, type Document } from '../../../src/objects/document.ts';
import { inverse, type Step } from '../../../src/objects/plan.ts';
import { validate } from '../../../src/objects/validate.ts';
import { documents } from '../../fixtures/arbitrary_documents.ts';
import { bigDocument, FULL_DOCUMENT, TARGET_NAME } from '../../fixtures/documents.ts';
import { applyStrictly } from './strict_model.ts';

const run = (document: Document, steps: readonly Step[]) => steps.reduce(applyStrictly, document);
const undo = (steps: readonly Step[]) => [...steps].reverse().map(inverse);
const shape = (steps: readonly Step[]) =>
  steps.map(({ subject, path, before, after }) => {
    const verb = before === undefined ? 'create' : after === undefined ? 'delete' : 'change';
    return `${verb} ${subject} ${path.at(-1)}`;
  });
const tpgAt = ['iscsi', 'targets', TARGET_NAME, 'tpgs', '1'];

describe('diff', () => {
  test('the random documents of these tests are valid', () => {
    fc.assert(
      fc.property(documents, (document) => {
        expect(validate(document)).toEqual({ document });
      }),
    );
  });

  test('its steps, applied by a strict engine, turn one document into the other', () => {
    fc.assert(
      fc.property(documents, documents, (now, wanted) => {
        expect(run(now, diff(now, wanted))).toEqual(wanted);
      }),
      { numRuns: 500 },
    );
  });

  test('the inverse steps in reverse order lead back', () => {
    fc.assert(
      fc.property(documents, documents, (now, wanted) => {
        const steps = diff(now, wanted);
        expect(run(run(now, steps), undo(steps))).toEqual(now);
      }),
      { numRuns: 500 },
    );
  });

  test('the inverse of any beginning of the steps leads back', () => {
    fc.assert(
      fc.property(documents, documents, fc.nat(), (now, wanted, cut) => {
        const steps = diff(now, wanted);
        const done = steps.slice(0, steps.length === 0 ? 0 : cut % steps.length);
        expect(run(run(now, done), undo(done))).toEqual(now);
      }),
      { numRuns: 300 },
    );
  });

  test('equal documents give no step, whether or not they share memory', () => {
    expect(diff(FULL_DOCUMENT, FULL_DOCUMENT)).toEqual([]);
    expect(diff(FULL_DOCUMENT, structuredClone(FULL_DOCUMENT))).toEqual([]);
  });

  test('all is made from nothing, and nothing from all', () => {
    expect(run(EMPTY_DOCUMENT, diff(EMPTY_DOCUMENT, FULL_DOCUMENT))).toEqual(FULL_DOCUMENT);
    expect(run(FULL_DOCUMENT, diff(FULL_DOCUMENT, EMPTY_DOCUMENT))).toEqual(EMPTY_DOCUMENT);
  });

  test('a changed attribute is one change step', () => {
    const wanted = setIn(FULL_DOCUMENT, [...tpgAt, 'attributes', 'login_timeout'], 30);
    expect(shape(diff(FULL_DOCUMENT, wanted))).toEqual(['change tpg 1']);
    const resized = setIn(FULL_DOCUMENT, ['backstores', 'fileio', 'disk1', 'size'], 2 ** 31);
    expect(shape(diff(FULL_DOCUMENT, resized))).toEqual(['change storage_object disk1']);
  });

  test('a step of a TPG carries no child', () => {
    const wanted = setIn(FULL_DOCUMENT, [...tpgAt, 'enabled'], false);
    const [step] = diff(FULL_DOCUMENT, wanted);
    expect(step?.before).toMatchObject({ enabled: true, luns: {}, acls: {}, portals: {} });
    expect(step?.after).toMatchObject({ enabled: false, luns: {}, acls: {}, portals: {} });
  });

  test('a LUN on another disk is made anew, with the mapped LUNs on it', () => {
    const wanted = setIn(FULL_DOCUMENT, [...tpgAt, 'luns', '0', 'storage_object'], 'fileio/disk2');
    expect(shape(diff(FULL_DOCUMENT, wanted))).toEqual([
      'delete mapped_lun 0',
      'delete lun 0',
      'create lun 0',
      'create mapped_lun 0',
    ]);
  });

  test('storage objects are deleted last, unless the new one needs their file', () => {
    const { disk2 } = FULL_DOCUMENT.backstores.fileio;
    const none = setIn(EMPTY_DOCUMENT, ['backstores', 'fileio'], { disk2 });
    const other = setIn(EMPTY_DOCUMENT, ['backstores', 'ramdisk'], {
      ram0: FULL_DOCUMENT.backstores.ramdisk['ram0'],
    });
    expect(shape(diff(none, other))).toEqual([
      'create storage_object ram0',
      'delete storage_object disk2',
    ]);
    const renamed = setIn(EMPTY_DOCUMENT, ['backstores', 'fileio'], { disk9: disk2 });
    expect(shape(diff(none, renamed))).toEqual([
      'delete storage_object disk2',
      'create storage_object disk9',
    ]);
  });

  test('a portal that moves to another TPG is closed first', () => {
    const moved = setIn(
      setIn(FULL_DOCUMENT, [...tpgAt, 'portals', '0.0.0.0:3260'], undefined),
      ['iscsi', 'targets', TARGET_NAME, 'tpgs', '2', 'portals', '0.0.0.0:3260'],
      { iser: false },
    );
    expect(shape(diff(FULL_DOCUMENT, moved))).toEqual([
      'delete portal 0.0.0.0:3260',
      'create portal 0.0.0.0:3260',
    ]);
  });

  test('one change among 10,000 LUNs is found without looking into the others', () => {
    const big = bigDocument(10, 1000);
    const at = ['iscsi', 'targets', 'iqn.2024-01.com.example:t7', 'tpgs', '1', 'enabled'];
    let reads = 0;
    const counted = setIn(big, ['backstores', 'ramdisk', 'rd0-0'], {
      ...big.backstores.ramdisk['rd0-0'],
      get size() {
        reads += 1;
        return 1024 * 1024;
      },
    });
    expect(shape(diff(counted, setIn(counted, at, false)))).toEqual(['change tpg 1']);
    expect(reads).toBe(0);
  });
});
