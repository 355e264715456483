/** What LIO has and this engine has not, each with what to use instead. */

const INITIATORS = 'use /iscsi';
const INSTEAD: Readonly<Record<string, string>> = {
  loopback: 'use /iscsi with an initiator on this machine',
  vhost: 'use /iscsi: QEMU attaches iscsi:// URLs itself',
  'xen-pvscsi': INITIATORS,
  xen_pvscsi: INITIATORS,
  srpt: INITIATORS,
  ib_srpt: INITIATORS,
  qla2xxx: INITIATORS,
  tcm_qla2xxx: INITIATORS,
  tcm_fc: INITIATORS,
  efct: INITIATORS,
  sbp: INITIATORS,
  ibmvscsis: INITIATORS,
  usb_gadget: INITIATORS,
};

const refusal = (name: string, instead: string) =>
  `${name} is not available in this engine; ${instead}`;

/** For a fabric of LIO; undefined for any other name. */
export function absentFabric(name: string): string | undefined {
  const instead = Object.hasOwn(INSTEAD, name) ? INSTEAD[name] : undefined;
  return instead === undefined ? undefined : refusal(name, instead);
}

export function absentBackstore(name: string): string | undefined {
  if (name === 'pscsi') return refusal(name, 'use block');
  if (name !== 'user' && !name.startsWith('user:')) return undefined;
  return refusal(name, 'use fileio or block');
}

/** For whatever somebody looks up by name. */
export const absent = (name: string): string | undefined =>
  absentFabric(name) ?? absentBackstore(name);
