import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeLine, LineSplitter } from '../../../src/control/json_lines.ts';

test('lines come out whole however the stream is cut, also within a character', () => {
  const messages = fc.array(fc.string({ unit: 'grapheme' }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(messages, fc.array(fc.nat(40), { minLength: 1 }), (texts, cuts) => {
      const stream = Buffer.from(texts.map(encodeLine).join(''));
      const splitter = new LineSplitter(10_000);
      const lines: string[] = [];
      for (let at = 0, i = 0; at < stream.length; i++) {
        const end = Math.min(stream.length, at + 1 + (cuts[i % cuts.length] ?? 0));
        lines.push(...(splitter.push(stream.subarray(at, end)) ?? ['too long']));
        at = end;
      }
      expect(lines.map((line) => JSON.parse(line) as string)).toEqual(texts);
    }),
  );
});

test('a line of the limit passes, one byte more gives up the stream', () => {
  expect(new LineSplitter(4).push(Buffer.from('abcd\n'))).toEqual(['abcd']);
  expect(new LineSplitter(4).push(Buffer.from('abcde'))).toBeUndefined();
  const splitter = new LineSplitter(4);
  expect(splitter.push(Buffer.from('ok\nabc'))).toEqual(['ok']);
  expect(splitter.push(Buffer.from('de'))).toBeUndefined();
});
