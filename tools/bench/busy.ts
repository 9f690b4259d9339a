/** Measures the CPU usage of the server, the load generator and all other processes. */
import { performance } from 'node:perf_hooks'
import { coresBusySeconds, cpuSeconds } from './process-info.ts'

/** CPU usage of several processes over a period, as a fraction of one core; 1 is a fully used core. */
export interface Busy {
  seconds: number
  server: number
  generator: number
  /** CPU usage of all other processes on the benchmark's two cores; these processes distort the measurement. */
  others: number
}

/**
 * Starts a measurement.
 * @param pids process ids of the server under test
 * @returns a function that returns the CPU usage since the start of the measurement
 */
export function watchBusy(pids: readonly number[]): () => Busy {
  const startedAt = performance.now()
  const read = () => ({ server: cpuSeconds(pids), generator: cpuSeconds([process.pid]), all: coresBusySeconds() })
  const before = read()
  return () => {
    const [now, seconds] = [read(), (performance.now() - startedAt) / 1000]
    const server = (now.server - before.server) / seconds
    const generator = (now.generator - before.generator) / seconds
    return { seconds, server, generator, others: Math.max(0, (now.all - before.all) / seconds - server - generator) }
  }
}

/** Combines the CPU usage of several periods into one average, weighted by the length of each period. Pure. */
export function joinBusy(parts: readonly Busy[]): Busy {
  const seconds = parts.reduce((sum, part) => sum + part.seconds, 0)
  const share = (of: 'server' | 'generator' | 'others') => parts.reduce((sum, part) => sum + part[of] * part.seconds, 0) / seconds
  return { seconds, server: share('server'), generator: share('generator'), others: share('others') }
}
