/** Completion of a word whose quote is not closed yet. */
import type { Candidate, Completion } from './complete.ts';
import { parseLine, SyntaxProblem, type Word } from './grammar.ts';

export interface Typed {
  readonly words: readonly Word[];
  /** The quote in which the cursor stands. */
  readonly quote: string | undefined;
}

/** The words before the cursor; a quote that is open ends there. Throws SyntaxProblem. */
export function wordsBefore(text: string): Typed {
  try {
    return { words: parseLine(text), quote: undefined };
  } catch (error) {
    const quote = error instanceof SyntaxProblem ? text.charAt(error.column) : '';
    if (quote !== '"' && quote !== "'") throw error;
    return { words: parseLine(text + quote), quote };
  }
}

/** Marks mean nothing in quotes, and `name=` is no name there. */
const meansItself = ({ text, kind }: Candidate) =>
  kind !== 'keyword' && !(kind === 'path' && /^@|\*$/.test(text));

/** The candidates in that quote, closed behind a word that is complete. */
export function inQuote(completion: Completion, quote: string): Completion {
  const candidates = completion.candidates
    .filter(meansItself)
    .filter(({ text }) => quote === '"' || !text.includes("'"))
    .map((one) => {
      const inside = quote === '"' ? one.text.replace(/["\\]/g, '\\$&') : one.text;
      return { ...one, text: quote + inside + (one.final ? quote : '') };
    });
  return { ...completion, candidates };
}
