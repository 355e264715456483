import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { INLINING } from '../../../../src/target/engine/inlining.ts';

describe('the limits of inlining', () => {
  test('are known to this version of V8, each with a lower one of its own', () => {
    const { stdout } = spawnSync(process.execPath, ['--v8-options'], { encoding: 'utf8' });
    for (const [name, bytes] of Object.entries(INLINING)) {
      const shipped = new RegExp(`--${name} .*\\n.*default: --${name}=(\\d+)`).exec(stdout);
      expect(Number(shipped?.[1]), name).toBeLessThan(bytes);
    }
  });
});
