/** A worker thread for `runSeeds`, which runs each seed range that it receives, and replies with the outcome. */
import { parentPort } from 'node:worker_threads'
import { runRange, type SeedRange } from './runs.ts'

parentPort?.on('message', async (range: SeedRange) => parentPort?.postMessage(await runRange(range)))
