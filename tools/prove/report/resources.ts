/** Computes each replica's resource usage from Prometheus samples and replica events. Pure. */
import type { ContainerEvent } from './scaling.ts'
import { livesOf } from './scaling.ts'
import type { Resources } from './schema.ts'

/** The samples of one time series. */
export interface Series {
  replica: string
  /** Pairs of a time in Unix milliseconds and a value, in chronological order. */
  samples: readonly (readonly [atMs: number, value: number])[]
}

/** If two samples are more than 15 seconds apart, the replica's process has restarted in between or a sample is missing. */
const longestGapMs = 15_000
const gib = 2 ** 30

export interface Sampled {
  cpuSeconds: readonly Series[]
  residentBytes: readonly Series[]
}

/**
 * @param sampled the samples from Prometheus, or the reason why there are none
 * @returns one entry for each replica that ran between `fromMs` and `toMs`
 */
export function resourcesOf(
  sampled: Sampled | { problem: string },
  events: readonly ContainerEvent[],
  atStart: readonly string[],
  [fromMs, toMs]: readonly [number, number],
): Resources {
  const lives = livesOf(events, atStart, [fromMs, toMs])
  const names = [...new Set(lives.map(({ replica }) => replica))].sort(byNumber)
  const within = (series: readonly Series[], replica: string) =>
    series.filter((one) => one.replica === replica).flatMap(({ samples }) => samples.filter(([atMs]) => atMs >= fromMs && atMs <= toMs))
  const replicas = names.map((replica) => {
    const own = lives.filter((life) => life.replica === replica)
    const seconds = own.reduce((sum, life) => sum + (life.toMs - life.fromMs) / 1000, 0)
    if ('problem' in sampled) return { replica, seconds, cpuSeconds: null, memoryPeakBytes: null, memoryGibSeconds: null }
    const memory = within(sampled.residentBytes, replica)
    // If a replica was already running at the start of the run, the CPU time that it had used by then is not counted.
    const isNew = !atStart.includes(replica)
    return {
      replica,
      seconds,
      cpuSeconds: growth(within(sampled.cpuSeconds, replica), isNew),
      memoryPeakBytes: memory.length === 0 ? null : Math.max(...memory.map(([, bytes]) => bytes)),
      memoryGibSeconds: memory.length === 0 ? null : (mean(memory) / gib) * seconds,
    }
  })
  return { replicas, problem: 'problem' in sampled ? sampled.problem : null }
}

/** Computes the growth of a counter that restarts at zero whenever its process restarts. */
export function growth(samples: Series['samples'], fromZero: boolean): number | null {
  if (samples.length === 0) return null
  let total = fromZero ? (samples[0]?.[1] ?? 0) : 0
  for (let i = 1; i < samples.length; i++) {
    const [before, now] = [samples[i - 1]?.[1] ?? 0, samples[i]?.[1] ?? 0]
    total += now >= before ? now - before : now
  }
  return total
}

/** Computes the time-weighted mean of the samples. Each value applies until the next sample, but for at most `longestGapMs`. */
function mean(samples: Series['samples']): number {
  let [weighted, weight] = [0, 0]
  for (const [i, [atMs, value]] of samples.entries()) {
    const next = samples[i + 1]?.[0] ?? atMs + longestGapMs / 3
    const forMs = Math.min(next - atMs, longestGapMs)
    weighted += value * forMs
    weight += forMs
  }
  return weight === 0 ? (samples[0]?.[1] ?? 0) : weighted / weight
}

/** Sorts replicas numerically, so that ws-2 comes before ws-10. */
export function byNumber(a: string, b: string): number {
  return Number(a.split('-').at(-1)) - Number(b.split('-').at(-1)) || (a < b ? -1 : 1)
}
