/** How busy server, generator and everybody else were over a stretch of time. */
import { performance } from 'node:perf_hooks'
import { coresBusySeconds, cpuSeconds } from './process-info.ts'

/** Shares of one core (1 is a core that never rests), over so many seconds. */
export interface Busy {
  seconds: number
  server: number
  generator: number
  /** What else ran on the two cores: noise. */
  others: number
}

/**
 * Starts watching.
 * @param pids processes that count as the server
 * @returns a function that gives the shares since then
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

/** Joins stretches into one, each counted by its length. Pure. */
export function joinBusy(parts: readonly Busy[]): Busy {
  const seconds = parts.reduce((sum, part) => sum + part.seconds, 0)
  const share = (of: 'server' | 'generator' | 'others') => parts.reduce((sum, part) => sum + part[of] * part.seconds, 0) / seconds
  return { seconds, server: share('server'), generator: share('generator'), others: share('others') }
}
