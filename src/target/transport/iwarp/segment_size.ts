/**
 * How many bytes one TCP segment of a connection carries, so that FPDUs can be cut to it. Node does
 * not tell; the interface's MTU does, less the headers. A wrong guess costs speed, never data.
 */
import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';

/** Ethernet: 1500 less IPv4, TCP and its timestamps. */
export const USUAL_EMSS = 1448;
const TCP_WITH_TIMESTAMPS = 32;
const IPV4_HEADER = 20;
const IPV6_HEADER = 40;
/** What every host takes. */
const SMALLEST_EMSS = 512;

/** `localAddress`: of the connection, an IPv4 address not mapped into IPv6. */
export function segmentSizeOf(localAddress: string): number {
  const mtu = mtuOf(localAddress);
  if (mtu === null) return USUAL_EMSS;
  const ipHeader = isIPv6(localAddress) ? IPV6_HEADER : IPV4_HEADER;
  return Math.max(SMALLEST_EMSS, mtu - ipHeader - TCP_WITH_TIMESTAMPS);
}

function mtuOf(localAddress: string): number | null {
  const [name] =
    Object.entries(networkInterfaces()).find(([, addresses]) =>
      addresses?.some(({ address }) => address === localAddress),
    ) ?? (localAddress.startsWith('127.') ? ['lo'] : []);
  if (name === undefined) return null;
  try {
    const mtu = Number(readFileSync(`/sys/class/net/${name}/mtu`, 'utf8'));
    return Number.isSafeInteger(mtu) && mtu > 0 ? mtu : null;
  } catch {
    return null;
  }
}
