import { describe, expect, test } from 'vitest';
import { generatedTargetName, nameKey, normaliseName } from '../../../src/objects/names.ts';

const name = (text: string) => {
  const result = normaliseName(text);
  return result.ok ? result.name : `refused: ${result.reason}`;
};

describe('iSCSI names', () => {
  test.each([
    ['iqn.2003-01.org.linux-iscsi.san01.x8664:sn.05135a0e4a11', undefined],
    ['IQN.1991-05.com.Microsoft:ibm-T410s', 'iqn.1991-05.com.microsoft:ibm-t410s'],
    ['iqn.1994-05.com.redhat:a:b', undefined],
    ['naa.5001405abcdef012', undefined],
    ['0x5001405ABCDEF012', 'naa.5001405abcdef012'],
    ['50:01:40:5a:bc:de:f0:12', 'naa.5001405abcdef012'],
    ['eui.0014051234567890', undefined],
    ['0014051234567890', 'eui.0014051234567890'],
  ])('accepts %s', (text, normal) => expect(name(text)).toBe(normal ?? text));

  test.each([
    'iqn.2003-01.com:x',
    'iqn.2003-21.org.example:x',
    'iqn.03-01.org.example:x',
    'iqn.2003-01.org.example:a b',
    'iqn.2003-01.org.example:a_b',
    'iqn.2003-01.org.example:a/b',
    'iqn.2003-01.org.example:\n',
    'naa.3001405abcdef012',
    'naa.5001405abcdef01',
    'eui.001405123456789',
    '__proto__',
    '',
    `iqn.2003-01.org.example:${'x'.repeat(220)}`,
  ])('refuses %j', (text) => {
    // trailing white space is trimmed before the check
    const expected = text.endsWith('\n') ? /^iqn/ : /^refused: WWN not valid/;
    expect(name(text)).toMatch(expected);
  });

  test('keys ignore case', () => expect(nameKey('IQN.A')).toBe('iqn.a'));

  test.each([
    ['san01.example.com', 'x64', 'iqn.2003-01.org.linux-iscsi.san01.x8664:sn.0123456789ab'],
    ['my_host', 'arm64', 'iqn.2003-01.org.linux-iscsi.myhost.aarch64:sn.0123456789ab'],
    ['', 'x64', 'iqn.2003-01.org.linux-iscsi.localhost.x8664:sn.0123456789ab'],
  ])('the generated name of host %j is valid', (host, arch, expected) => {
    const made = generatedTargetName(host, arch, '0123456789ab');
    expect(made).toBe(expected);
    expect(normaliseName(made)).toMatchObject({ ok: true, name: made });
  });
});
