/** Applying the candidate of a transaction to what runs. */
import { ConflictError } from '../control/protocol.ts';
import { diff } from '../objects/diff.ts';
import { editsBetween } from '../objects/edits.ts';
import { ConfigError } from '../objects/errors.ts';
import { describePlan, type PlanLine } from '../objects/plan_text.ts';
import { describeIssue, validate } from '../objects/validate.ts';
import type { Document } from '../objects/document.ts';
import type { ShellContext } from './builtin.ts';
import { originOf } from './origin.ts';
import type { Transaction } from './transaction.ts';

type Committer = Pick<ShellContext, 'client' | 'mirror' | 'noteChanged'>;

/** How often a commit is computed anew when another shell was faster. */
const ATTEMPTS = 8;
/** Mistakes told at once. */
const MAX_ISSUES = 20;

/** Throws ConfigError with every mistake of a document that no single command can see. */
export function demandValid(document: Document): void {
  const { issues } = validate(document);
  if (issues === undefined) return;
  throw new ConfigError(issues.slice(0, MAX_ISSUES).map(describeIssue).join('\n'));
}

interface Prepared {
  readonly document: Document;
  readonly changes: readonly PlanLine[];
  readonly revision: number;
}

/** What a commit would do now. Throws ConfigError when it would be refused. */
export async function checkCandidate(
  { mirror }: Committer,
  candidate: Transaction,
): Promise<Prepared> {
  const { document: now, revision, runtime } = await mirror.running();
  const document = candidate.onto({ revision, document: now });
  demandValid(document);
  return { document, revision, changes: describePlan(diff(now, document), runtime) };
}

interface Committed {
  readonly changes: readonly PlanLine[];
  /** What came degraded, one line each. */
  readonly problems: readonly string[];
  readonly revision?: number;
}

/** Applies the candidate and ends the transaction; on a refusal it stays open, unchanged. */
export async function commitCandidate(
  shell: Committer,
  candidate: Transaction,
): Promise<Committed> {
  const { mirror, client } = shell;
  const command = `commit: ${candidate.commands.join('; ')}`;
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const { document, changes, revision } = await checkCandidate(shell, candidate);
    const { document: now } = await mirror.running();
    const edits = editsBetween(now, document);
    if (edits.length === 0) {
      mirror.candidate = undefined;
      return { changes: [], problems: [] };
    }
    try {
      const createFiles = candidate.createFiles(document);
      const by = originOf(command);
      const { tolerant } = candidate;
      const wanted = { revision, edits, createFiles, ...(tolerant && { tolerant }), by };
      const changed = await client.call('change', wanted);
      mirror.candidate = undefined;
      mirror.adopt(changed.revision, document);
      shell.noteChanged(changed.revision, changed.warning);
      const { problems = [] } = changed;
      return { changes, problems, revision: changed.revision };
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      mirror.drop();
    }
  }
  throw new ConfigError('Nothing changed: other shells keep changing the configuration; try again');
}
