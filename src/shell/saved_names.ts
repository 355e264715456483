/** Names in the configuration that the other words of a command name: for completion. */
import type { ControlClient, Source } from '../control/protocol.ts';
import type { Document } from '../objects/document.ts';
import type { Parameter } from '../objects/node.ts';
import type { PlanLine } from '../objects/plan_text.ts';
import { storageObjects } from '../objects/rules.ts';

type What = NonNullable<Parameter['saved']>;

const PLACES: Readonly<Record<What, RegExp>> = {
  targets: /^\/iscsi\/([^/]+)$/,
  storage_objects: /^\/backstores\/([^/]+\/[^/]+)$/,
};

function namesNow(document: Document, what: What): readonly string[] {
  if (what === 'targets') return Object.keys(document.iscsi.targets);
  return [...storageObjects(document)].map(([reference]) => reference);
}

/** What there is now and would stay, and what would come: both are in the file. */
function namesAfter(now: readonly string[], changes: readonly PlanLine[], what: What) {
  const names = new Set(now);
  for (const { action, path } of changes) {
    const [, name] = PLACES[what].exec(path) ?? [];
    if (name === undefined) continue;
    if (action === 'delete') names.delete(name);
    else names.add(name);
  }
  return [...names];
}

/** Undefined where no file or backup is named, or where it cannot be read. */
export async function savedNames(
  client: ControlClient,
  document: Document,
  source: Source,
  what: What,
): Promise<readonly string[] | undefined> {
  if (Object.keys(source).length === 0) return undefined;
  try {
    const plan = {
      ...source,
      clear: true,
      dryRun: true,
      by: { user: '', client: '', command: '' },
    };
    const { changes } = await client.call('restore', plan);
    return namesAfter(namesNow(document, what), changes, what);
  } catch {
    return undefined;
  }
}
