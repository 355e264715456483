/** The targets file of NetBSD's iscsi-target: extents, devices made of them, targets. */
import { storageOn } from './backing_objects.ts';
import { Draft, type Origin } from './draft.ts';
import { refused, type ImportResult, type SourceText, type Surroundings } from './imported.ts';
import { istgtSize } from './istgt_size.ts';
import { putTpg, targetName } from './tpg_plan.ts';

const NAME_BASE = 'iqn.1994-04.org.netbsd.iscsi-target';
const PORTAL = '0.0.0.0:3260';
/** A device of devices of devices. */
const MAX_DEPTH = 8;

interface Line {
  readonly words: readonly string[];
  readonly from: Origin;
}

/** Never throws. */
export function readNetbsd(source: SourceText, around: Surroundings): ImportResult {
  const lines: Line[] = [];
  for (const [index, raw] of source.text.split(/\r?\n/).entries()) {
    const bare = raw.replace(/#.*/, '').trim();
    if (bare === '') continue;
    lines.push({ words: bare.split(/\s+/), from: { file: source.file, line: index + 1 } });
  }
  const known = lines.filter(({ words }) => /^(extent|device|target)\d+/.test(words[0] ?? ''));
  if (known.length === 0) {
    return refused(`${source.file}: no line begins with extent, device or target and a number`);
  }
  const draft = new Draft(source, around);
  new NetbsdReader(draft, lines).read();
  return draft.finish();
}

class NetbsdReader {
  readonly #draft: Draft;
  readonly #lines: readonly Line[];
  readonly #parts = new Map<string, Line>();

  constructor(draft: Draft, lines: readonly Line[]) {
    this.#draft = draft;
    this.#lines = lines;
  }

  read(): void {
    let targets = 0;
    for (const line of this.#lines) {
      const name = line.words[0] ?? '';
      if (/^(extent|device)\d+$/.test(name)) this.#parts.set(name, line);
      else if (!/^target\d+/.test(name)) {
        this.#draft.drop(line.words.join(' ').slice(0, 80), line.from, 'not a definition');
      }
    }
    for (const line of this.#lines) {
      if (!/^target\d+/.test(line.words[0] ?? '')) continue;
      this.#target(line);
      targets += 1;
    }
    if (targets > 0) {
      const why = 'portals are options of iscsi-target, not of this file';
      this.#draft.note(`portal ${PORTAL} assumed: ${why}`);
    }
  }

  #target({ words, from }: Line): void {
    const [first = '', flags = 'rw', part = '', ...masks] = words;
    const equals = first.indexOf('=');
    const name = equals < 0 ? `${NAME_BASE}:${first}` : first.slice(equals + 1);
    const target = targetName(name);
    const readonly = /^ro$/i.test(flags);
    const what = `target ${target}`;
    if (!/^(ro|rw)$/i.test(flags)) this.#draft.drop(`flags ${flags} of ${target}`, from, 'unknown');
    const reference = this.#storage(part, readonly, what, from, 0);
    if (reference === undefined) return;
    const limits = masks
      .flatMap((mask) => mask.split(','))
      .filter((mask) => !/^(0(\.0)*\/0|any|all|none|\[?::\]?\/0)$/i.test(mask))
      .map((mask) => ({ what: `netmask ${mask} of ${target}`, from }));
    putTpg(this.#draft, {
      target,
      tag: '1',
      from,
      enabled: true,
      luns: [{ lun: 0, reference, readonly, from }],
      portals: [{ text: PORTAL, from }],
      initiators: [],
      open: true,
      limits,
      login: {},
      authentication: false,
      parameters: [],
      aclAttributes: [],
    });
  }

  /** The storage object of an extent, or of a device that is nothing but one extent. */
  #storage(
    name: string,
    readonly: boolean,
    what: string,
    from: Origin,
    depth: number,
  ): string | undefined {
    const part = this.#parts.get(name);
    if (part === undefined || depth > MAX_DEPTH) {
      this.#draft.drop(
        what,
        from,
        part === undefined ? `${name} is nowhere` : 'it contains itself',
      );
      return undefined;
    }
    const [, second = '', third = '', fourth = ''] = part.words;
    if (name.startsWith('device')) {
      if (part.words.length === 3) return this.#storage(third, readonly, what, from, depth + 1);
      const why = `${name} joins several extents as ${second}: RAID is not served`;
      this.#draft.drop(what, part.from, why);
      return undefined;
    }
    const size = istgtSize(fourth === '' ? 'size' : fourth);
    const offset = istgtSize(third === '' || third === '0' ? '1' : third);
    if (!size.ok || !offset.ok || (third !== '0' && third !== '')) {
      const why = size.ok ? `${name} begins at ${third}: disks begin at byte 0` : size.reason;
      this.#draft.drop(what, part.from, why);
      return undefined;
    }
    const backing = {
      path: second,
      size: size.bytes,
      readonly,
      writeBack: true,
      wwn: undefined,
      attributes: {},
    };
    return storageOn(this.#draft, backing, what, part.from);
  }
}
