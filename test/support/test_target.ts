/** Which program is under test: our own, unless LUNSMITH_TEST_TARGET names a peer. */
import { LunsmithProcess } from './lunsmith_process.ts';
import type { ServedTarget } from './served_target.ts';
import { TgtTarget } from './tgt_target.ts';

export const testsPeer = process.env['LUNSMITH_TEST_TARGET'] === 'tgt';

export const testTarget = (): ServedTarget => (testsPeer ? new TgtTarget() : new LunsmithProcess());
