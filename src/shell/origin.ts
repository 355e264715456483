/** Who changes the configuration, for its history. */
import { userInfo } from 'node:os';
import type { Origin } from '../control/protocol.ts';

/** As long as the daemon takes it; longer command lines are cut. */
const COMMAND_LENGTH = 4000;

function userName(): string {
  let name: string;
  try {
    name = userInfo().username;
  } catch {
    // A container's user may have no name.
    name = `uid ${process.geteuid?.() ?? 0}`;
  }
  const before = process.env['SUDO_USER'] ?? '';
  return before === '' || before === name ? name : `${name} (${before})`.slice(0, 200);
}

/** `command`: the line as typed, secrets left out. */
export function originOf(command: string): Origin {
  const shown = command.trim().slice(0, COMMAND_LENGTH);
  return { user: userName(), client: `shell ${process.pid}`, command: shown };
}
