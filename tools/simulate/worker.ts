/** A worker thread of `runSeeds`, which runs the ranges of seeds that it receives, and answers each range with its outcome. */
import { parentPort } from 'node:worker_threads'
import { runRange, type SeedRange } from './runs.ts'

parentPort?.on('message', async (range: SeedRange) => parentPort?.postMessage(await runRange(range)))
