/** A target that serves fresh LUNs, whichever program does the serving. */
export interface ServedTarget {
  start(): Promise<void>;
  /**
   * A thin-provisioned LUN of `megabytes` MiB, nothing written yet, behind a target of its own.
   * With `login`, every initiator must prove itself by that.
   */
  createLun(name: string, megabytes: number, login?: Login): Promise<ServedLun>;
  stop(): Promise<void>;
  /** Everything it has logged. */
  log(): string;
}

export interface Login {
  readonly user: string;
  readonly password: string;
}

export interface ServedLun {
  readonly host: string;
  readonly port: number;
  readonly target: string;
  readonly lun: number;
}

export interface UrlOptions {
  readonly user?: string;
  readonly password?: string;
  /** libiscsi's own arguments: `target_user`, `target_password`, `header_digest`. */
  readonly query?: Readonly<Record<string, string>>;
}

/** libiscsi's address: `iscsi://user%password@host:port/target/lun?header_digest=crc32c`. */
export function iscsiUrl(lun: ServedLun, options: UrlOptions = {}): string {
  const login = options.user === undefined ? '' : `${options.user}%${options.password ?? ''}@`;
  const query = new URLSearchParams(options.query).toString();
  const tail = query === '' ? '' : `?${query}`;
  return `iscsi://${login}${lun.host}:${lun.port}/${lun.target}/${lun.lun}${tail}`;
}
