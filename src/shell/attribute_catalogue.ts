/** Every attribute of the tree with its place, for `help NAME` where no node has it. */
import type { Attribute, AttributeGroup } from '../objects/attribute.ts';
import { AUTH, AUTH_ALIASES, DISCOVERY_AUTH } from '../objects/declarations/auth.ts';
import { NODE_ACL_ATTRIBUTES } from '../objects/declarations/node_acl.ts';
import { STORAGE_ATTRIBUTES } from '../objects/declarations/storage.ts';
import { TPG_ATTRIBUTES } from '../objects/declarations/tpg.ts';
import { TPG_PARAMETERS } from '../objects/iscsi_keys.ts';
import { ALUA_GROUP_ATTRIBUTES } from '../objects/kinds/alua_group.ts';
import { LUN_ALUA } from '../objects/kinds/lun.ts';
import { MAPPED_LUN_ATTRIBUTES } from '../objects/kinds/mapped_lun.ts';
import { TPG_AUTH } from '../objects/kinds/tpg.ts';

interface Place {
  /** As a path with what stands for names in capitals. */
  readonly path: string;
  readonly group: string;
  readonly table: AttributeGroup;
}

const TPG = '/iscsi/TARGET/tpgN';
const ACL = `${TPG}/acls/INITIATOR`;

const PLACES: readonly Place[] = [
  { path: '/backstores/KIND/NAME', group: 'attribute', table: STORAGE_ATTRIBUTES },
  { path: '/backstores/KIND/NAME/alua/GROUP', group: 'alua', table: ALUA_GROUP_ATTRIBUTES },
  { path: '/iscsi', group: 'discovery_auth', table: DISCOVERY_AUTH },
  { path: TPG, group: 'attribute', table: TPG_ATTRIBUTES },
  { path: TPG, group: 'parameter', table: TPG_PARAMETERS },
  { path: TPG, group: 'auth', table: TPG_AUTH },
  { path: `${TPG}/luns/lunN`, group: 'alua', table: LUN_ALUA },
  { path: ACL, group: 'attribute', table: NODE_ACL_ATTRIBUTES },
  { path: ACL, group: 'auth', table: AUTH },
  { path: `${ACL}/mapped_lunN`, group: 'attribute', table: MAPPED_LUN_ATTRIBUTES },
];

export interface Found extends Place {
  readonly name: string;
  readonly attribute: Attribute;
}

/** All attributes of that name, in either dialect. */
export function attributesEverywhere(typed: string): readonly Found[] {
  const name = Object.hasOwn(AUTH_ALIASES, typed) ? (AUTH_ALIASES[typed] ?? typed) : typed;
  return PLACES.flatMap((place) => {
    const attribute = Object.hasOwn(place.table, name) ? place.table[name] : undefined;
    return attribute === undefined ? [] : [{ ...place, name, attribute }];
  });
}

/** For hints: what else could have been meant. */
export const namesEverywhere = (): readonly string[] => [
  ...new Set(PLACES.flatMap(({ table }) => Object.keys(table))),
];
