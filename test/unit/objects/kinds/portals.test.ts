import { describe, expect, test } from 'vitest';
import { setIn } from '../../../../src/objects/document.ts';
import {
  FULL_DOCUMENT,
  IDLE_RUNTIME,
  SMALL_DOCUMENT,
  TARGET_NAME,
} from '../../../fixtures/documents.ts';
import { info, messages, run, summary, walk } from './runner.ts';

const TPG = `/iscsi/${TARGET_NAME}/tpg1`;
const PORTALS = `${TPG}/portals`;
const PORTAL = `${PORTALS}/0.0.0.0:3260`;
const portalsAt = ['iscsi', 'targets', TARGET_NAME, 'tpgs', '1', 'portals'];
const NONE = setIn(SMALL_DOCUMENT, portalsAt, {});

describe('portals create', () => {
  const create = (typed: Record<string, string>, world = {}) =>
    run(NONE, PORTALS, 'create', typed, world);

  test('without address and port listens on all IPv4 addresses, port 3260', async () => {
    const outcome = await create({});
    expect(outcome.messages.map(({ text }) => text)).toEqual([
      'Using default IP port 3260',
      'Binding to INADDR_ANY (0.0.0.0)',
      'Created network portal 0.0.0.0:3260.',
    ]);
    expect(outcome.created).toBe(PORTAL);
  });

  test.each([
    ['192.168.77.1', undefined, '192.168.77.1:3260'],
    ['127.0.0.2', '3261', '127.0.0.2:3261'],
    ['::1', '3262', '[::1]:3262'],
    ['[::1]', '3262', '[::1]:3262'],
    ['::0', '3260', '[::0]:3260'],
  ])('%s %s becomes %s', async (ip_address, ip_port, label) => {
    const typed = ip_port === undefined ? { ip_address } : { ip_address, ip_port };
    const outcome = await create(typed);
    expect(outcome.messages.at(-1)?.text).toBe(`Created network portal ${label}.`);
    expect(outcome.created).toBe(`${PORTALS}/${label}`);
    expect(walk(outcome.document ?? NONE, `${PORTALS}/${label}`).name).toBe(label);
  });

  test('warns about an address that this machine has not, when it knows its own', async () => {
    const typed = { ip_address: '10.99.99.99', ip_port: '3260' };
    const known = await create(typed, { addresses: ['192.168.77.1', 'fe80::1'] });
    expect(known.messages[0]).toEqual({
      level: 'warning',
      text: '10.99.99.99 is no address of this machine at present',
    });
    expect((await create(typed)).messages).toHaveLength(1);
    const mine = await create(typed, { addresses: ['10.99.99.99'] });
    expect(mine.messages).toHaveLength(1);
  });

  test.each([
    [{ ip_address: 'notanip' }, /NetworkPortal in configFS: "notanip" is not an IPv4/],
    [{ ip_address: '300.1.1.1' }, /create NetworkPortal in configFS: "300\.1\.1\.1" is not/],
    [{ ip_address: 'fe80::1' }, /link-local/],
    [{ ip_address: '127.0.0.1', ip_port: '99999' }, /ip_port: out of range 1\.\.65535/],
    [{ ip_address: '127.0.0.1', ip_port: 'abc' }, /ip_port: not a number/],
  ])('refuses %j', async (typed, message) => {
    await expect(create(typed as Record<string, string>)).rejects.toThrow(message);
  });

  test('refuses a portal that the TPG or another TPG of the target has', async () => {
    await expect(run(FULL_DOCUMENT, PORTALS, 'create')).rejects.toThrow(
      /^This NetworkPortal already exists in configFS$/,
    );
    const other = `/iscsi/${TARGET_NAME}/tpg2/portals`;
    await expect(run(FULL_DOCUMENT, other, 'create')).rejects.toThrow(
      'This NetworkPortal already exists in configFS: it belongs to tpg1 of this target',
    );
  });
});

describe('portals delete', () => {
  test('deletes the one, in any spelling', async () => {
    const typed = { ip_address: 'FD00:0::1', ip_port: '3261' };
    expect(await messages(FULL_DOCUMENT, PORTALS, 'delete', typed)).toEqual([
      'Deleted network portal [fd00::1]:3261',
    ]);
  });

  test('refuses an unknown one', async () => {
    const remove = (ip_address: string) =>
      run(FULL_DOCUMENT, PORTALS, 'delete', { ip_address, ip_port: '3999' });
    await expect(remove('127.0.0.2')).rejects.toThrow(
      `No such NetworkPortal in configfs: ${PORTALS}/127.0.0.2:3999`,
    );
    await expect(remove('nonsense')).rejects.toThrow(/^No such NetworkPortal in configfs: /);
  });
});

describe('a portal', () => {
  test('is found right under its TPG, as old guides write it', () => {
    for (const path of [`/iscsi/${TARGET_NAME}/tpgt1/0.0.0.0:3260`, `${TPG}/[fd00::1]:3261`]) {
      const node = walk(FULL_DOCUMENT, path);
      expect([node.parent?.name, node.kind.id]).toEqual(['portals', 'portal']);
    }
  });

  test('is OK, or red with the reason of the engine', () => {
    expect(summary(FULL_DOCUMENT, PORTAL)).toBe('+ OK');
    const key = `${TARGET_NAME}/1/0.0.0.0:3260`;
    const health = { ok: false, reason: 'address in use' };
    const runtime = { ...IDLE_RUNTIME, portals: { [key]: health } };
    expect(summary(FULL_DOCUMENT, PORTAL, runtime)).toBe('- address in use');
  });

  test('info', () => {
    expect(info(FULL_DOCUMENT, PORTAL)).toEqual([
      'ip_address: 0.0.0.0',
      'iser: False',
      'offload: False',
      'port: 3260',
    ]);
    expect(info(FULL_DOCUMENT, `${PORTALS}/[fd00::1]:3261`)[0]).toBe('ip_address: [fd00::1]');
  });

  test.each([
    ['enable_iser', { boolean: 'true' }, 'iSER enable now: True'],
    ['iser_enable', {}, 'iser operation has been enabled'],
  ])('%s %j enables iSER and says so; summary and info show it', async (command, typed, text) => {
    const { document, messages } = await run(FULL_DOCUMENT, PORTAL, command, typed);
    expect(messages).toEqual([{ level: 'info', text }]);
    if (document === undefined) throw new Error('nothing changed');
    expect(summary(document, PORTAL)).toBe('+ iser');
    expect(info(document, PORTAL)).toEqual([
      'ip_address: 0.0.0.0',
      'iser: True',
      'iser_provider: iwarp (user space)',
      'offload: False',
      'port: 3260',
    ]);
    const again = await run(document, PORTAL, 'iser_enable', {});
    expect(again).toEqual({
      messages: [{ level: 'info', text: 'iser operation has already been enabled' }],
    });
    const off = await run(document, PORTAL, 'iser_disable', {});
    expect(off.messages).toEqual([{ level: 'info', text: 'iser operation has been disabled' }]);
    expect(off.document).toEqual(FULL_DOCUMENT);
  });

  test.each([
    ['enable_iser', { boolean: 'false' }, 'iSER enable now: False'],
    ['iser_disable', {}, 'iser operation has already been disabled'],
    ['enable_offload', { boolean: 'false' }, 'offload enable now: False'],
  ])('%s %j says so and changes nothing', async (command, typed, text) => {
    const outcome = await run(FULL_DOCUMENT, PORTAL, command, typed);
    expect(outcome).toEqual({ messages: [{ level: 'info', text }] });
  });

  test('offload cannot be enabled', async () => {
    await expect(run(FULL_DOCUMENT, PORTAL, 'enable_offload', { boolean: 'true' })).rejects.toThrow(
      /^Cannot change offload/,
    );
  });
});
