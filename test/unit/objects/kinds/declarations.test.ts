import { describe, expect, test } from 'vitest';
import { check, wordsOf, type Attribute } from '../../../../src/objects/attribute.ts';
import { EMPTY_DOCUMENT } from '../../../../src/objects/document.ts';
import type { NodeKind, TreeNode } from '../../../../src/objects/node.ts';
import { childrenOf, nodeAt, pathOf, ROOT } from '../../../../src/objects/tree.ts';
import { FULL_DOCUMENT, IDLE_RUNTIME } from '../../../fixtures/documents.ts';
import { contextOf } from './runner.ts';

function* walkAll(node: TreeNode): Generator<TreeNode> {
  yield node;
  for (const child of childrenOf(FULL_DOCUMENT, node)) yield* walkAll(child);
}
const NODES = [...walkAll(ROOT)];
const KINDS = new Map<string, { kind: NodeKind; node: TreeNode }>(
  NODES.map((node) => [node.kind.id, { kind: node.kind, node }]),
);
const EVERY_KIND = [...KINDS.values()].map(({ kind, node }) => [kind.id, kind, node] as const);

const sentence = (text: string) => /^[A-Z].*\.$/s.test(text);

describe('the tree', () => {
  test('reaches every kind from the root', () => {
    expect([...KINDS.keys()].sort()).toEqual([
      'acls',
      'alua',
      'alua_group',
      'backstores',
      'block',
      'block_object',
      'fileio',
      'fileio_object',
      'iscsi',
      'lun',
      'luns',
      'mapped_lun',
      'node_acl',
      'portal',
      'portals',
      'ramdisk',
      'ramdisk_object',
      'root',
      'target',
      'tpg',
    ]);
  });

  test('finds each node again by its path', () => {
    for (const node of NODES) {
      const path = pathOf(node);
      const found = nodeAt(FULL_DOCUMENT, path.split('/').filter(Boolean));
      expect(found && { path: pathOf(found), at: found.at, kind: found.kind.id }).toEqual({
        path,
        at: node.at,
        kind: node.kind.id,
      });
    }
  });

  test('gives every node a summary of one line', () => {
    const view = { document: FULL_DOCUMENT, runtime: IDLE_RUNTIME };
    for (const node of NODES) expect(node.kind.summary(view, node).text).toMatch(/^[^\n[\]]*$/);
  });

  test('gives children in their order of display, without doubles', () => {
    for (const node of NODES) {
      const names = childrenOf(FULL_DOCUMENT, node).map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
    }
  });
});

describe.each(EVERY_KIND)('kind %s', (_id, kind, node) => {
  const attributes = Object.entries(kind.groups(node)).flatMap(([group, table]) =>
    Object.entries<Attribute>(table).map(([name, a]) => ({ name: `${group} ${name}`, a })),
  );
  const commands = Object.entries(kind.commands);
  const parameters = commands.flatMap(([command, { params }]) =>
    Object.entries(params).map(([name, a]) => ({ name: `${command} ${name}`, a })),
  );

  test('has help in sentences', () => {
    expect(sentence(kind.help)).toBe(true);
    for (const [, { help }] of commands) {
      const [first = '', ...rest] = help.split('\n');
      expect(first).toMatch(/^[A-Z].{5,78}\.$/);
      if (rest.length > 0) expect(sentence(rest.join(' '))).toBe(true);
    }
    for (const { a } of [...attributes, ...parameters]) expect(a.help).toMatch(/^[A-Z].*\S$/s);
  });

  test('has defaults that pass their own check', () => {
    for (const { name, a } of [...attributes, ...parameters]) {
      expect({ name, ...check(a, a.default) }).toEqual({ name, ok: true, value: a.default });
    }
  });

  test('offers only words that it accepts', () => {
    for (const { name, a } of attributes) {
      if (a.kind === 'choice') {
        for (const word of wordsOf(a))
          expect({ name, ...check(a, word) }).toMatchObject({ ok: true });
      }
    }
  });

  test('has parameters with names of their own, required ones first', () => {
    for (const [name, { params }] of commands) {
      const list = Object.entries(params);
      const names = list.flatMap(([param, { aliases }]) => [param, ...(aliases ?? [])]);
      expect(new Set(names).size).toBe(names.length);
      const firstOptional = list.findIndex(([, { required }]) => required !== true);
      const lastRequired = list.findLastIndex(([, { required }]) => required === true);
      const message = `${name}: required parameters after optional ones`;
      expect(firstOptional === -1 || lastRequired < firstOptional, message).toBe(true);
    }
  });

  test('refers in seeAlso to what exists', () => {
    const builtIn = ['info', 'status', 'ls'];
    for (const [, { seeAlso }] of commands) {
      for (const other of seeAlso ?? []) {
        expect([...builtIn, ...Object.keys(kind.commands)]).toContain(other);
      }
    }
  });

  test('suggests lists of texts', async () => {
    const context = contextOf(FULL_DOCUMENT, pathOf(node), { addresses: ['10.0.0.1'] });
    for (const { a } of parameters) {
      if (a.suggest === undefined) continue;
      for (const word of await a.suggest(context)) expect(word).toMatch(/^\S+$/);
    }
  });

  test('reads only attributes that it declares', () => {
    for (const [group, table] of Object.entries(kind.groups(node))) {
      for (const name of Object.keys(kind.read(FULL_DOCUMENT, node, group))) {
        expect(Object.keys(table)).toContain(name);
      }
    }
  });

  test('refuses unknown groups and attributes, and writes back what it reads', () => {
    const write = (group: string, values: Parameters<NodeKind['write']>[3]) =>
      kind.write(FULL_DOCUMENT, node, group, values);
    expect(() => write('nogroup', {})).toThrow('Unknown configuration group: nogroup');
    for (const [group, table] of Object.entries(kind.groups(node))) {
      expect(() => write(group, { nonesuch: 1 })).toThrow(
        `Unknown parameter nonesuch in group '${group}'.`,
      );
      const writable = Object.entries(kind.read(FULL_DOCUMENT, node, group)).filter(
        ([name]) => table[name]?.readonly !== true,
      );
      expect(write(group, Object.fromEntries(writable))).toEqual(FULL_DOCUMENT);
    }
  });
});

test('the empty document has a tree too', () => {
  const names = childrenOf(EMPTY_DOCUMENT, ROOT).map(({ name }) => name);
  expect(names).toEqual(['backstores', 'iscsi']);
});
