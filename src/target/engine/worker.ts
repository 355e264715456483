/** Entry of an engine's thread (`remote.ts` starts it). */
import { parentPort, workerData } from 'node:worker_threads';
import { createEngine } from '../engine.ts';
import { BUSY_POLL } from '../../util/busy_poll.ts';
import { inlineMore } from './inlining.ts';
import { serveEngine, type WorkerOptions } from './remote.ts';
import { divideResources, Membership } from './threads/membership.ts';

if (parentPort === null) throw new Error('worker.ts is not a program: it runs as a thread');
inlineMore();
const { logLevel, member, busyPoll } = workerData as WorkerOptions;
if (busyPoll !== undefined) BUSY_POLL.shared = busyPoll;
if (member === undefined) {
  serveEngine(createEngine({ logLevel }), parentPort);
} else {
  divideResources(member.ports.length);
  serveEngine(createEngine({ logLevel, member: new Membership(member) }), parentPort);
}
