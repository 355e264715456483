/** What a person at a terminal is told besides the path: staged and unsaved changes. */
import type { StateReport } from '../control/protocol.ts';
import type { ShellContext } from './builtin.ts';

type Marked = Pick<ShellContext, 'client' | 'mirror'>;

async function stateOf({ client }: Marked): Promise<StateReport | undefined> {
  try {
    return await client.call('state', {});
  } catch {
    // The next command tells what is wrong with the daemon.
    return undefined;
  }
}

/** `* ` before the prompt: unsaved changes; `[2 staged] `: a transaction. */
export async function promptMarks(shell: Marked): Promise<string> {
  const { candidate } = shell.mirror;
  if (candidate !== undefined) return `[${candidate.count} staged] `;
  return (await stateOf(shell))?.unsaved === true ? '* ' : '';
}

/** What the state of the configuration asks a person to do; nothing when all is well. */
function stateNotices({ unsaved, lost, journalProblem }: StateReport): readonly string[] {
  const notices: string[] = [];
  if (unsaved) notices.push('There are unsaved changes: diff shows them, saveconfig saves them.');
  if (lost !== undefined) {
    notices.push(
      `The last run had changes that were not saved (the latest of ${lost.time}): ` +
        'diff last=true shows them, restoreconfig last=true brings them back.',
    );
  }
  if (journalProblem !== undefined) {
    notices.push(`The journal cannot be written, a crash loses changes: ${journalProblem}`);
  }
  return notices;
}

/** For the beginning of a session, and `status`. */
export async function notices(shell: Marked): Promise<readonly string[]> {
  const state = await stateOf(shell);
  return state === undefined ? [] : stateNotices(state);
}
