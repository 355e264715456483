export interface LibiscsiSession {
  /** Whole blocks of 512 bytes from block `lba`; throws unless the status is GOOD. */
  write(lba: number, data: Buffer, options?: { readonly fua?: boolean }): void;
  read(lba: number, byteLength: number): Buffer;
  /** SYNCHRONIZE CACHE(10) of the whole LUN. */
  flush(): void;
  logOut(): void;
}
/** Why libiscsi cannot be used here, or undefined when it can. */
export function whyNoLibiscsi(): Promise<string | undefined>;
/** Throws with libiscsi's words when the login is refused. */
export function logIn(url: string, initiator: string): Promise<LibiscsiSession>;
