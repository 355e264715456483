import { beforeEach, expect, test } from 'vitest';
import { ClaimedMedium } from '../../../../src/target/storage/claimed_medium.ts';
import { ScriptedMedium } from '../scsi/bench.ts';

let medium: ScriptedMedium;
let claimed: ClaimedMedium;
let said: string[];
let latest: number;
let unused: number;
beforeEach(() => {
  medium = new ScriptedMedium(64 * 1024);
  said = [];
  latest = 0;
  unused = 0;
  claimed = new ClaimedMedium(
    medium,
    () => (latest = (latest + 1) | 0),
    () => unused++,
  );
});

const settled = (): Promise<void> => new Promise(setImmediate);
/** Says its number when it is clear. */
function claim(byteOffset: number, byteLength: number, number = (latest = (latest + 1) | 0)) {
  claimed.claim({ number, byteOffset, byteLength }, () => said.push(`claim ${number}`));
  return number;
}
function write(byteOffset: number, name = 'write'): void {
  claimed.write(Buffer.alloc(512, 1), byteOffset, false, () => said.push(name));
}
function read(byteOffset: number): void {
  claimed.read(Buffer.alloc(512), byteOffset, () => said.push('read'));
}

test('what touches no claimed byte goes on, to the last byte', () => {
  claim(1024, 512);
  write(512);
  write(1536);
  read(512);
  claimed.deallocate(1536, 512, () => said.push('deallocate'));
  expect(said).toEqual(['claim 1', 'write', 'write', 'read', 'deallocate']);
  write(1025);
  write(1023);
  expect(said).toHaveLength(5);
  claimed.end(1);
  expect(said.slice(5)).toEqual(['write', 'write']);
});

test('while a range is claimed nothing is written there within the call', () => {
  medium.atOnce = true;
  claim(1024, 512);
  const data = Buffer.alloc(512);
  expect([claimed.writeAtOnce(data, 1024), claimed.writeAtOnce(data, 0)]).toEqual([false, true]);
  expect(claimed.writeThisTurn(data, 1024, () => {})).toBe(false);
});

test('claims of the same bytes come by their numbers, of others at once', () => {
  const [first, second] = [claim(0, 1024), claim(512, 1024)];
  claim(4096, 512);
  expect(said).toEqual(['claim 1', 'claim 3']);
  claimed.end(first);
  expect(said).toEqual(['claim 1', 'claim 3', 'claim 2']);
  claimed.end(second);
  claimed.end(3);
  expect(unused).toBe(1);
});

test('an operation comes between the claims before and after it', () => {
  claim(0, 512);
  write(0);
  claim(0, 512);
  expect(said).toEqual(['claim 1']);
  claimed.end(1);
  return settled().then(() => {
    expect(said).toEqual(['claim 1', 'write', 'claim 3']);
  });
});

test('a claim waits until the medium has answered what waited before it', async () => {
  claim(0, 512);
  write(0);
  claim(0, 512);
  medium.holding = true;
  claimed.end(1);
  await settled();
  expect(said).toEqual(['claim 1']);
  medium.release();
  await settled();
  expect(said).toEqual(['claim 1', 'write', 'claim 3']);
});

test('a claim that comes late with a low number goes before what waits with a higher one', () => {
  latest = 10;
  // Of another data thread, and cleared.
  claim(0, 512, 9);
  write(0);
  claim(0, 512, 5);
  expect(said).toEqual(['claim 9', 'claim 5']);
  claimed.end(9);
  expect(said).toEqual(['claim 9', 'claim 5']);
  claimed.end(5);
  expect(said.at(-1)).toBe('write');
});

test('numbers go on from the highest to the lowest', () => {
  latest = 2 ** 31 - 2;
  const [last, first] = [claim(0, 512), claim(0, 512)];
  expect([last, first]).toEqual([2 ** 31 - 1, -(2 ** 31)]);
  write(0);
  expect(said).toEqual([`claim ${last}`]);
  claimed.end(last);
  claimed.end(first);
  expect(said).toEqual([`claim ${last}`, `claim ${first}`, 'write']);
});

test('a claim that ends before it was clear is never clear, and nobody waits for it', async () => {
  medium.holding = true;
  write(0, 'first');
  claim(0, 512);
  write(0, 'second');
  claimed.end(1);
  expect(medium.calls).toEqual(['write', 'write']);
  medium.release();
  await settled();
  expect(said).toEqual(['first', 'second']);
  expect(unused).toBeGreaterThan(0);
});

test('an end of what is not claimed changes nothing', () => {
  claimed.end(77);
  claim(0, 512);
  claimed.end(77);
  read(0);
  expect(said).toEqual(['claim 1']);
});

test('thousands that wait for each other are no recursion', () => {
  const numbers = Array.from({ length: 4000 }, (_, at) => at + 1);
  let clear = 0;
  for (const number of numbers) {
    claimed.claim({ number, byteOffset: 0, byteLength: 512 }, () => {
      clear++;
      if (number > 1) claimed.end(number);
    });
  }
  claimed.end(1);
  expect([clear, unused]).toEqual([4000, 1]);
});

test('all else is that of the medium', async () => {
  claim(0, 512);
  claimed.setWriteCache(true);
  claimed.resize(32 * 1024);
  claimed.settle();
  expect([claimed.writeCache, claimed.sizeBytes, claimed.readOnly]).toEqual([
    true,
    32 * 1024,
    false,
  ]);
  claimed.flush(() => said.push('flush'));
  expect([claimed.extentAt(0).mapped, claimed.fault, said.at(-1)]).toEqual([false, null, 'flush']);
  await claimed.close();
});
