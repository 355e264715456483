/** What the groups `auth` and `discovery_auth` share. */
import type { AttributeBag } from '../attribute.ts';
import type { AuthBag } from '../document.ts';
import { ConfigError } from '../errors.ts';
import { credentialProblem } from '../rules.ts';

export function checkCredentials(values: AttributeBag): void {
  for (const [name, value] of Object.entries(values)) {
    const problem = credentialProblem(value);
    if (problem !== undefined) throw new ConfigError(`Cannot set ${name}: ${problem}`);
  }
}

/** Of the whole group as it would stand. RFC 7143 §12.1.3: the secrets of the two differ. */
export function checkDirections({ password = '', mutual_password }: AuthBag): void {
  if (password === '' || password !== mutual_password) return;
  throw new ConfigError(
    'Cannot set auth: password and mutual_password are the same; ' +
      'the two directions of CHAP need different secrets, or initiators are refused',
  );
}

/** Which directions the credentials are complete for. */
export function credentialsOf(auth: AuthBag): { oneWay: boolean; mutual: boolean } {
  return {
    oneWay: (auth.userid ?? '') !== '' && (auth.password ?? '') !== '',
    mutual: (auth.mutual_userid ?? '') !== '' && (auth.mutual_password ?? '') !== '',
  };
}
