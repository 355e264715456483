/** Sockets that systemd opened before it started this process (sd_listen_fds(3)). */

/** The first descriptor that is passed so. */
const FIRST_FD = 3;

/**
 * The control socket, when it was passed to this very process; undefined otherwise. Programs that
 * this one starts must not take it for theirs: the variables are removed.
 */
export function takeListenFd(
  env: Record<string, string | undefined>,
  pid: number,
): number | undefined {
  const { LISTEN_PID: forPid, LISTEN_FDS: count } = env;
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) delete env[name];
  const ours = forPid === String(pid) && /^[1-9]\d*$/.test(count ?? '');
  return ours ? FIRST_FD : undefined;
}
