/** Portal addresses: what users type, what the document keeps, what the shell shows. */
import { isIPv4, isIPv6, SocketAddress } from 'node:net';

export const DEFAULT_PORT = 3260;
/** LIO's spelling of the IPv6 wildcard, in what users type and see. */
const LIO_WILDCARD = '::0';

export interface PortalAddress {
  /** Canonical, without brackets: `0.0.0.0`, `::`, `fd00::1`. */
  readonly address: string;
  readonly port: number;
}
export type PortalResult =
  | { readonly ok: true; readonly portal: PortalAddress }
  | { readonly ok: false; readonly reason: string };

function fail(reason: string): PortalResult {
  return { ok: false, reason };
}

/** Shortest form of an IP address, brackets and LIO's `::0` taken; undefined if it is none. */
export function canonicalAddress(text: string): string | undefined {
  const bare = /^\[(.*)\]$/.exec(text)?.[1] ?? text;
  if (isIPv4(bare)) return bare;
  if (!isIPv6(bare) || bare.includes('%')) return undefined;
  return new SocketAddress({ address: bare, family: 'ipv6' }).address;
}

/** `address` and `port` as the two arguments of `create`. */
export function normalisePortal(address: string, port: string | number): PortalResult {
  const canonical = canonicalAddress(address);
  if (canonical === undefined) {
    if (address.includes('%')) return fail(`${address}: addresses with a zone are not supported`);
    return fail(`${JSON.stringify(address)} is not an IPv4 or IPv6 address`);
  }
  if (/^fe[89ab]/.test(canonical)) return fail(`${address}: link-local addresses not supported`);
  const number = typeof port === 'number' ? port : /^\d{1,5}$/.test(port) ? Number(port) : NaN;
  if (!Number.isInteger(number) || number < 1 || number > 65_535) {
    return fail(`${JSON.stringify(String(port))} is not a port: 1..65535 expected`);
  }
  return { ok: true, portal: { address: canonical, port: number } };
}

/** `10.0.0.1:3260`, `[fd00::1]:3260`, `10.0.0.1`, `::0`; the port is 3260 where absent. */
export function parsePortal(text: string): PortalResult {
  const bracketed = /^(\[[^\]]*\])(?::(.*))?$/.exec(text);
  if (bracketed) return normalisePortal(bracketed[1] ?? '', bracketed[2] ?? DEFAULT_PORT);
  if (isIPv6(text)) return normalisePortal(text, DEFAULT_PORT);
  const colon = text.lastIndexOf(':');
  if (colon === -1) return normalisePortal(text, DEFAULT_PORT);
  return normalisePortal(text.slice(0, colon), text.slice(colon + 1));
}

function join(address: string, port: number): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port}`;
}

/** The document's key: `0.0.0.0:3260`, `[::]:3260`. */
export function portalKey(portal: PortalAddress): string {
  return join(portal.address, portal.port);
}

/** As targetcli shows it: the IPv6 wildcard is `[::0]:3260`. */
export function portalLabel(portal: PortalAddress): string {
  return join(portal.address === '::' ? LIO_WILDCARD : portal.address, portal.port);
}

/** Listens on every address of its family (`::` also takes IPv4). */
export function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}
