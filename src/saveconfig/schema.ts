/** JSON Schema of the configuration file, from the declarations: what editors check and offer. */
import { GROUP_ID_MAX } from '../objects/alua.ts';
import { syntaxOf, type Attribute, type AttributeGroup } from '../objects/attribute.ts';
import { ALUA_ATTRIBUTES, DEFAULT_ALUA_GROUP } from '../objects/declarations/alua.ts';
import { AUTH, DISCOVERY_AUTH } from '../objects/declarations/auth.ts';
import { NODE_ACL_ATTRIBUTES } from '../objects/declarations/node_acl.ts';
import { STORAGE_ATTRIBUTES_OF } from '../objects/declarations/storage.ts';
import { TPG_ATTRIBUTES } from '../objects/declarations/tpg.ts';
import type { BackstoreKind } from '../objects/document.ts';
import { TPG_PARAMETERS } from '../objects/iscsi_keys.ts';
import { LUN_MAX } from '../objects/rules.ts';
import { FORMAT_VERSION } from './to_yaml.ts';

type Json = string | number | boolean | null | readonly Json[] | JsonSchema;
export interface JsonSchema {
  readonly [keyword: string]: Json;
}

/** A key with nothing behind it is `null` in YAML: as good as an empty collection. */
const MAP = ['object', 'null'];

/** What validates a value of the attribute. */
function valueSchema(a: Attribute): JsonSchema {
  switch (a.kind) {
    case 'uint':
      if (a.oneOf !== undefined) return { enum: a.oneOf };
      return {
        type: 'integer',
        minimum: a.min,
        maximum: a.max,
        ...(a.multipleOf !== undefined && { multipleOf: a.multipleOf }),
      };
    case 'int':
      return { type: 'integer', minimum: a.min, maximum: a.max };
    case 'bool':
      return a.only === undefined ? { type: 'boolean' } : { const: a.only };
    case 'choice':
      return { enum: a.values };
    case 'text':
      return { type: 'string', maxLength: a.lengthMax };
  }
}

/** YAML has its own booleans: what the shell accepts is no help there. */
function attributeSchema(a: Attribute): JsonSchema {
  const range = a.kind === 'bool' ? '' : ` (${syntaxOf(a)})`;
  const description = `${a.help}${range}${a.why === undefined ? '' : ` Why no more: ${a.why}.`}`;
  return { ...valueSchema(a), default: a.default, description };
}

function closed(properties: JsonSchema, more: JsonSchema = {}): JsonSchema {
  return { type: MAP, additionalProperties: false, properties, ...more };
}

function group(declared: AttributeGroup, description: string): JsonSchema {
  const properties: Record<string, Json> = {};
  for (const [name, attribute] of Object.entries(declared)) {
    // Read-only ones are never written down.
    if (attribute.readonly !== true) properties[name] = attributeSchema(attribute);
  }
  return closed(properties, { description });
}

/** A map whose keys are names of our users' choice. */
function named(keys: string, value: JsonSchema, description: string): JsonSchema {
  return {
    type: MAP,
    description,
    additionalProperties: false,
    patternProperties: { [keys]: value },
  };
}

const OBJECT_NAME = '^[^/\\s]{1,255}$';
const NODE_NAME = '^([iI][qQ][nN]\\.|[eE][uU][iI]\\.|[nN][aA][aA]\\.|0x|[0-9a-fA-F]).+$';
const NUMBER = '^(0|[1-9][0-9]{0,4})$';
const SIZE: JsonSchema = {
  anyOf: [
    { type: 'integer', minimum: 1 },
    { type: 'string', pattern: '^[0-9]+([kKmMgGtT][iI]?)?[bB]?$' },
  ],
  description: 'Bytes, or a number with k, m, g or t: 10GiB.',
};
const WWN: JsonSchema = {
  type: 'string',
  minLength: 1,
  maxLength: 254,
  description: 'Unit serial number; one is made of the name when it is left out.',
};
const PATH: JsonSchema = { type: 'string', pattern: '^/', description: 'An absolute path.' };
const flag = (value: boolean, description: string): JsonSchema => ({
  type: 'boolean',
  default: value,
  description,
});

const ALUA: JsonSchema = named(
  OBJECT_NAME,
  closed({
    tg_pt_gp_id: {
      type: 'integer',
      minimum: 0,
      maximum: GROUP_ID_MAX,
      description: 'Number of the group from 1 on, as initiators see it; 0 is the default group.',
    },
    attributes: group(ALUA_ATTRIBUTES, 'Attributes that differ from their default.'),
  }),
  `ALUA groups, by name; ${DEFAULT_ALUA_GROUP} is always there.`,
);

function storage(kind: BackstoreKind): JsonSchema {
  const declared: Record<string, Attribute> = { ...STORAGE_ATTRIBUTES_OF[kind] };
  // For fileio this is the field write_back.
  if (kind === 'fileio') delete declared['emulate_write_cache'];
  const attributes = group(declared, 'Attributes that differ from their default.');
  const fields: Readonly<Record<BackstoreKind, JsonSchema>> = {
    block: { dev: PATH, readonly: flag(false, 'Refuse writes.') },
    fileio: {
      path: PATH,
      size: SIZE,
      write_back: flag(false, 'true: durable after a flush or FUA; false: each write at once.'),
    },
    ramdisk: { size: SIZE, nullio: flag(false, 'Reads give zeros, writes vanish.') },
  };
  const required: Readonly<Record<BackstoreKind, readonly string[]>> = {
    block: ['dev'],
    fileio: ['path', 'size'],
    ramdisk: ['size'],
  };
  const object = closed(
    { ...fields[kind], wwn: WWN, attributes, alua: ALUA },
    { type: 'object', required: required[kind] },
  );
  return named(OBJECT_NAME, object, `Storage objects of ${kind}, by name.`);
}

const LUN: JsonSchema = { type: 'integer', minimum: 0, maximum: LUN_MAX };

const MAPPED_LUN = closed(
  {
    lun: { ...LUN, description: 'LUN of the TPG.' },
    write_protect: flag(false, 'This initiator may only read.'),
  },
  { type: 'object', required: ['lun'] },
);

const PORTAL: JsonSchema = {
  anyOf: [
    { type: 'string' },
    closed(
      { address: { type: 'string' }, iser: flag(false, 'Serve iSER there, too.') },
      { type: 'object', required: ['address'] },
    ),
  ],
};

function tpg(): JsonSchema {
  const reference: JsonSchema = {
    type: 'string',
    pattern: '^/?(backstores/)?(block|fileio|ramdisk)/[^/\\s]+$',
    description: 'A storage object: backstores/fileio/NAME.',
  };
  const lun: JsonSchema = {
    anyOf: [
      reference,
      closed(
        {
          storage_object: reference,
          alua_tg_pt_gp_name: {
            type: ['string', 'null'],
            default: DEFAULT_ALUA_GROUP,
            description: 'An ALUA group of the storage object.',
          },
        },
        { type: 'object', required: ['storage_object'] },
      ),
    ],
  };
  const nodeAcl = closed({
    tag: {
      type: ['string', 'null'],
      pattern: '^[^\\s./*?@][^\\s./*?]{0,62}$',
      description: 'ACLs of one tag are one group: they must be alike in all else.',
    },
    attributes: group(NODE_ACL_ATTRIBUTES, 'Attributes that differ from their default.'),
    auth: group(AUTH, 'CHAP credentials of this initiator.'),
    mapped_luns: named(NUMBER, MAPPED_LUN, 'By the number that the initiator sees.'),
  });
  return closed({
    enabled: flag(false, 'Initiators may log in.'),
    attributes: group(TPG_ATTRIBUTES, 'Attributes that differ from their default.'),
    parameters: group(TPG_PARAMETERS, 'Keys of RFC 7143 that differ from their default.'),
    auth: group(AUTH, 'CHAP credentials of initiators without an ACL.'),
    portals: {
      type: ['array', 'null'],
      items: PORTAL,
      description: 'Where the TPG listens: 0.0.0.0:3260.',
    },
    luns: named(NUMBER, lun, 'Storage objects by LUN.'),
    acls: named(NODE_NAME, nodeAcl, 'Who may log in, by the name of the initiator.'),
  });
}

/** The whole file. */
export function configurationSchema(): JsonSchema {
  const target = closed({ tpgs: named(NUMBER, tpg(), 'Target portal groups, by tag.') });
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Configuration of lunsmith',
    type: 'object',
    additionalProperties: false,
    required: ['version'],
    properties: {
      version: { const: FORMAT_VERSION, description: 'Of this form of the file.' },
      backstores: closed(
        { block: storage('block'), fileio: storage('fileio'), ramdisk: storage('ramdisk') },
        { description: 'What stores the data.' },
      ),
      iscsi: closed(
        {
          discovery_auth: group(DISCOVERY_AUTH, 'CHAP for initiators that ask for targets.'),
          targets: named(NODE_NAME, target, 'Targets, by name.'),
        },
        { description: 'Who may use it, and how.' },
      ),
    },
  };
}

/** As it is kept in saveconfig/schema.json. */
export function schemaText(): string {
  return `${JSON.stringify(configurationSchema(), undefined, 2)}\n`;
}
