// Loaded by every thread of a daemon (NODE_OPTIONS=--import): lets one data thread fail.
//   LUNSMITH_TEST_TROUBLE='{"thread":1,"kind":"throw","when":"/path"}': once that file exists
import { existsSync } from 'node:fs';
import { clearInterval, setInterval } from 'node:timers';
import { isMainThread, workerData } from 'node:worker_threads';

const KINDS = {
  throw() {
    throw new Error('trouble that a test has made');
  },
  exit() {
    process.exit(3);
  },
  memory() {
    const all = [];
    for (;;) all.push(new Array(1000).fill(all.length));
  },
  hang() {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  },
};

const trouble = process.env['LUNSMITH_TEST_TROUBLE'];
if (!isMainThread && trouble !== undefined) {
  const { thread, kind, when } = JSON.parse(trouble);
  if (workerData?.member?.self === thread) {
    if (when === undefined) KINDS[kind]();
    const look = setInterval(() => {
      if (!existsSync(when)) return;
      clearInterval(look);
      KINDS[kind]();
    }, 10);
    look.unref();
  }
}
