import { PassThrough } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import type { ReadStream } from 'node:tty';
import { describe, expect, test } from 'vitest';
import { LineGate } from '../../../src/shell/line_gate.ts';

function gated() {
  const terminal = new PassThrough();
  const interrupts: number[] = [];
  const gate = new LineGate(terminal as unknown as ReadStream, () => interrupts.push(1));
  let passed = '';
  gate.on('data', (chunk: Buffer) => (passed += chunk.toString()));
  const settle = async () => {
    for (let turn = 0; turn < 5; turn += 1) await setImmediate();
  };
  const take = async () => {
    await settle();
    const text = passed;
    passed = '';
    return text;
  };
  return { terminal, gate, take, interrupts };
}

describe('the gate', () => {
  test('hands one line to each prompt and loses none of a paste', async () => {
    const { terminal, gate, take } = gated();
    terminal.write('ls\ncd /iscsi\r\npwd\rrest');
    expect(await take()).toBe('');
    gate.openLine();
    expect(await take()).toBe('ls\n');
    gate.openLine();
    expect(await take()).toBe('cd /iscsi\r');
    gate.openLine();
    expect(await take()).toBe('pwd\r');
    gate.openLine();
    expect(await take()).toBe('rest');
    terminal.write('!\n');
    expect(await take()).toBe('!\n');
  });

  test('holds what stands behind a TAB until completion is done', async () => {
    const { terminal, gate, take } = gated();
    gate.openLine(true);
    terminal.write('cd /is\tx\n');
    expect(await take()).toBe('cd /is\t');
    gate.openLine(true);
    expect(await take()).toBe('x\n');
  });

  test('dialogs get TABs as they come', async () => {
    const { terminal, gate, take } = gated();
    gate.openLine();
    terminal.write('a\tb');
    expect(await take()).toBe('a\tb');
  });

  test('Ctrl-C ends the line of a prompt; while a command runs it drops type-ahead', async () => {
    const { terminal, gate, take, interrupts } = gated();
    gate.openLine();
    terminal.write('abc\u0003next\n');
    expect(await take()).toBe('abc\u0003');
    expect(interrupts).toHaveLength(0);
    terminal.write('more\u0003');
    await take();
    expect(interrupts).toHaveLength(1);
    gate.openLine();
    expect(await take()).toBe('');
  });

  test('the end of input comes after the lines before it', async () => {
    const { terminal, gate, take } = gated();
    let ended = false;
    gate.on('end', () => (ended = true));
    terminal.end('last\n');
    gate.openLine();
    expect(await take()).toBe('last\n');
    expect(ended).toBe(false);
    gate.openLine();
    await take();
    expect(ended).toBe(true);
  });
});
