import { describe, expect, test } from 'vitest';
import { monotonicMs, recentMs } from '../../../src/util/clock.ts';

describe('the time that was looked at last', () => {
  test('is exactly what the last look gave, however long ago that was', () => {
    const first = monotonicMs();
    while (performance.now() - first < 2);
    expect(recentMs()).toBe(first);
    const second = monotonicMs();
    expect(second).toBeGreaterThan(first);
    expect(recentMs()).toBe(second);
  });
});
