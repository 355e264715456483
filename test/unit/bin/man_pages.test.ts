import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { OPTION_NAMES, ROLE_WORDS } from '../../../src/bin/args.ts';
import { packagingFile } from '../../../src/bin/packaging.ts';
import type { AttributeGroup } from '../../../src/objects/attribute.ts';
import { AUTH, DISCOVERY_AUTH } from '../../../src/objects/declarations/auth.ts';
import { NODE_ACL_ATTRIBUTES } from '../../../src/objects/declarations/node_acl.ts';
import { STORAGE_ATTRIBUTES } from '../../../src/objects/declarations/storage.ts';
import { TPG_ATTRIBUTES } from '../../../src/objects/declarations/tpg.ts';
import { TPG_PARAMETERS } from '../../../src/objects/iscsi_keys.ts';
import { ROOT } from '../../../src/objects/tree.ts';
import { BUILTINS } from '../../../src/shell/builtins/table.ts';
import { commandsAt } from '../../../src/shell/command_line.ts';
import { lacking, unless } from '../../support/unless.ts';

const FOLDER = path.resolve(import.meta.dirname, '../../../packaging/man');
const SHELL_PAGE = packagingFile('man/lunsmith.8');
const FILE_PAGE = packagingFile('man/saveconfig.yaml.5');
const plain = (roff: string) => roff.replaceAll('\\-', '-');
/** The terms of the entries: what stands in bold. */
const terms = (roff: string) =>
  [...plain(roff).matchAll(/^\.TP\n\\fB(.*?)\\fR$/gm)].map((match) => match[1] ?? '');
const missing = (wanted: readonly string[], page: string) => {
  const words = new Set(terms(page).flatMap((term) => term.split(/[ ,]+/)));
  return wanted.filter((word) => !words.has(word));
};

describe('man pages (npm run schema writes them again)', () => {
  test('lunsmith(8) has every option, every role and every command of the root', () => {
    expect(missing(OPTION_NAMES, SHELL_PAGE)).toEqual([]);
    expect(missing(ROLE_WORDS, SHELL_PAGE)).toEqual([]);
    expect(missing(commandsAt(ROOT, BUILTINS), SHELL_PAGE)).toEqual([]);
  });

  test.each<[string, AttributeGroup]>([
    ['storage objects', STORAGE_ATTRIBUTES],
    ['TPGs', TPG_ATTRIBUTES],
    ['TPG parameters', TPG_PARAMETERS],
    ['ACLs', NODE_ACL_ATTRIBUTES],
    ['auth', AUTH],
    ['discovery', DISCOVERY_AUTH],
  ])('saveconfig.yaml(5) has every attribute of %s that can be written', (_, group) => {
    const names = Object.entries(group).filter(([, attribute]) => attribute.readonly !== true);
    expect(
      missing(
        names.map(([name]) => name),
        FILE_PAGE,
      ),
    ).toEqual([]);
  });

  test.each(['lunsmith.8', 'saveconfig.yaml.5'])(
    '%s is roff without a warning',
    unless(lacking('groff')),
    (name) => {
      const args = ['-man', '-Tutf8', '-ww', '-k', '-z', path.join(FOLDER, name)];
      const { stderr } = spawnSync('groff', args, { encoding: 'utf8' });
      expect(stderr).toBe('');
    },
  );
});
