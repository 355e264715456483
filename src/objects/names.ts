/**
 * Names of iSCSI nodes, checked and normalised as LIO does. What users type comes through
 * `normaliseName`; what peers send is only bounded (`nameKey`) and compared in lower case.
 */
export type NameForm = 'iqn' | 'eui' | 'naa';
export type NameResult =
  | { readonly ok: true; readonly name: string; readonly form: NameForm }
  | { readonly ok: false; readonly reason: string };

/** RFC 7143 §4.2.7.1: a name has at most 223 bytes. */
const NAME_BYTES_MAX = 223;

/** RFC 3722 §5: ASCII that may not stand in an iSCSI name; blanks and `_` are among them. */
// eslint-disable-next-line no-control-regex -- control characters are exactly what is refused
const PROHIBITED = /[\u0000-\u002c\u002f\u003b-\u0040\u005b-\u0060\u007b-\u007f]/u;
const IQN = /^iqn\.\d{4}-[01]\d\.[^.].*\..+$/u;
const NAA = /^naa\.[125c-f][0-9a-f]{15}$/;
const EUI = /^eui\.[0-9a-f]{16}$/;

function fail(reason: string): NameResult {
  return { ok: false, reason };
}

/** `0x50-01:40…` as `naa.500140…`: the shapes in which adapters print their names. */
function bareHex(text: string, form: 'naa' | 'eui'): string {
  const hex = text
    .replace(/^(naa|eui)\./, '')
    .replace(/^0x/, '')
    .replace(/[-:]/g, '');
  return `${form}.${hex}`;
}

/** The words of targetcli, which scripts look for, then what is wrong. */
const notValid = (why: string) => fail(`WWN not valid as: iqn, naa, eui: ${why}`);

function iqn(name: string): NameResult {
  const bad = PROHIBITED.exec(name);
  if (bad) {
    const shown = bad[0] === ' ' ? 'a blank' : JSON.stringify(bad[0]);
    return notValid(`${shown} may not stand in an iSCSI name`);
  }
  if (!IQN.test(name)) {
    return notValid('expected iqn.YYYY-MM.REVERSED.DOMAIN[:SUFFIX]');
  }
  return { ok: true, name, form: 'iqn' };
}

/** A target's or initiator's name as a user types it; lower case, prefixes added. */
export function normaliseName(text: string): NameResult {
  const name = text.trim().normalize('NFKC').toLowerCase();
  if (Buffer.byteLength(name) > NAME_BYTES_MAX) {
    return notValid(`longer than ${NAME_BYTES_MAX} bytes`);
  }
  if (name.startsWith('iqn')) return iqn(name);
  if (!name.startsWith('eui.')) {
    const naa = bareHex(name, 'naa');
    if (NAA.test(naa)) return { ok: true, name: naa, form: 'naa' };
  }
  if (!name.startsWith('naa.')) {
    const eui = bareHex(name, 'eui');
    if (EUI.test(eui)) return { ok: true, name: eui, form: 'eui' };
  }
  return fail('WWN not valid as: iqn, naa, eui');
}

/** The key under which the document keeps a name: RFC 7143 §4.2.7.2 compares without case. */
export function nameKey(name: string): string {
  return name.normalize('NFKC').toLowerCase();
}

/** What may stand between dots of an IQN, from a host or architecture name. */
function label(text: string, otherwise: string): string {
  const clean = text
    .toLowerCase()
    .replace(/[^a-z0-9-]/g, '')
    .replace(/^-+|-+$/g, '');
  return clean === '' ? otherwise : clean;
}

/**
 * LIO's generated target name. `host` loses its domain, `arch` is Node's (`x64` is LIO's `x8664`);
 * `serial` has 12 hex digits.
 */
export function generatedTargetName(host: string, arch: string, serial: string): string {
  const machine = { x64: 'x8664', arm64: 'aarch64', ia32: 'i686' }[arch] ?? arch;
  const name = label(host.split('.')[0] ?? '', 'localhost').slice(0, 63);
  return `iqn.2003-01.org.linux-iscsi.${name}.${label(machine, 'unknown')}:sn.${serial}`;
}
