import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { History } from '../../../src/shell/history.ts';
import { defaultHome, PreferencesStore } from '../../../src/shell/preferences_store.ts';
import { withoutSecrets } from '../../../src/shell/secrets.ts';
import { temporaryHome, testShell } from './kit.ts';

const modeOf = (path: string) => statSync(path).mode & 0o777;

describe('secrets leave no trace', () => {
  test.each([
    ['set auth userid=u password=mysecret', 'set auth userid=u password=…'],
    ['set auth password_mutual="a b" userid=u', 'set auth password_mutual=… userid=u'],
    ['set auth password = x', 'set auth password=…'],
    ['set auth password=', 'set auth password='],
    ['set auth password="never closed', 'set auth password=…'],
    ['get auth show_secrets=true', 'get auth show_secrets=true'],
    ['ls', 'ls'],
  ])('%j is kept as %j', (line, kept) => {
    expect(withoutSecrets(line)).toBe(kept);
  });

  test('neither in the log nor in an error', async () => {
    const home = temporaryHome();
    const { run } = testShell({ home });
    const said = await run('/iscsi set discovery_auth password=topsecret userid=u nonesuch=1');
    await run('/iscsi set discovery_auth password="topsecret');
    expect(said).not.toContain('topsecret');
    expect(readFileSync(join(home, 'log.txt'), 'utf8')).not.toContain('topsecret');
  });
});

describe('history', () => {
  test('outlives the session, newest last, without repetitions, in a private file', () => {
    const home = temporaryHome();
    const history = new History(new PreferencesStore(home));
    for (const line of ['ls', 'ls', '', '  pwd ', 'set auth password=x']) history.add(line);
    expect(new History(new PreferencesStore(home)).lines).toEqual([
      'ls',
      'pwd',
      'set auth password=…',
    ]);
    expect(modeOf(join(home, 'history'))).toBe(0o600);
  });

  test('shells side by side keep each other’s lines', () => {
    const home = temporaryHome();
    const one = new History(new PreferencesStore(home));
    const two = new History(new PreferencesStore(home));
    one.add('from one');
    two.add('from two');
    expect(new History(new PreferencesStore(home)).lines).toEqual(['from one', 'from two']);
  });

  test('keeps the last 1000', () => {
    const home = temporaryHome();
    writeFileSync(
      join(home, 'history'),
      Array.from({ length: 1500 }, (_, n) => `line ${n}\n`).join(''),
    );
    const history = new History(new PreferencesStore(home));
    history.add('newest');
    expect(history.lines).toHaveLength(1000);
    expect(history.lines.at(-1)).toBe('newest');
  });
});

describe('preferences', () => {
  test('are private, written whole, and leave no temporary file', () => {
    const home = join(temporaryHome(), 'deep', 'home');
    new PreferencesStore(home).setPreferences({ color_mode: false });
    expect(modeOf(home)).toBe(0o700);
    expect(modeOf(join(home, 'preferences.json'))).toBe(0o600);
    expect(readdirSync(home)).toEqual(['preferences.json']);
  });

  test('a damaged file gives defaults and a warning, once', () => {
    const home = temporaryHome();
    writeFileSync(join(home, 'preferences.json'), '{"preferences": {');
    const store = new PreferencesStore(home);
    expect(store.preferences.prompt_length).toBe(30);
    expect(store.takeWarning()).toContain('default preferences');
    expect(store.takeWarning()).toBeUndefined();
  });

  test('values of a wrong type and unknown names are left out', () => {
    const home = temporaryHome();
    mkdirSync(home, { recursive: true });
    const text = '{"preferences":{"prompt_length":"x","bogus":1,"color_mode":false},"bookmarks":3}';
    writeFileSync(join(home, 'preferences.json'), text);
    const store = new PreferencesStore(home);
    expect(store.preferences).toMatchObject({ prompt_length: 30, color_mode: false });
    expect(store.preferences).not.toHaveProperty('bogus');
    expect(store.bookmarks).toEqual({});
  });

  test('the log file stands in the home unless another is set', () => {
    const home = temporaryHome();
    const store = new PreferencesStore(home);
    expect(store.preferences.logfile).toBe(join(home, 'log.txt'));
    store.setPreferences({ logfile: '/tmp/elsewhere.txt' });
    expect(store.preferences.logfile).toBe('/tmp/elsewhere.txt');
  });

  test('LUNSMITH_HOME names the folder', () => {
    expect(defaultHome({ LUNSMITH_HOME: '/x' })).toBe('/x');
    expect(defaultHome({})).toMatch(/\/\.lunsmith$/);
  });
});
