/** Every built-in command, by name. */
import type { Builtins } from '../builtin.ts';
import { APPLY } from './apply.ts';
import { CONFIGURATION } from './configuration.ts';
import { DUMP } from './dump.ts';
import { FIND } from './find.ts';
import { HELP } from './help.ts';
import { LIVE } from './live.ts';
import { NAVIGATION } from './navigation.ts';
import { QUICKSTART } from './quickstart.ts';
import { SESSIONS } from './sessions.ts';
import { WHY } from './why.ts';
import { SETTINGS } from './settings.ts';
import { TRANSFER } from './transfer.ts';
import { TRANSACTIONS } from './transactions.ts';

export const BUILTINS: Builtins = {
  ...APPLY,
  ...CONFIGURATION,
  ...DUMP,
  ...FIND,
  ...HELP,
  ...LIVE,
  ...NAVIGATION,
  ...QUICKSTART,
  ...SESSIONS,
  ...SETTINGS,
  ...WHY,
  ...TRANSFER,
  ...TRANSACTIONS,
};
