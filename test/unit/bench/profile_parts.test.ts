import { describe, expect, test } from 'vitest';
import {
  busiestThread,
  parseSamples,
  partOf,
  shares,
  wholeOf,
} from '../../../bench/profile_parts.mjs';

const KERNEL = '([kernel.kallsyms])';
const OURS = 'JS:*take file:///srv/dist/src/target/scsi/task_set.js:10:3';
const TEXT = `
  301
	ffffffff81000001 copy_user ${KERNEL}
	ffffffff81000002 sock_write_iter ${KERNEL}
	ffffffff81000003 vfs_write ${KERNEL}
	    7f0000000001 __libc_write (/usr/lib/libc.so.6)

  301
	ffffffff81000001 copy_user ${KERNEL}
	ffffffff81000004 vfs_readv ${KERNEL}
	ffffffff81000005 do_preadv ${KERNEL}

  301
	    7f0000000002 ${OURS} (/tmp/perf-300.map)

  302
	    7f0000000003 v8::internal::Scavenger::Process(void*) (/usr/bin/node)
`;

describe('samples of perf', () => {
  const samples = parseSamples(TEXT);

  test('have their thread and their frames, innermost first', () => {
    expect(samples.map(({ thread }) => thread)).toEqual(['301', '301', '301', '302']);
    expect(samples[0]?.frames[1]).toEqual({ symbol: 'sock_write_iter', dso: '[kernel.kallsyms]' });
    expect(busiestThread(samples)).toBe('301');
    expect(parseSamples('')).toEqual([]);
  });

  test('the kernel is told apart by what it was asked for', () => {
    expect(samples.map(partOf)).toEqual([
      'kernel: sending',
      'kernel: reading the medium',
      'ours: scsi/',
      'garbage collection',
    ]);
  });

  test('shares are of all samples, largest first', () => {
    const whole = shares(samples, (each) => wholeOf(partOf(each)));
    expect(whole).toEqual([
      ['kernel', 0.5],
      ['our JavaScript', 0.25],
      ['garbage collection', 0.25],
    ]);
  });
});

test.each([
  ['Builtins_KeyedLoadIC', '/usr/bin/node', "V8's builtins", 'Node and V8'],
  ['uv__io_poll', '/usr/bin/node', 'Node and V8, native', 'Node and V8'],
  ['memcpy', '/usr/lib/x86_64-linux-gnu/libc.so.6', 'C library', 'native libraries'],
  [
    'LazyCompile:*onread node:internal/streams:1',
    '/tmp/perf-1.map',
    "Node's JavaScript",
    'Node and V8',
  ],
  ['JS:~begin /srv/dist/src/util/bytes.js:3', '/tmp/perf-1.map', 'ours: util/', 'our JavaScript'],
  [
    'JS:~begin /srv/dist/src/target/engine.js:3',
    '/tmp/perf-1.map',
    'ours: engine',
    'our JavaScript',
  ],
  ['clear_page', '[kernel.kallsyms]', 'kernel: everything else', 'kernel'],
])('%s in %s is %s', (symbol, dso, part, whole) => {
  const found = partOf({ thread: '1', frames: [{ symbol, dso }] });
  expect(found).toBe(part);
  expect(wholeOf(found)).toBe(whole);
});
