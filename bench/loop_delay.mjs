// Loaded into a daemon before its program, in each of its threads: how long the event loop was held
// up. The bench asks over the process's channel: 'begin', then 'end', which answers the longest
// delay of each thread. Less of a busy machine is in it than in latencies: no other process's turn
// on the way of a read counts.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import process from 'node:process';
import { BroadcastChannel, isMainThread, threadId } from 'node:worker_threads';

const RESOLUTION_MS = 1;
/** All threads have answered by then. */
const COLLECT_MS = 100;

const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delays.enable();
const channel = new BroadcastChannel('lunsmith loop delay');
channel.unref();

const ms = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
const figures = () => ({
  thread: isMainThread ? 'control' : `engine ${threadId}`,
  p99: ms(delays.percentile(99)),
  max: ms(delays.max),
});

let collected = [];
channel.onmessage = ({ data }) => {
  if (data === 'begin') delays.reset();
  else if (data === 'end') channel.postMessage(figures());
  else if (isMainThread) collected.push(data);
};

if (isMainThread && process.channel) {
  process.channel.unref();
  process.on('message', (what) => {
    channel.postMessage(what);
    if (what === 'begin') delays.reset();
    else {
      collected = [figures()];
      setTimeout(() => process.send(collected), COLLECT_MS);
    }
  });
}
