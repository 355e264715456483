/** Who may use up data where it was received, before it is copied to where it was asked for. */
export interface DataTaker {
  /**
   * Lent data from `offset` of the initiator's buffer on. Returns how many bytes from its front are
   * used up; the rest goes to where it was asked for. Offsets ascend without gaps.
   */
  take(data: Buffer, offset: number): number;
}
