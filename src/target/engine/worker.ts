/** Entry of the engine's thread (`remote.ts` starts it). */
import { parentPort, workerData } from 'node:worker_threads';
import { createEngine } from '../engine.ts';
import { serveEngine, type WorkerOptions } from './remote.ts';

if (parentPort === null) throw new Error('worker.ts is not a program: it runs as a thread');
const { logLevel } = workerData as WorkerOptions;
serveEngine(createEngine({ logLevel }), parentPort);
