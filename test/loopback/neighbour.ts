/** What tests of hostile peers watch: a session beside them, and the engine's own mistakes. */
import type { EnginePort } from '../../src/objects/engine_port.ts';
import { TARGET } from './demo_document.ts';

/** Of the login of the session beside the hostile peers. */
export const NEIGHBOUR_KEYS = {
  InitiatorName: 'iqn.1993-08.org.debian:01:healthy',
  TargetName: TARGET,
  SessionType: 'Normal',
};

/** Grows with each error that the engine logs from now on. */
export function errorsOf(engine: EnginePort): readonly string[] {
  const errors: string[] = [];
  engine.onEvent((event) => {
    if (event.type === 'log' && event.record.level === 'error') {
      errors.push(`${event.record.message} ${JSON.stringify(event.record.fields)}`);
    }
  });
  return errors;
}
