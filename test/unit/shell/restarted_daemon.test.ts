import { describe, expect, test } from 'vitest';
import { LastingClient } from '../../../src/control/lasting_client.ts';
import { ControlError } from '../../../src/control/protocol.ts';
import { Shell } from '../../../src/shell/shell.ts';
import { MemoryClient } from '../../shell/memory_client.ts';
import { MemoryOutput } from '../../shell/memory_output.ts';
import { temporaryHome } from './kit.ts';

class Daemon extends MemoryClient {
  closed = false;
  override call: MemoryClient['call'] = (method, params) =>
    this.closed ? Promise.reject(new ControlError('gone')) : super.call(method, params);
}

function shellOn(first: Daemon, second: Daemon | undefined) {
  const out = new MemoryOutput();
  const client = new LastingClient(first, () => Promise.resolve(second));
  return { out, shell: new Shell({ client, home: temporaryHome(), out }) };
}

describe('a shell whose daemon went away', () => {
  test('exit leaves it', async () => {
    const first = new Daemon();
    const { shell, out } = shellOn(first, undefined);
    await shell.runLine('pwd');
    first.closed = true;
    expect(await shell.runLine('ls')).toEqual({ ok: false, exit: false });
    expect(out.take()).toMatch(/not running any more: exit and start lunsmith again/);
    expect(await shell.runLine('exit')).toEqual({ ok: true, exit: true });
  });

  test('sees the tree of the restarted one, and says what is gone', async () => {
    const first = new Daemon();
    const second = new Daemon();
    const { shell, out } = shellOn(first, second);
    await shell.runLine('/backstores/ramdisk create lost 1M');
    expect(shell.unsaved).toBe(true);
    first.closed = true;
    out.take();
    expect(await shell.runLine('/backstores/ramdisk create kept 1M')).toMatchObject({ ok: true });
    expect(out.take()).toMatch(/daemon was restarted; what was not saved is gone/);
    expect(Object.keys(second.document.backstores.ramdisk)).toEqual(['kept']);
  });
});
