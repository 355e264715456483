/**
 * Calls each of those who wait for the same thing, those who join meanwhile too. One whose call
 * goes wrong keeps nobody else waiting for ever: the first mistake is thrown when all were told.
 */
export function tellAll<News>(waiting: readonly ((news: News) => void)[], news: News): void {
  let mistake: unknown;
  let mistaken = false;
  for (let at = 0; at < waiting.length; at++) {
    try {
      waiting[at]?.(news);
    } catch (error) {
      if (!mistaken) mistake = error;
      mistaken = true;
    }
  }
  if (mistaken) throw mistake as Error;
}
