/** Numbers and names that live state suggests, and the guides of `help`. */
import { expect, test } from 'vitest';
import { complete } from '../../../src/shell/complete.ts';
import { GUIDES } from '../../../src/shell/guides.ts';
import { EXAMPLE, TARGET, testShell } from './kit.ts';

const TPG = `/iscsi/${TARGET}/tpg1`;
const REFUSED = {
  target: TARGET,
  address: '192.0.2.9',
  rule: 'no node ACL',
  statusClass: 2,
  statusDetail: 2,
  count: 1,
  ageSeconds: 1,
};

test('TAB offers free numbers and the initiators that were refused', async () => {
  const { client, shell, run } = testShell();
  await run(...EXAMPLE);
  const initiators = ['iqn.1994-05.com.redhat:stranger', 'iqn.1994-05.com.redhat:c1', 'no name'];
  client.refusedLogins = initiators.map((initiator) => ({ ...REFUSED, initiator }));
  const texts = async (line: string) =>
    (await complete(shell, line)).candidates.map(({ text }) => text);
  expect(await texts(`${TPG}/acls create iqn`)).toEqual(['iqn.1994-05.com.redhat:stranger']);
  expect(await texts(`${TPG}/luns create /backstores/ramdisk/ram1 lun=`)).toEqual(['1']);
  expect(await texts(`${TPG}/acls/iqn.1994-05.com.redhat:c1 create mapped_lun=`)).toEqual(['1']);
  expect(await texts(`/iscsi/${TARGET} create tag=`)).toEqual(['2']);
});

test('help topics lists the guides, and each is shown', async () => {
  const { run } = testShell();
  const list = await run('help topics');
  for (const [name, { title, text }] of Object.entries(GUIDES)) {
    expect(list).toContain(name);
    const page = await run(`help ${name}`);
    expect(page).toContain(title);
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(95);
  }
  expect(await run('help Demo_Mode')).toContain('generate_node_acls=1');
});

test('the example in the help of each attribute can be set', async () => {
  const { run } = testShell();
  await run(...EXAMPLE);
  const failed: string[] = [];
  for (const [path, group] of [
    [TPG, 'attribute'],
    [TPG, 'parameter'],
    [TPG, 'auth'],
    ['/backstores/ramdisk/ram1', 'attribute'],
    [`${TPG}/acls/iqn.1994-05.com.redhat:c1`, 'attribute'],
    ['/', 'global'],
  ] as const) {
    const page = await run(`${path} help ${group}`);
    const examples = page.match(/(?<=^Example: +)set .*$/gm) ?? [];
    expect(examples.length).toBeGreaterThan(1);
    for (const example of examples.filter((one) => /=(?!TEXT)/.test(one))) {
      const said = await run(`${path} ${example}`);
      if (!/^Parameter \S+ is now/m.test(said)) failed.push(`${path} ${example}: ${said}`);
    }
  }
  expect(failed).toEqual([]);
});
