import { expect, test } from 'vitest';
import { tellAll } from '../../../src/util/tell_all.ts';

test('all are told, whatever one of them makes of it, and those who join meanwhile too', () => {
  const told: string[] = [];
  const waiting = [
    (news: string) => told.push(`a ${news}`),
    () => {
      waiting.push((news) => told.push(`late ${news}`));
      throw new Error('first');
    },
    () => {
      throw new Error('second');
    },
    (news: string) => told.push(`b ${news}`),
  ];
  expect(() => tellAll(waiting, 'news')).toThrow('first');
  expect(told).toEqual(['a news', 'b news', 'late news']);
});

test('nothing is thrown where nothing went wrong', () => {
  const told: number[] = [];
  tellAll([(news: number) => told.push(news), (news: number) => told.push(news + 1)], 1);
  expect(told).toEqual([1, 2]);
});
