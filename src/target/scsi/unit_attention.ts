/**
 * Unit attention conditions (SAM-5 §5.14): what an initiator must hear before its next command is
 * done. A condition is its ASC and ASCQ in one number, ASC in the upper byte.
 */
export const UNIT_ATTENTION = {
  POWER_ON_RESET: 0x2900,
  BUS_DEVICE_RESET: 0x2903,
  MODE_PARAMETERS_CHANGED: 0x2a01,
  ACCESS_STATE_CHANGED: 0x2a06,
  CAPACITY_CHANGED: 0x2a09,
  COMMANDS_CLEARED: 0x2f00,
  INQUIRY_DATA_CHANGED: 0x3f03,
  REPORTED_LUNS_CHANGED: 0x3f0e,
} as const;

/** Conditions that one I_T_L nexus remembers; the least urgent beyond it is forgotten. */
export const MAX_UNIT_ATTENTIONS = 16;

/** SAM-5 §5.14, table of precedence: resets first, then all others in the order they arose. */
const precedence = (condition: number): number => {
  if (condition === UNIT_ATTENTION.POWER_ON_RESET) return 0;
  return condition >>> 8 === 0x29 ? 1 : 2;
};

export class UnitAttentions {
  readonly #pending: number[] = [];

  get size(): number {
    return this.#pending.length;
  }

  /** Once per condition, however often it arises before it is reported. */
  raise(condition: number): void {
    if (this.#pending.includes(condition)) return;
    const rank = precedence(condition);
    let at = this.#pending.length;
    while (at > 0 && precedence(this.#pending[at - 1] ?? 0) > rank) at--;
    this.#pending.splice(at, 0, condition);
    if (this.#pending.length > MAX_UNIT_ATTENTIONS) this.#pending.pop();
  }

  /** The most urgent one, or 0; it stays pending. */
  peek(): number {
    return this.#pending[0] ?? 0;
  }

  clear(condition: number): void {
    const at = this.#pending.indexOf(condition);
    if (at >= 0) this.#pending.splice(at, 1);
  }
}
