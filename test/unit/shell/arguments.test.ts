import { describe, expect, test } from 'vitest';
import { bindArguments } from '../../../src/shell/arguments.ts';
import type { Params } from '../../../src/shell/arguments.ts';
import { parseLine } from '../../../src/shell/grammar.ts';

const text = { kind: 'text', lengthMax: 20, default: '', help: '' } as const;
const PARAMS: Params = {
  name: { ...text, required: true },
  file_or_dev: { ...text, required: true, aliases: ['dev'] },
  size: text,
  write_back: { kind: 'bool', style: 'truefalse', default: true, help: '' },
  port: { kind: 'uint', min: 1, max: 65535, default: 3260, help: '' },
  password: { ...text, secret: true },
};
const bind = (line: string, params = PARAMS) => bindArguments(params, parseLine(line));

describe('arguments', () => {
  test('positional words fill the declared order', () => {
    expect(bind('d /srv/d 1G')).toEqual({ name: 'd', file_or_dev: '/srv/d', size: '1G' });
  });
  test('keywords may stand anywhere; positional words fill what they leave', () => {
    expect(bind('name=d /srv/d write_back=no 1G')).toEqual({
      name: 'd',
      file_or_dev: '/srv/d',
      size: '1G',
      write_back: false,
    });
  });
  test('another spelling of a name is the same parameter', () => {
    expect(bind('d dev=/dev/sdb')).toEqual({ name: 'd', file_or_dev: '/dev/sdb' });
    expect(() => bind('d dev=/a file_or_dev=/b')).toThrow('Duplicate parameter file_or_dev.');
  });
  test('an empty optional value counts as not given', () => {
    expect(bind('d /srv/d size=')).toEqual({ name: 'd', file_or_dev: '/srv/d' });
  });
  test.each([
    ['d', 'Missing required parameter file_or_dev'],
    ['', "Missing required parameters 'name', 'file_or_dev'"],
    ['name= /x', 'Missing required parameter name'],
    ['d /x nme=y', "Unexpected keyword parameter 'nme'. Did you mean name?"],
    ['d /x q=1 w=2', "Unexpected keyword parameters 'q', 'w'."],
    ['d /x size=1 size=2', 'Duplicate parameter size.'],
    ['a b c d e f g', 'Got 7 positionnal parameters, expected at most 6.'],
    ['d /x write_back=maybe', "Syntax error, 'maybe' is not true|false."],
    ['d /x port=x', "port: Syntax error, 'x' is not a NUMBER."],
    ['d /x port=0', "port: Syntax error, '0' is out of range 1..65535"],
  ])('%j: %s', (line, message) => {
    expect(() => bind(line)).toThrow(message);
  });
  test('a command without parameters says exactly 0', () => {
    expect(() => bind('x', {})).toThrow('Got 1 positionnal parameters, expected exactly 0.');
  });
  test('a refused secret is not repeated', () => {
    const attempt = () => bind('d /x password=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa');
    expect(attempt).toThrow('longer than 20 characters');
    expect(attempt).not.toThrow(/aaaa/);
  });
});
