/**
 * A plan: the ordered steps that turn one document into another. Each step names one object and
 * holds its value before and after, so that its inverse is the step with both exchanged.
 */
import type { DocumentPath } from './document.ts';

/** The objects that the engine knows, in the order in which they are created. */
export const STEP_SUBJECTS = [
  'storage_object', // backstores/<kind>/<name>
  'discovery_auth', // iscsi/discovery_auth
  'target', // iscsi/targets/<name>
  'tpg', // …/tpgs/<tag>: enabled, attributes, parameters, auth; never its children
  'lun', // …/luns/<lun>
  'node_acl', // …/acls/<initiator>: attributes, auth; never its mapped LUNs
  'mapped_lun', // …/mapped_luns/<n>
  'portal', // …/portals/<address>
] as const;
export type StepSubject = (typeof STEP_SUBJECTS)[number];

/**
 * `before` absent: create; `after` absent: delete; both: change. The values are the document's at
 * `path`, with child collections left empty for `target`, `tpg` and `node_acl`.
 */
export interface Step {
  readonly subject: StepSubject;
  readonly path: DocumentPath;
  readonly before?: unknown;
  readonly after?: unknown;
}

export function inverse(step: Step): Step {
  const { subject, path } = step;
  return {
    subject,
    path,
    ...('after' in step && { before: step.after }),
    ...('before' in step && { after: step.before }),
  };
}
