/** Limits of rate in words: for `why`, and for the nodes of sessions. */
import { formatSize } from '../util/sizes.ts';
import type { AttributeBag } from './attribute.ts';
import type { NodeAcl, Tpg } from './document.ts';
import type { LimitInfo, SessionInfo } from './engine_port.ts';

/** `max_iops=500 and max_bandwidth=1048576`; empty where there is no limit. */
export function ratesText(attributes: AttributeBag, prefix: '' | 'session_'): string {
  return [`${prefix}max_iops`, `${prefix}max_bandwidth`]
    .filter((name) => Number(attributes[name] ?? 0) > 0)
    .map((name) => `${name}=${String(attributes[name])}`)
    .join(' and ');
}

/** What holds for an initiator at a TPG, whichever LUN it uses. */
export function rateNotes(tpg: Tpg, acl: NodeAcl | undefined): readonly string[] {
  const own = ratesText(tpg.attributes, 'session_');
  const together = acl === undefined ? '' : ratesText(acl.attributes, '');
  return [
    ...(own === '' ? [] : [`Each of its sessions is limited by ${own} of the TPG`]),
    ...(together === '' ? [] : [`Its sessions together are limited by ${together} of its ACL`]),
  ];
}

function rates({ maxIops, maxBandwidth }: LimitInfo): string {
  const words: string[] = [];
  if (maxIops > 0) words.push(`${maxIops} commands/s`);
  if (maxBandwidth > 0) words.push(`${formatSize(maxBandwidth)}/s`);
  return words.join(', ');
}

const LIMITS = [
  ['session', 'of the session'],
  ['acl', 'of the ACL, all its sessions together'],
] as const;

/** Lines of a session's `info`. */
export function limitLines({ limits }: SessionInfo): readonly string[] {
  if (limits === undefined) return [];
  const lines = LIMITS.flatMap(([name, whose]) => {
    const limit = limits[name];
    if (limit === undefined) return [];
    return [`limit ${whose}: ${rates(limit)}; commands waited ${limit.delayed} times`];
  });
  return [...lines, `waiting for a limit: ${limits.waiting} commands`];
}

/** `commands waited 12 times for the limit of its ACL; 3 wait now`; empty where none did. */
export function limitsText({ limits, mappedLuns }: SessionInfo): string {
  const waited = [
    ['of the session', limits?.session?.delayed ?? 0],
    ['of its ACL', limits?.acl?.delayed ?? 0],
    ['of a LUN', mappedLuns.reduce((sum, { io }) => sum + io.delayed, 0)],
  ] as const;
  const words = waited
    .filter(([, times]) => times > 0)
    .map(([whose, times]) => `${times} times for the limit ${whose}`);
  if (words.length === 0) return '';
  const waiting = limits?.waiting ?? 0;
  return `commands waited ${words.join(', ')}; ${waiting} wait now`;
}
