/** The layer table of docs/ARCHITECTURE.md §2: who may import whom, and which npm packages. */
import { importsOf, resolveImport, type Import, type SourceFile } from './source_files.ts';

interface Layer {
  /** Layers, or single files where only a contract is shared; `*` is everything. */
  readonly imports: readonly string[];
  readonly packages: readonly string[];
}

const ENGINE_OPTIONAL = ['koffi', '@node-rs/crc32'];

/** A file belongs to the longest prefix that fits. */
const LAYERS: Readonly<Record<string, Layer>> = {
  util: { imports: [], packages: ENGINE_OPTIONAL },
  objects: { imports: ['util'], packages: [] },
  saveconfig: { imports: ['util', 'objects'], packages: ['js-yaml'] },
  // Pure functions over texts and documents: the shell runs them, where the files are.
  'saveconfig/import': { imports: ['util', 'objects'], packages: [] },
  'saveconfig/export': { imports: ['util', 'objects'], packages: [] },
  'target/storage': { imports: ['util'], packages: ENGINE_OPTIONAL },
  'target/scsi': { imports: ['util', 'objects', 'target/storage'], packages: [] },
  'target/pdu': { imports: ['util'], packages: [] },
  'target/transport': { imports: ['util', 'target/pdu'], packages: [] },
  'target/iscsi': {
    imports: ['util', 'objects', 'target/pdu', 'target/transport', 'target/scsi'],
    packages: [],
  },
  target: {
    imports: [
      'util',
      'objects',
      'target/storage',
      'target/scsi',
      'target/pdu',
      'target/transport',
      'target/iscsi',
    ],
    packages: [],
  },
  // Its view of the engine is objects/engine_port.ts: plain data, no engine code.
  control: { imports: ['util', 'objects', 'saveconfig'], packages: ['pino'] },
  shell: {
    imports: [
      'util',
      'objects',
      'control/protocol.ts',
      'control/client.ts',
      'saveconfig/import',
      'saveconfig/export',
    ],
    packages: ['@inquirer/core', '@inquirer/prompts', 'chalk', 'cli-table3'],
  },
  bin: { imports: ['*'], packages: [] },
};

const BY_LENGTH = Object.keys(LAYERS).sort((a, b) => b.length - a.length);

function layerOf(name: string): string | undefined {
  const inside = name.replace(/^src\//, '');
  return BY_LENGTH.find((layer) => inside.startsWith(`${layer}/`));
}

const packageOf = (specifier: string): string =>
  specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');

function violation(layerName: string, layer: Layer, item: Import): string | undefined {
  const where = `${item.file}:${item.line}`;
  const { specifier } = item;
  if (specifier.startsWith('node:')) return undefined;
  if (!specifier.startsWith('.')) {
    if (layer.packages.includes(packageOf(specifier))) return undefined;
    return `${where}: ${layerName} may not import the package ${specifier}`;
  }
  const target = resolveImport(item.file, specifier);
  if (!target.startsWith('src/') && target !== 'package.json') {
    return `${where}: ${specifier} lies outside src`;
  }
  const other = layerOf(target);
  if (other === layerName || layer.imports.includes('*')) return undefined;
  if (layer.imports.includes(target.replace(/^src\//, ''))) return undefined;
  if (other !== undefined && layer.imports.includes(other)) return undefined;
  return `${where}: ${layerName} may not import ${other ?? target}`;
}

export function layerViolations(files: readonly SourceFile[]): string[] {
  return files
    .filter((file) => file.name.startsWith('src/'))
    .flatMap((file) => {
      const name = layerOf(file.name);
      const layer = name === undefined ? undefined : LAYERS[name];
      if (name === undefined || layer === undefined) return [`${file.name}: in no layer`];
      return importsOf(file).flatMap((item) => violation(name, layer, item) ?? []);
    });
}
