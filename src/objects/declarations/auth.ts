import type { AttributeGroup } from '../attribute.ts';

const SECRET = { kind: 'text', lengthMax: 255, default: '', secret: true } as const;
const NAME = { kind: 'text', lengthMax: 255, default: '' } as const;

/** CHAP credentials of a TPG or a node ACL. Empty means unset. */
export const AUTH = {
  userid: { ...NAME, applies: 'next-login', help: 'Name that the initiator gives in CHAP_N.' },
  password: { ...SECRET, applies: 'next-login', help: 'Secret of the initiator.' },
  mutual_userid: { ...NAME, applies: 'next-login', help: 'Name that this target gives in CHAP_N.' },
  mutual_password: {
    ...SECRET,
    applies: 'next-login',
    help: 'Secret with which this target proves itself to the initiator.',
  },
} as const satisfies AttributeGroup;

/** Credentials of discovery sessions, at `/iscsi`. */
export const DISCOVERY_AUTH = {
  enable: {
    kind: 'bool',
    style: 'TrueFalse',
    default: false,
    applies: 'next-login',
    help: 'Require CHAP of initiators that ask for the list of targets.',
  },
  ...AUTH,
} as const satisfies AttributeGroup;

/** Datera's spellings, accepted wherever the canonical name is. */
export const AUTH_ALIASES: Readonly<Record<string, string>> = {
  userid_mutual: 'mutual_userid',
  password_mutual: 'mutual_password',
};
