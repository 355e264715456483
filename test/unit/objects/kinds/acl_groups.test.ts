import { describe, expect, test } from 'vitest';
import type { Document } from '../../../../src/objects/document.ts';
import { childrenOf, nodeAt } from '../../../../src/objects/tree.ts';
import { validate } from '../../../../src/objects/validate.ts';
import { pathOf } from '../../../../src/objects/kinds/kit.ts';
import { setIn } from '../../../../src/objects/document.ts';
import {
  FULL_DOCUMENT,
  INITIATOR_NAME as A,
  OTHER_INITIATOR_NAME as B,
  TARGET_NAME,
} from '../../../fixtures/documents.ts';
import { after, get, info, messages, run, set, summary, walk } from './runner.ts';

const TPG = `/iscsi/${TARGET_NAME}/tpg1`;
const ACLS = `${TPG}/acls`;
const GROUP = `${ACLS}/lab`;
const aclsOf = (document: Document | undefined) =>
  document?.iscsi.targets[TARGET_NAME]?.tpgs['1']?.acls ?? {};
const tagged = (name: string, tag: string, document = FULL_DOCUMENT) =>
  after(document, ACLS, 'tag', { wwn_or_tag: name, new_tag: tag });
const group = async () => tagged(B, 'lab', await tagged(A, 'lab'));

describe('tag', () => {
  test('gives an initiator a better name', async () => {
    const document = await tagged(A, 'laptop');
    expect(aclsOf(document)[A]).toEqual({ ...aclsOf(FULL_DOCUMENT)[A], tag: 'laptop' });
    const node = walk(document, `${ACLS}/laptop`);
    expect(childrenOf(document, walk(document, ACLS)).map(({ name }) => name)).toEqual([
      B,
      'laptop',
    ]);
    expect(node.at.at(-1)).toBe(A);
    expect(summary(document, `${ACLS}/laptop`)).toContain(`(${A}), `);
  });

  test('who joins takes over credentials, attributes and mapped LUNs', async () => {
    const document = await group();
    const { [A]: first, [B]: second } = aclsOf(document);
    expect(second).toEqual(first);
    expect(first?.mapped_luns).toEqual(aclsOf(FULL_DOCUMENT)[A]?.mapped_luns);
    expect(summary(document, GROUP)).toMatch(/^\+ \(group of 2\), /);
    expect(summary(document, ACLS)).toBe('? ACLs: 1');
    expect(info(document, GROUP).slice(-3)).toEqual(['wwns:', A, B]);
  });

  test('another tag for a whole group', async () => {
    const document = await tagged('lab', 'office', await group());
    expect(Object.values(aclsOf(document)).map(({ tag }) => tag)).toEqual(['office', 'office']);
  });

  test('the name of a member leads to the group', async () => {
    const document = await group();
    expect(pathOf(walk(document, `${ACLS}/${B.toUpperCase()}`))).toBe(GROUP);
    const nowhere = [...ACLS.split('/').slice(1), 'nowhere'];
    expect(nodeAt(document, nowhere)).toBeUndefined();
  });

  test.each([
    [A, 'bad.tag', "'.' not permitted in tag names."],
    ['nonesuch', 'lab', 'wwn_or_tag nonesuch not found.'],
    [A, 'a b', /"a b" is no tag/],
    [A, '@x', /is no tag/],
    [A, 'x'.repeat(64), /is no tag/],
  ])('refuses %s as %s', async (wwn_or_tag, new_tag, message) => {
    await expect(run(FULL_DOCUMENT, ACLS, 'tag', { wwn_or_tag, new_tag })).rejects.toThrow(message);
  });

  test('to its own tag changes nothing', async () => {
    const outcome = await run(await group(), ACLS, 'tag', { wwn_or_tag: 'lab', new_tag: 'lab' });
    expect(outcome.document).toBeUndefined();
  });
});

describe('untag', () => {
  test('a group: each keeps what it had', async () => {
    const document = await after(await group(), ACLS, 'untag', { wwn_or_tag: 'lab' });
    const model = aclsOf(FULL_DOCUMENT)[A];
    expect(aclsOf(document)).toEqual({ [A]: model, [B]: model });
  });

  test('one of several, which leaves the others grouped', async () => {
    const document = await after(await group(), ACLS, 'untag', { wwn_or_tag: B });
    expect(aclsOf(document)[B]?.tag).toBeUndefined();
    expect(aclsOf(document)[A]?.tag).toBe('lab');
  });

  test('without a tag there is nothing to do, and it says so', async () => {
    expect(await messages(FULL_DOCUMENT, ACLS, 'untag', { wwn_or_tag: A })).toEqual([
      `${A} has no tag.`,
    ]);
  });
});

describe('at a group', () => {
  test('set holds for all members', async () => {
    const document = set(await group(), GROUP, 'auth', { userid: 'u', password: 'p' });
    expect(Object.values(aclsOf(document)).map(({ auth }) => auth.userid)).toEqual(['u', 'u']);
    expect(get(document, GROUP, 'auth')['userid']).toBe('u');
    const timed = set(document, GROUP, 'attribute', { nopin_timeout: 20 });
    expect(aclsOf(timed)[B]?.attributes.nopin_timeout).toBe(20);
  });

  test('LUNs are mapped, protected and unmapped for all members', async () => {
    const typed = { mapped_lun: '9', tpg_lun_or_backstore: 'lun0' };
    const mapped = await after(await group(), GROUP, 'create', typed);
    expect(aclsOf(mapped)[B]?.mapped_luns['9']).toEqual({ lun: 0, write_protect: false });
    const at = `${GROUP}/mapped_lun9`;
    const readOnly = set(mapped, at, 'attribute', { write_protect: true });
    expect(aclsOf(readOnly)[A]?.mapped_luns['9']?.write_protect).toBe(true);
    expect(aclsOf(readOnly)[B]?.mapped_luns['9']?.write_protect).toBe(true);
    const without = await after(readOnly, GROUP, 'delete', { mapped_lun: '9' });
    expect(aclsOf(without)).toEqual(aclsOf(await group()));
  });

  test('delete takes the tag for all, or the name of one', async () => {
    const all = await run(await group(), ACLS, 'delete', { wwn: 'lab' });
    expect(all.messages.map(({ text }) => text)).toEqual([
      `Deleted Node ACL ${A}.`,
      `Deleted Node ACL ${B}.`,
    ]);
    expect(aclsOf(all.document)).toEqual({});
    const one = await after(await group(), ACLS, 'delete', { wwn: A });
    expect(Object.keys(aclsOf(one))).toEqual([B]);
  });
});

test('ACLs of one tag that differ are refused, and named', async () => {
  const at = ['iscsi', 'targets', TARGET_NAME, 'tpgs', '1', 'acls', B, 'attributes'];
  const { issues } = validate(setIn(await group(), at, { nopin_timeout: 20 }));
  expect(issues).toHaveLength(1);
  expect(issues?.[0]?.path.slice(-2)).toEqual([B, 'tag']);
  expect(issues?.[0]?.message).toContain(`not as ${A}`);
  expect(validate(setIn(FULL_DOCUMENT, [...at.slice(0, -1), 'tag'], 'a.b')).issues).toHaveLength(1);
});
