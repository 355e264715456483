import { describe, expect, test } from 'vitest';
import { parseArguments } from '../../../src/bin/args.ts';
import { logFileOf, placesOf } from '../../../src/bin/places.ts';
import { ConfigError } from '../../../src/objects/errors.ts';

const defaults = { embedded: false, keepGoing: false };

describe('argv', () => {
  test('nothing is the shell, words are its command, untouched', () => {
    expect(parseArguments([])).toEqual({ role: 'shell', options: defaults, words: [] });
    const words = ['/iscsi', 'create', '--help', 'a=b c'];
    expect(parseArguments(words)).toMatchObject({ role: 'shell', words });
    expect(parseArguments(['--', '--config'])).toMatchObject({ words: ['--config'] });
  });

  test('options stand before the words, with blank or equals sign', () => {
    const words = ['--config', '/a', '--socket=/b', '--keep-going', '--embedded', 'ls'];
    expect(parseArguments(words)).toEqual({
      role: 'shell',
      options: { config: '/a', socket: '/b', keepGoing: true, embedded: true },
      words: ['ls'],
    });
  });

  test('daemon and stop take options on either side', () => {
    const options = { ...defaults, config: '/a', socket: '/b' };
    expect(parseArguments(['--config=/a', 'daemon', '--socket', '/b'])).toEqual({
      role: 'daemon',
      options,
    });
    expect(parseArguments(['stop'])).toEqual({ role: 'stop', options: defaults });
    expect(parseArguments(['daemon', '--help'])).toEqual({ role: 'help' });
  });

  test('help and version win over what follows', () => {
    expect(parseArguments(['--version', 'daemon'])).toEqual({ role: 'version' });
    expect(parseArguments(['-h'])).toEqual({ role: 'help' });
  });

  test('mistakes are one line each', () => {
    const wrong = [
      ['--bogus'],
      ['--config'],
      ['--config='],
      ['--embedded=1'],
      ['daemon', 'x'],
      ['stop', '--embedded'],
      ['-x'],
    ];
    for (const words of wrong) {
      expect(() => parseArguments(words), words.join(' ')).toThrow(ConfigError);
      expect(() => parseArguments(words)).toThrow(/^.+$/);
    }
  });
});

describe('places', () => {
  const sources = { env: {}, uid: 1000, homeFolder: '/home/u', cwd: '/work' };

  test('root uses the system folders, others their own', () => {
    expect(placesOf(defaults, { ...sources, uid: 0 })).toEqual({
      configFile: '/etc/lunsmith/saveconfig.yaml',
      configGiven: false,
      socketPath: '/run/lunsmith/control.sock',
      home: '/home/u/.lunsmith',
    });
    expect(placesOf(defaults, sources)).toMatchObject({
      configFile: '/home/u/.config/lunsmith/saveconfig.yaml',
      socketPath: '/tmp/lunsmith-1000/control.sock',
    });
    const env = { XDG_CONFIG_HOME: '/c', XDG_RUNTIME_DIR: '/run/user/1000' };
    expect(placesOf(defaults, { ...sources, env })).toMatchObject({
      configFile: '/c/lunsmith/saveconfig.yaml',
      socketPath: '/run/user/1000/lunsmith/control.sock',
    });
  });

  test('options win over the environment, and all becomes absolute', () => {
    const env = { LUNSMITH_CONFIG: 'e.yaml', LUNSMITH_SOCKET: '/e.sock', LUNSMITH_HOME: 'h' };
    expect(placesOf(defaults, { ...sources, env })).toEqual({
      configFile: '/work/e.yaml',
      configGiven: true,
      socketPath: '/e.sock',
      home: '/work/h',
    });
    const options = { ...defaults, config: 'o.yaml', socket: 'o.sock' };
    expect(placesOf(options, { ...sources, env })).toMatchObject({
      configFile: '/work/o.yaml',
      socketPath: '/work/o.sock',
    });
    const empty = { LUNSMITH_CONFIG: '', LUNSMITH_SOCKET: '' };
    expect(placesOf(defaults, { ...sources, env: empty })).toEqual(placesOf(defaults, sources));
  });

  test('the log stands beside the socket', () => {
    expect(logFileOf('/run/lunsmith/control.sock')).toBe('/run/lunsmith/control.log');
    expect(logFileOf('/run/x')).toBe('/run/x.log');
  });
});

describe('scripts on the command line', () => {
  test('-c and -f give the script, -e goes on, -q says little', () => {
    expect(parseArguments(['-e', '-q', '-c', 'ls; pwd'])).toMatchObject({
      role: 'shell',
      words: [],
      options: { command: 'ls; pwd', keepGoing: true, quiet: true },
    });
    expect(parseArguments(['-f', '/srv/setup'])).toMatchObject({ options: { file: '/srv/setup' } });
  });

  test('two scripts, or a script and words, are refused', () => {
    expect(() => parseArguments(['-c', 'ls', '-f', 'x'])).toThrow('Either -c or -f');
    expect(() => parseArguments(['-c', 'ls', 'pwd'])).toThrow('the script holds all commands');
    expect(() => parseArguments(['-f', 'x', 'daemon'])).toThrow('the script holds all commands');
  });
});
