import { expect, test } from 'vitest';
import { InputTurn } from '../../../src/util/input_turn.ts';

test('what is put off is done when the turn ends, in its order, and once', () => {
  const turn = new InputTurn();
  const done: string[] = [];
  turn.begin();
  turn.whenOver(() => done.push('first'));
  turn.whenOver(() => done.push('second'));
  expect([turn.open, done]).toEqual([true, []]);
  turn.end();
  expect([turn.open, done]).toEqual([false, ['first', 'second']]);
  turn.begin();
  turn.end();
  expect(done).toHaveLength(2);
});

test('what that brings is put off and done as well, before the turn is over', () => {
  const turn = new InputTurn();
  const done: boolean[] = [];
  turn.begin();
  turn.whenOver(() => turn.whenOver(() => done.push(turn.open)));
  turn.end();
  expect([done, turn.open]).toEqual([[true], false]);
});

test('a mistake in one is told, and keeps the others from nothing', () => {
  const turn = new InputTurn();
  const done: string[] = [];
  turn.begin();
  turn.whenOver(() => {
    throw new Error('mistake');
  });
  turn.whenOver(() => done.push('other'));
  expect(() => turn.end()).toThrow('mistake');
  expect([done, turn.open]).toEqual([['other'], false]);
});

test('the first mistake of a turn is thrown at its end, and not again at that of the next', () => {
  const turn = new InputTurn();
  turn.begin();
  turn.mistake(new Error('first'));
  turn.mistake(new Error('second'));
  expect(() => turn.end()).toThrow('first');
  turn.begin();
  turn.end();
  expect(() => turn.mistake(new Error('outside'))).toThrow('outside');
});
