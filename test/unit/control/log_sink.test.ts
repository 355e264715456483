import { expect, test } from 'vitest';
import { textSink } from '../../../src/control/log_sink.ts';

const lineOf = (message: string, fields = {}) => {
  let text = '';
  const now = () => new Date('2026-11-20T11:00:00Z');
  textSink((line) => (text += line), now)({ level: 'warn', channel: 'login', message, fields });
  return text;
};

test('a record is one readable line', () => {
  const line = lineOf('login refused: no ACL', { initiator: 'iqn.x:y', tries: 3, none: undefined });
  expect(line).toBe(
    '2026-11-20T11:00:00.000Z warn  login: login refused: no ACL initiator=iqn.x:y tries=3\n',
  );
});

test('what peers sent cannot forge lines, move the cursor or turn the text', () => {
  const line = lineOf('a\nb\u001b[2J', { name: 'x\r\ny="z" \u202e\u0085\u2028' });
  expect(line.split('\n')).toHaveLength(2);
  expect(line.trimEnd()).toMatch(/^[\x20-\x7e]*$/);
});

test('a secret that became a field stays hidden', () => {
  expect(lineOf('x', { password: 'hunter2' })).not.toContain('hunter2');
});
