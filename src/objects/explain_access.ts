/** `why`: what an initiator may do at one TPG, step by step, from the rules that decide it. */
import {
  aclAccess,
  admissionProblem,
  authPolicy,
  missingCredentials,
  tpgAccess,
  writeProtection,
} from './access_rules.ts';
import { pathState } from './alua_paths.ts';
import { ACCESS_STATE } from './declarations/alua.ts';
import { limitsText, rateNotes, ratesText } from './explain_limits.ts';
import { own, storageObjectOf, type MappedLun, type NodeAcl, type Tpg } from './document.ts';
import type { TpgLun } from './document.ts';
import type { View } from './node.ts';

export interface Finding {
  /** The step lets the initiator through; null: it only informs. */
  readonly ok: boolean | null;
  readonly text: string;
  /** The command that changes it. */
  readonly remedy?: string;
}

export interface Explanation {
  /** `/iscsi/iqn…/tpg1`. */
  readonly path: string;
  readonly findings: readonly Finding[];
  readonly verdict: string;
}

export interface Question {
  readonly target: string;
  readonly tag: string;
  /** Lower case, as the document keeps it. */
  readonly initiator: string;
  /** As the initiator sees it; absent: all of them. */
  readonly lun?: number;
}

const yes = (text: string): Finding => ({ ok: true, text });
const no = (text: string, remedy: string): Finding => ({ ok: false, text, remedy });
const note = (text: string): Finding => ({ ok: null, text });

/** LUNs explained one by one; more are counted. */
const LUNS_SHOWN = 64;

class Explainer {
  readonly #view: View;
  readonly #question: Question;
  readonly #tpg: Tpg;
  readonly #acl: NodeAcl | undefined;
  readonly #path: string;
  readonly #findings: Finding[] = [];
  #writable = 0;
  #readable = 0;

  constructor(view: View, question: Question, tpg: Tpg) {
    this.#view = view;
    this.#question = question;
    this.#tpg = tpg;
    this.#acl = own(tpg.acls, question.initiator);
    this.#path = `/iscsi/${question.target}/tpg${question.tag}`;
  }

  explain(): Explanation {
    this.#reach();
    this.#admission();
    this.#proof();
    const mayLogIn = this.#findings.every(({ ok }) => ok !== false);
    this.#luns();
    for (const text of rateNotes(this.#tpg, this.#acl)) this.#add(note(text));
    this.#live();
    return { path: this.#path, findings: this.#findings, verdict: this.#verdict(mayLogIn) };
  }

  #add(finding: Finding): void {
    this.#findings.push(finding);
  }

  #reach(): void {
    if (this.#tpg.enabled) this.#add(yes('The TPG is enabled'));
    else this.#add(no('The TPG is disabled', `${this.#path} enable`));
    const portals = Object.keys(this.#tpg.portals);
    if (portals.length === 0) {
      this.#add(no('The TPG has no portal', `${this.#path}/portals create`));
      return;
    }
    const { target, tag } = this.#question;
    const broken = portals.filter(
      (key) => own(this.#view.runtime.portals, `${target}/${tag}/${key}`)?.ok === false,
    );
    if (broken.length < portals.length) this.#add(yes(`It is reached at ${portals.join(', ')}`));
    else this.#add(no(`None of its portals listens: ${broken.join(', ')}`, `${this.#path} ls`));
  }

  #admission(): void {
    const { initiator } = this.#question;
    const acl = this.#acl && aclAccess(this.#acl);
    const problem = admissionProblem(tpgAccess(this.#tpg), acl);
    if (problem !== undefined) {
      this.#add(no(`Nobody without a node ACL may log in: ${problem}`, this.#createAcl()));
    } else if (acl !== undefined) this.#add(yes(`A node ACL names ${initiator}`));
    else this.#add(yes('No node ACL names it, but generate_node_acls=1: anybody may log in'));
  }

  #createAcl(): string {
    return `${this.#path}/acls create ${this.#question.initiator}`;
  }

  #proof(): void {
    const policy = authPolicy(tpgAccess(this.#tpg), this.#acl && aclAccess(this.#acl));
    const { required, because, owner, credentials } = policy;
    const lacking = missingCredentials(policy);
    const place = owner === 'TPG' ? this.#path : `${this.#path}/acls/${this.#question.initiator}`;
    if (lacking !== undefined) {
      this.#add(no(`${lacking} (${because})`, `${place} set auth userid=… password=…`));
    } else if (required) {
      const user = `userid=${credentials.userid}`;
      this.#add(yes(`CHAP is required (${because}), with the ${owner}'s ${user} and its password`));
    } else this.#add(yes(`CHAP is not required (${because})`));
    if (credentials.mutual_userid !== '' && credentials.mutual_password !== '') {
      this.#add(note(`If it asks, the target proves itself as ${credentials.mutual_userid}`));
    }
  }

  /** What it would see, by its own numbers. */
  #mappings(): readonly { seenAs: number; lun: number; mapped: MappedLun | undefined }[] {
    if (this.#acl === undefined) {
      return Object.keys(this.#tpg.luns).map((key) => {
        const lun = Number(key);
        return { seenAs: lun, lun, mapped: undefined };
      });
    }
    return Object.entries(this.#acl.mapped_luns).map(([key, mapped]) => ({
      seenAs: Number(key),
      lun: mapped.lun,
      mapped,
    }));
  }

  #luns(): void {
    const { lun: wanted } = this.#question;
    const all = this.#mappings();
    const shown = all.filter(({ seenAs }) => wanted === undefined || seenAs === wanted);
    if (shown.length === 0) {
      const which = wanted === undefined ? 'no LUN' : `no LUN ${wanted}`;
      this.#add(no(`It sees ${which} here`, this.#mapCommand(wanted)));
    }
    shown.slice(0, LUNS_SHOWN).forEach((one) => this.#lun(one.seenAs, one.lun, one.mapped));
    const more = shown.length - LUNS_SHOWN;
    if (more > 0) this.#add(note(`and ${more} more LUNs: ask with lun=N`));
  }

  #mapCommand(wanted: number | undefined): string {
    if (this.#acl === undefined) return `${this.#path}/luns create STORAGE_OBJECT`;
    const acl = `${this.#path}/acls/${this.#question.initiator}`;
    return `${acl} create ${wanted ?? 0} STORAGE_OBJECT`;
  }

  #lun(seenAs: number, lun: number, mapped: MappedLun | undefined): void {
    const tpgLun = own(this.#tpg.luns, String(lun));
    const reference = tpgLun?.storage_object;
    const object =
      reference === undefined ? undefined : storageObjectOf(this.#view.document, reference);
    if (tpgLun === undefined || reference === undefined || object === undefined) {
      this.#add(no(`LUN ${seenAs} leads to no storage object`, `${this.#path}/luns ls`));
      return;
    }
    const health = own(this.#view.runtime.storageObjects, reference);
    const name = `LUN ${seenAs} is ${reference}`;
    if (health?.ok === false) {
      this.#add(
        no(`${name}, which is not ready: ${health.reason ?? 'unknown'}`, 'repair the medium'),
      );
      return;
    }
    if (!this.#isOpen(name, tpgLun)) return;
    const limited = ratesText(object.attributes, '');
    if (limited !== '') this.#add(note(`LUN ${seenAs} is limited by ${limited} of ${reference}`));
    this.#readable += 1;
    const protection = writeProtection(tpgAccess(this.#tpg), mapped);
    if (protection !== undefined) {
      this.#add(no(`${name}, read only: ${protection}`, this.#writeCommand(seenAs, mapped)));
    } else if ('readonly' in object && object.readonly) {
      this.#add(note(`${name}, read only: the storage object is`));
    } else {
      this.#writable += 1;
      this.#add(yes(`${name}, to read and write`));
    }
  }

  /** Whether the state of the path lets commands reach the medium. */
  #isOpen(name: string, lun: TpgLun): boolean {
    const path = pathState(this.#view.document, lun);
    if (path === undefined || path.state === ACCESS_STATE.ACTIVE_OPTIMIZED) return true;
    const by = `its ALUA group ${path.group} is in the state ${path.text}`;
    if (path.refuses) {
      this.#add(no(`${name}, by a path that refuses to read and write: ${by}`, path.remedy));
    } else {
      const waits = path.delayMs > 0 ? `; each command waits ${path.delayMs} milliseconds` : '';
      this.#add(note(`${name}, by a path that is not the best: ${by}${waits}`));
    }
    return !path.refuses;
  }

  #writeCommand(seenAs: number, mapped: MappedLun | undefined): string {
    if (mapped === undefined) return `${this.#path} set attribute demo_mode_write_protect=0`;
    if (!mapped.write_protect) return `${this.#path} set attribute prod_mode_write_protect=0`;
    const acl = `${this.#path}/acls/${this.#question.initiator}`;
    return `${acl}/mapped_lun${seenAs} set attribute write_protect=0`;
  }

  #live(): void {
    const { target, tag, initiator } = this.#question;
    const { sessions, refusedLogins } = this.#view.runtime;
    const mine = sessions.filter(
      (one) =>
        one.target === target &&
        String(one.tpgTag) === tag &&
        one.initiator.toLowerCase() === initiator,
    );
    const [first] = mine;
    if (first !== undefined) {
      const sids = mine.map(({ sid }) => sid).join(', ');
      const from = first.connections[0]?.address ?? 'an unknown address';
      this.#add(note(`It is logged in now: session ${sids}, from ${from}`));
      for (const session of mine) {
        const held = limitsText(session);
        if (held !== '') this.#add(note(`Session ${session.sid}: ${held}`));
      }
      return;
    }
    const refused = refusedLogins.find(
      (one) =>
        one.initiator.toLowerCase() === initiator &&
        (one.target === '' || one.target.toLowerCase() === target),
    );
    if (refused === undefined) this.#add(note('It is not logged in now'));
    else {
      const when = `${refused.ageSeconds} seconds ago from ${refused.address}`;
      this.#add(note(`It is not logged in; its last login, ${when}, was refused: ${refused.rule}`));
    }
  }

  #verdict(mayLogIn: boolean): string {
    if (!mayLogIn) return 'It cannot log in.';
    const { lun } = this.#question;
    if (lun !== undefined) {
      if (this.#writable > 0) return `It may log in, and read and write LUN ${lun}.`;
      if (this.#readable > 0) return `It may log in and read LUN ${lun}, not write to it.`;
      return `It may log in, but cannot use LUN ${lun}.`;
    }
    if (this.#readable === 0) return 'It may log in, but sees no usable LUN.';
    return `It may log in, read ${this.#readable} LUNs and write to ${this.#writable} of them.`;
  }
}

/** Undefined when there is no such TPG. */
export function explainAccess(view: View, question: Question): Explanation | undefined {
  const tpg = own(view.document.iscsi.targets, question.target)?.tpgs;
  const found = tpg && own(tpg, question.tag);
  return found && new Explainer(view, question, found).explain();
}
