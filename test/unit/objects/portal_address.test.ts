import { describe, expect, test } from 'vitest';
import {
  normalisePortal,
  parsePortal,
  portalKey,
  portalLabel,
} from '../../../src/objects/portal_address.ts';

const key = (text: string) => {
  const result = parsePortal(text);
  return result.ok ? portalKey(result.portal) : `refused: ${result.reason}`;
};

describe('portal addresses', () => {
  test.each([
    ['0.0.0.0:3260', '0.0.0.0:3260'],
    ['10.0.0.1', '10.0.0.1:3260'],
    ['::0', '[::]:3260'],
    ['[::0]:3261', '[::]:3261'],
    ['[FD00:0::1]:3260', '[fd00::1]:3260'],
    ['fd00::1', '[fd00::1]:3260'],
    ['[fd00::1]', '[fd00::1]:3260'],
    ['127.0.0.1:1', '127.0.0.1:1'],
  ])('%s is kept as %s', (text, expected) => expect(key(text)).toBe(expected));

  test.each([
    '256.0.0.1:3260',
    '10.0.0:3260',
    'host:3260',
    '10.0.0.1:0',
    '10.0.0.1:65536',
    '10.0.0.1:',
    '10.0.0.1:0x10',
    '10.0.0.1:-1',
    '[fe80::1]:3260',
    '[fd00::1%eth0]:3260',
    '[fd00::1]x3260',
    '[]:3260',
    '',
    ':',
  ])('refuses %j', (text) => expect(key(text)).toMatch(/^refused: /));

  test('the IPv6 wildcard shows as targetcli shows it', () => {
    const result = normalisePortal('::', '3260');
    expect(result.ok && portalLabel(result.portal)).toBe('[::0]:3260');
  });
});
