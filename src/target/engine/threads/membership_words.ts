/** The memory that all data threads share from the start. */
export const WORD = {
  /** Sessions of all. */
  SESSIONS: 0,
  LAST_SID: 1,
  /** Connections of thread 0; those of the others follow. */
  CONNECTIONS: 2,
} as const;

export function newWords(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(4 * (WORD.CONNECTIONS + threads));
}
