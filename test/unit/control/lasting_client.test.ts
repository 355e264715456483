import { describe, expect, test } from 'vitest';
import type { SocketControl } from '../../../src/control/client.ts';
import { LastingClient } from '../../../src/control/lasting_client.ts';
import { Listeners } from '../../../src/control/listeners.ts';
import { ConflictError, ControlError } from '../../../src/control/protocol.ts';

class FakeSocketClient implements SocketControl {
  closed = false;
  readonly calls: string[] = [];
  readonly listeners = new Listeners();
  call(method: string): Promise<never> {
    if (this.closed) return Promise.reject(new ControlError('closed'));
    this.calls.push(method);
    return Promise.resolve({} as never);
  }
  on: SocketControl['on'] = (name, listener) => this.listeners.add(name, listener);
  close(): void {
    this.closed = true;
  }
}

function lasting(next: SocketControl | undefined) {
  const first = new FakeSocketClient();
  let attempts = 0;
  const client = new LastingClient(first, () => {
    attempts += 1;
    return Promise.resolve(next);
  });
  let restarts = 0;
  client.on('attached', () => (restarts += 1));
  return { first, client, attempts: () => attempts, restarts: () => restarts };
}

describe('a client that outlives its daemon', () => {
  test('calls go to the daemon while it is there', async () => {
    const { first, client, attempts } = lasting(undefined);
    await client.call('runtime', {});
    expect(first.calls).toEqual(['runtime']);
    expect(attempts()).toBe(0);
  });

  test('after a restart the next calls go to the new daemon, attached once', async () => {
    const second = new FakeSocketClient();
    const { first, client, attempts, restarts } = lasting(second);
    first.closed = true;
    await Promise.all([client.call('runtime', {}), client.call('document', {})]);
    expect(second.calls).toEqual(['runtime', 'document']);
    expect([attempts(), restarts()]).toEqual([1, 1]);
  });

  test('a change computed for the former daemon is a conflict, not applied', async () => {
    const second = new FakeSocketClient();
    const { first, client } = lasting(second);
    first.closed = true;
    await expect(client.call('change', { revision: 1, edits: [] })).rejects.toThrow(ConflictError);
    expect(second.calls).toEqual([]);
    await client.call('change', { revision: 1, edits: [] });
    expect(second.calls).toEqual(['change']);
  });

  test('notifications come from the new daemon', async () => {
    const second = new FakeSocketClient();
    const { first, client } = lasting(second);
    const seen: number[] = [];
    client.on('changed', ({ revision }) => seen.push(revision));
    first.listeners.emit('changed', { revision: 7, edits: [] });
    first.closed = true;
    await client.call('runtime', {});
    second.listeners.emit('changed', { revision: 2, edits: [] });
    expect(seen).toEqual([7, 2]);
  });

  test('without a new daemon the error says what to do; the next call looks again', async () => {
    const { first, client, attempts } = lasting(undefined);
    first.closed = true;
    await expect(client.call('runtime', {})).rejects.toThrow(/not running any more: exit and/);
    await expect(client.call('runtime', {})).rejects.toThrow(ControlError);
    expect(attempts()).toBe(2);
  });

  test('closed on purpose, it attaches to nothing', async () => {
    const { client, attempts } = lasting(new FakeSocketClient());
    client.close();
    await expect(client.call('runtime', {})).rejects.toThrow('closed');
    expect(attempts()).toBe(0);
  });
});
