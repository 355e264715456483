import { describe, expect, test } from 'vitest';
import { effective } from '../../../src/objects/attribute.ts';
import { EMPTY_DOCUMENT } from '../../../src/objects/document.ts';
import { NO_ATTRIBUTES } from '../../../src/objects/kinds/kit.ts';
import type { NodeKind, Summary, TreeNode } from '../../../src/objects/node.ts';
import { PREFERENCES } from '../../../src/objects/preferences.ts';
import type { Preferences } from '../../../src/objects/preferences.ts';
import { inColumns, promptText, renderTree } from '../../../src/shell/render.ts';
import { painter } from '../../../src/shell/style.ts';

interface Sketch {
  readonly name: string;
  readonly summary: Summary;
  readonly children?: readonly Sketch[];
}

const plain = (text: string): Summary => ({ text, healthy: null });

function nodeOf(sketch: Sketch, parent?: TreeNode): TreeNode {
  const children = (node: TreeNode) => (sketch.children ?? []).map((child) => nodeOf(child, node));
  const kind: NodeKind = {
    id: 'sketch',
    help: '',
    ...NO_ATTRIBUTES,
    commands: {},
    children: (_document, node) => children(node),
    child: (_document, node, name) => children(node).find((child) => child.name === name),
    summary: () => sketch.summary,
  };
  return { kind, name: sketch.name, parent, at: [] };
}

const TREE: Sketch = {
  name: '',
  summary: plain(''),
  children: [
    {
      name: 'backstores',
      summary: plain(''),
      children: [
        { name: 'block', summary: plain('Storage Objects: 0') },
        {
          name: 'fileio',
          summary: plain('Storage Objects: 1'),
          children: [
            {
              name: 'p1',
              summary: { text: '/srv/p1.img (4.0MiB) write-back activated', healthy: true },
            },
          ],
        },
      ],
    },
    {
      name: 'iscsi',
      summary: plain('Targets: 1'),
      children: [{ name: 'tpg1', summary: { text: 'disabled', healthy: false } }],
    },
  ],
};

const VIEW = {
  document: EMPTY_DOCUMENT,
  runtime: {
    storageObjects: {},
    portals: {},
    sessions: [],
    refusedLogins: [],
    io: {},
    accelerators: {},
  },
};

function draw(
  options: Partial<Preferences> & { columns?: number; color?: boolean; depth?: number },
) {
  const { columns, color = false, depth = 0, ...preferences } = options;
  return renderTree(nodeOf(TREE), {
    view: VIEW,
    preferences: { ...effective(PREFERENCES, {}), ...preferences },
    painter: painter(color),
    columns,
    depth,
  });
}

describe('the tree', () => {
  test('is drawn as targetcli draws it on 80 columns', () => {
    expect(draw({ columns: 80 })).toBe(
      [
        'o- / ..................................................................... [...]',
        '  o- backstores .......................................................... [...]',
        '  | o- block .............................................. [Storage Objects: 0]',
        '  | o- fileio ............................................. [Storage Objects: 1]',
        '  |   o- p1 ........................ [/srv/p1.img (4.0MiB) write-back activated]',
        '  o- iscsi ........................................................ [Targets: 1]',
        '    o- tpg1 ......................................................... [disabled]',
        '',
      ].join('\n'),
    );
  });

  test('is at most 132 columns wide, which it is without a terminal', () => {
    const widths = (text: string) =>
      new Set(
        text
          .trimEnd()
          .split('\n')
          .map((l) => l.length),
      );
    expect(widths(draw({ columns: 200 }))).toEqual(new Set([132]));
    expect(widths(draw({}))).toEqual(new Set([132]));
  });

  test('a terminal that is too narrow cuts nothing', () => {
    expect(draw({ columns: 20 })).toContain('o- p1  [/srv/p1.img (4.0MiB) write-back activated]');
  });

  test('has colours by level and by health', () => {
    const text = draw({ columns: 80, color: true });
    const [bold, green, red] = ['\u001b[1m', '\u001b[32m', '\u001b[31m'];
    expect(text).toContain(`${bold}\u001b[4m/`);
    expect(text).toContain(`${bold}\u001b[34mbackstores`);
    expect(text).toContain(`${bold}\u001b[35mfileio`);
    expect(text).toContain(`${bold}p1`);
    expect(text).toContain(`${green}/srv/p1.img (4.0MiB) write-back activated`);
    expect(text).toContain(`${bold}${red}disabled`);
  });

  test('follows the tree_ preferences and the depth', () => {
    expect(draw({ columns: 80, tree_round_nodes: false })).toMatch(/^\+- \//);
    expect(draw({ columns: 80, tree_show_root: false })).toMatch(/^o- backstores/);
    expect(draw({ columns: 80, tree_status_mode: false })).toMatch(/^o- \/\n {2}o- backstores\n/);
    expect(draw({ columns: 80, depth: 1 }).split('\n')).toHaveLength(4);
  });
});

describe('the prompt', () => {
  test.each([
    ['/', 30, '/> '],
    ['/iscsi/iqn.2003-01.org.linux-iscsi.x8664:sn.abc/tpg1', 30, '/iscsi/iqn.20...4:sn.abc/tpg1> '],
    [
      '/iscsi/iqn.2003-01.org.linux-iscsi.x8664:sn.abc',
      0,
      '/iscsi/iqn.2003-01.org.linux-iscsi.x8664:sn.abc> ',
    ],
    ['/abcdef', 1, '/...f> '],
  ])('%s in %i', (path, length, expected) => {
    expect(promptText(path, length)).toBe(expected);
  });
});

test('columns fill the width row by row', () => {
  const items = ['aa', 'bbb', 'c', 'dd'].map((plainText) => ({
    plain: plainText,
    painted: plainText,
  }));
  expect(inColumns(items, 12)).toBe('aa   bbb\nc    dd');
  expect(inColumns(items, 1)).toBe('aa\nbbb\nc\ndd');
});
