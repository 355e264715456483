import { describe, expect, test } from 'vitest';
import { takeListenFd } from '../../../src/bin/listen_fds.ts';

describe('sockets from the service manager', () => {
  test('are taken when they are for this process, and no child sees the variables', () => {
    const env = { LISTEN_PID: '42', LISTEN_FDS: '1', LISTEN_FDNAMES: 'control', HOME: '/' };
    expect(takeListenFd(env, 42)).toBe(3);
    expect(env).toEqual({ HOME: '/' });
  });

  test('are left alone when they are for another process, or none', () => {
    expect(takeListenFd({ LISTEN_PID: '41', LISTEN_FDS: '1' }, 42)).toBeUndefined();
    expect(takeListenFd({ LISTEN_PID: '42', LISTEN_FDS: '0' }, 42)).toBeUndefined();
    expect(takeListenFd({ LISTEN_PID: '42', LISTEN_FDS: 'x' }, 42)).toBeUndefined();
    expect(takeListenFd({}, 42)).toBeUndefined();
  });
});
