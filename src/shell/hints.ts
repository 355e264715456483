/** "did you mean" behind a message. */
import { nearest } from '../util/near.ts';

/** `Command not found craete; did you mean create?`: the message, with the nearest word if any. */
export function withHint(message: string, word: string, known: Iterable<string>): string {
  const guess = nearest(word, known);
  if (guess === undefined) return message;
  const ends = message.endsWith('.');
  return `${message}${ends ? ' Did' : '; did'} you mean ${guess}?`;
}
