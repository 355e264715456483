/**
 * One command passes some sixty short functions. As shipped, V8's compiler stops taking called
 * functions into their callers long before that; with more room a command without network and file
 * costs a third to a half less. The limits are those of the whole process, and only of what is
 * compiled after.
 */
import v8 from 'node:v8';

export const INLINING = {
  /** Called functions of up to so many bytes of bytecode, whatever has been taken in already. */
  'max-inlined-bytecode-size-small': 150,
  /** All that one function takes in. */
  'max-inlined-bytecode-size-cumulative': 8000,
  /** The same, with what is taken in whatever it costs. */
  'max-inlined-bytecode-size-absolute': 20_000,
} as const;

/** Versions of V8 known to have these limits: any other would complain of each on stderr. */
const FIRST_V8 = 11;
const LAST_V8 = 13;

export function inlineMore(): void {
  const major = Number.parseInt(process.versions.v8, 10);
  if (major < FIRST_V8 || major > LAST_V8) return;
  for (const [name, bytes] of Object.entries(INLINING)) v8.setFlagsFromString(`--${name}=${bytes}`);
}
