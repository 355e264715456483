/** What the configuration of record asks of changes, saves and undos before it lets them pass. */
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Document } from '../objects/document.ts';
import type { ApplyError } from '../objects/engine_port.ts';
import { ConfigError } from '../objects/errors.ts';
import type { Step } from '../objects/plan.ts';
import { describePlan, planText } from '../objects/plan_text.ts';
import { storageObjects } from '../objects/rules.ts';
import { describeIssue, validate } from '../objects/validate.ts';
import type { Commit } from './history.ts';

/** Problems named in one refusal; the rest is counted. */
const MAX_ISSUES = 20;

/** A mistyped path makes no folders. */
export async function demandFolder(file: string): Promise<void> {
  const folder = dirname(file);
  const info = await stat(folder).catch(() => undefined);
  if (info?.isDirectory() === true) return;
  const what = info === undefined ? 'does not exist: make it first' : 'is not a folder';
  throw new ConfigError(`Not saved to ${file}: ${folder} ${what}`);
}

export function isEmpty(document: Document): boolean {
  const noTargets = Object.keys(document.iscsi.targets).length === 0;
  return noTargets && storageObjects(document).next().done === true;
}

export function demandAll(what: 'undo' | 'redo', commits: readonly Commit[], count: number): void {
  if (count === 0 || commits.length === 0) throw new ConfigError(`Nothing to ${what}`);
  if (commits.length === count) return;
  const word = what === 'undo' ? 'undone' : 'redone';
  throw new ConfigError(`Only ${commits.length} commits can be ${word}, not ${count}`);
}

/** What was refused and why; of a plan of one step the reason says it all. */
export function refusal(error: ApplyError, steps: readonly Step[]): ConfigError {
  if (steps.length === 1) return new ConfigError(error.message, { cause: error });
  const [step = ''] = planText(describePlan([error.step]));
  const message = `${error.message} (refused: ${step}; nothing was changed)`;
  return new ConfigError(message, { cause: error });
}

export function demandValid(document: Document): void {
  const { issues } = validate(document);
  if (issues === undefined) return;
  const lines = issues.slice(0, MAX_ISSUES).map(describeIssue);
  const more = issues.length - lines.length;
  if (more > 0) lines.push(`and ${more} more problems`);
  throw new ConfigError(lines.join('\n'));
}
