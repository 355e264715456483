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

/** Which directions the credentials are complete for. */
export function credentialsOf(auth: AuthBag): { oneWay: boolean; mutual: boolean } {
  return {
    oneWay: (auth.userid ?? '') !== '' && (auth.password ?? '') !== '',
    mutual: (auth.mutual_userid ?? '') !== '' && (auth.mutual_password ?? '') !== '',
  };
}
