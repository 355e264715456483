type Part = 'bench' | 'profile';
export const MARKS: Readonly<Record<Part, { readonly begin: string; readonly end: string }>>;
export function between(text: string, content: string, part: Part): string;
