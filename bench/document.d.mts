export const BEGIN: string;
export const END: string;
export function between(text: string, content: string): string;
