/** Answers to SendTargets (RFC 7143 Appendix C). */
import { isWildcard, parsePortal, portalKey } from '../../objects/portal_address.ts';
import { nameKey } from '../../objects/names.ts';
import type { TextPair } from '../pdu/text.ts';
import { portalsFor } from './access.ts';
import type { Endpoint, TargetDirectory, TargetEntry, TpgEntry } from './directory.ts';

/** A socket's address as an initiator can use it: no IPv4 in IPv6 clothes, no zone. */
function plainAddress(address: string): string {
  const bare = address.replace(/%.*$/, '');
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1] ?? bare;
}

/** `address:port` for TargetAddress; undefined where this initiator cannot reach the portal. */
function reachable(portal: string, endpoint: Endpoint): string | undefined {
  const parsed = parsePortal(portal);
  if (!parsed.ok) return undefined;
  const { address, port } = parsed.portal;
  if (!isWildcard(address)) return portalKey(parsed.portal);
  const local = plainAddress(endpoint.localAddress);
  // A socket on 0.0.0.0 does not answer IPv6.
  if (address === '0.0.0.0' && local.includes(':')) return undefined;
  return isWildcard(local) ? undefined : portalKey({ address: local, port });
}

/** LIO's rule: unknown initiators see a TPG in demo mode or with demo_mode_discovery=1. */
function isVisible(tpg: TpgEntry, initiatorKey: string): boolean {
  const { attributes } = tpg;
  if (!tpg.enabled && attributes.tpg_enabled_sendtargets) return false;
  if (attributes.generate_node_acls || attributes.demo_mode_discovery) return true;
  return tpg.acls.has(initiatorKey);
}

function* addressesOf(
  target: TargetEntry,
  endpoint: Endpoint,
  initiatorKey: string,
): Generator<TextPair> {
  const said = new Set<string>();
  for (const tpg of target.tpgs.values()) {
    if (!isVisible(tpg, initiatorKey)) continue;
    for (const portal of portalsFor(tpg, endpoint.transport)) {
      const address = reachable(portal, endpoint);
      if (address === undefined || said.has(`${address},${tpg.tag}`)) continue;
      if (said.size === 0) yield ['TargetName', target.name];
      said.add(`${address},${tpg.tag}`);
      yield ['TargetAddress', `${address},${tpg.tag}`];
    }
  }
}

/**
 * Names and addresses of every target (`All`) or of one, made as they are asked for: thousands of
 * targets never stand in memory as text.
 */
export function* sendTargets(
  directory: TargetDirectory,
  endpoint: Endpoint,
  initiatorName: string,
  which: string,
): Generator<TextPair> {
  const initiatorKey = nameKey(initiatorName);
  if (which !== 'All') {
    const target = directory.targets.get(nameKey(which));
    if (target) yield* addressesOf(target, endpoint, initiatorKey);
    return;
  }
  for (const target of directory.targets.values()) {
    yield* addressesOf(target, endpoint, initiatorKey);
  }
}
