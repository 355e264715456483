/** Entry of the engine's thread (`remote.ts` starts it). */
import { parentPort, workerData } from 'node:worker_threads';
import { createEngine } from '../engine.ts';
import { BUSY_POLL } from '../transport/busy_poll.ts';
import { serveEngine, type WorkerOptions } from './remote.ts';

if (parentPort === null) throw new Error('worker.ts is not a program: it runs as a thread');
const { logLevel } = workerData as WorkerOptions;
BUSY_POLL.micros = Number(process.env['LUNSMITH_BUSY_POLL_US']) || 0;
serveEngine(createEngine({ logLevel }), parentPort);
