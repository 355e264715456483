/**
 * A mistake of the user: one clear line naming thing, cause and remedy. Ends as exit status 1 with
 * nothing changed; never with a stack.
 */
export class ConfigError extends Error {
  override name = 'ConfigError';
}
