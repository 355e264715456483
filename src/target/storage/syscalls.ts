/** The optional binding to system calls that Node lacks, in one place. */

/** For `info`. */
export const SYSCALLS_CHOICE: string = 'none';
