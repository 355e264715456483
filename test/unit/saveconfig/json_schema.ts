/** As much of JSON Schema as saveconfig/schema.json uses; an unknown keyword is an error. */
type Schema = Readonly<Record<string, unknown>>;

const typeOf = (value: unknown): string => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
};
const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeOf(value) === 'object';

type Keyword = (wanted: never, value: unknown, schema: Schema, at: string) => string[];
const when = (bad: boolean, at: string, what: string) => (bad ? [`${at}: ${what}`] : []);
const nothing = () => [];

const KEYWORDS: Readonly<Record<string, Keyword>> = {
  $schema: nothing,
  title: nothing,
  description: nothing,
  default: nothing,
  patternProperties: nothing,
  type: (wanted: string | string[], value, _, at) =>
    when(![wanted].flat().includes(typeOf(value)), at, `not ${[wanted].flat().join(' or ')}`),
  const: (wanted: unknown, value, _, at) => when(value !== wanted, at, `not ${String(wanted)}`),
  enum: (wanted: unknown[], value, _, at) => when(!wanted.includes(value), at, 'not in the enum'),
  minimum: (n: number, value, _, at) => when(typeof value === 'number' && value < n, at, 'low'),
  maximum: (n: number, value, _, at) => when(typeof value === 'number' && value > n, at, 'high'),
  multipleOf: (n: number, value, _, at) =>
    when(typeof value === 'number' && value % n !== 0, at, 'no multiple'),
  minLength: (n: number, value, _, at) =>
    when(typeof value === 'string' && value.length < n, at, 'short'),
  maxLength: (n: number, value, _, at) =>
    when(typeof value === 'string' && value.length > n, at, 'long'),
  pattern: (source: string, value, _, at) =>
    when(typeof value === 'string' && !new RegExp(source, 'u').test(value), at, 'pattern'),
  required: (names: string[], value, _, at) =>
    isObject(value) ? names.flatMap((n) => when(!Object.hasOwn(value, n), at, `no ${n}`)) : [],
  items: (schema: Schema, value, _, at) =>
    Array.isArray(value) ? value.flatMap((v, i) => violations(schema, v, `${at}/${i}`)) : [],
  anyOf: (schemas: Schema[], value, _, at) =>
    when(!schemas.some((one) => violations(one, value, at).length === 0), at, 'none of anyOf'),
  properties: (properties: Record<string, Schema>, value, _, at) =>
    isObject(value)
      ? Object.entries(properties).flatMap(([key, inner]) =>
          Object.hasOwn(value, key) ? violations(inner, value[key], `${at}/${key}`) : [],
        )
      : [],
  additionalProperties: (wanted: unknown, value, schema, at) => {
    if (wanted !== false) throw new Error('additionalProperties: only false is understood');
    const { properties = {}, patternProperties = {} } = schema as Record<string, Schema>;
    if (!isObject(value)) return [];
    return Object.entries(value).flatMap(([key, inner]) => {
      if (Object.hasOwn(properties, key)) return [];
      const fits = Object.entries(patternProperties).filter(([p]) => new RegExp(p, 'u').test(key));
      if (fits.length === 0) return [`${at}/${key}: unknown`];
      return fits.flatMap(([, one]) => violations(one as Schema, inner, `${at}/${key}`));
    });
  },
};

/** What is wrong with the value; empty when it is valid. */
export function violations(schema: Schema, value: unknown, at = ''): string[] {
  return Object.entries(schema).flatMap(([name, wanted]) => {
    const keyword = KEYWORDS[name];
    if (keyword === undefined) throw new Error(`unknown keyword ${name}`);
    return keyword(wanted as never, value, schema, at);
  });
}
