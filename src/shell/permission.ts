/**
 * Before a command takes disks away from initiators that use them: a question, or `force=true`.
 * What hangs below and nobody uses is asked for in a terminal only: scripts of targetcli delete it.
 */
import { ConfigError } from '../objects/errors.ts';
import { hangingText, impactOf, removedText } from '../objects/impact.ts';
import { printable } from '../objects/kinds/sessions.ts';
import type { SessionInfo } from '../objects/engine_port.ts';
import type { Arguments, CommandContext, CommandOutcome } from '../objects/node.ts';
import type { Dialogs } from './builtin.ts';

/** Initiators named in one question; more are counted. */
const NAMES_SHOWN = 3;

function whose(sessions: readonly SessionInfo[], what: string): string {
  const count = sessions.length === 1 ? '1 open session' : `${sessions.length} open sessions`;
  const names = sessions.slice(0, NAMES_SHOWN).map(({ initiator, connections }) => {
    const from = connections[0]?.address;
    return printable(initiator) + (from === undefined ? '' : ` from ${from}`);
  });
  const more = sessions.length - names.length;
  if (more > 0) names.push(`${more} more`);
  return `${count} ${what} (${names.join(', ')})`;
}

/** Undefined when no open session notices. */
function warningOf({ view }: CommandContext, outcome: CommandOutcome): string | undefined {
  const { document } = outcome;
  if (document === undefined) return undefined;
  const { ended, poorer } = impactOf(view, document);
  const parts: string[] = [];
  if (ended.length > 0) parts.push(whose(ended, ended.length === 1 ? 'ends' : 'end'));
  if (poorer.length > 0)
    parts.push(whose(poorer, poorer.length === 1 ? 'loses a disk' : 'lose disks'));
  if (parts.length === 0) return undefined;
  const removed = removedText(view.document, document);
  return parts.join(', ') + (removed === '' ? '' : `; with it go ${removed}`);
}

function hangingWarning({ view }: CommandContext, { document }: CommandOutcome) {
  const hanging = document === undefined ? '' : hangingText(view.document, document);
  return hanging === '' ? undefined : `With it go ${hanging}`;
}

/** Throws unless nobody loses anything, `force=true` was given, or the person says yes. */
export async function demandPermission(
  context: CommandContext,
  outcome: CommandOutcome,
  args: Arguments,
  dialogs: Dialogs | undefined,
): Promise<void> {
  if (args['force'] === true) return;
  const loss = warningOf(context, outcome);
  if (dialogs === undefined) {
    if (loss === undefined) return;
    throw new ConfigError(`Nothing was changed: ${loss}. With force=true it is done all the same`);
  }
  const warning = loss ?? hangingWarning(context, outcome);
  if (warning === undefined) return;
  if (await dialogs.confirm(`${warning}. Do it?`, false)) return;
  throw new ConfigError('Nothing was changed');
}
