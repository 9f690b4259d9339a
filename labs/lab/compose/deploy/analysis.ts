/** Decides whether a canary performs as well as the old version, by comparing the metrics of both versions over the same period. */
import { milliseconds, percent, share, type VersionReading } from '../rollout/version-reading.ts'

/** Limits for the differences between a canary and the old version. */
export const analysisBounds = {
  /** Minimum number of connections that the canary must receive for the comparison to be meaningful. */
  leastOpened: 5,
  /** How far the canary's error and drop rates (errors per message, drops per connection) may exceed those of the old version. */
  errors: 0.01,
  drops: 0.01,
  /** Minimum number of errors or drops with which a canary can fail before the comparison's time window has ended. */
  leastErrors: 10,
  leastDrops: 3,
  /** The canary's latency must not exceed the old version's latency multiplied by `latencyFactor`, plus `latencySlackSeconds`. */
  latencyFactor: 2,
  latencySlackSeconds: 0.05,
} as const

/** Result of a comparison. */
export interface CanaryResult {
  readonly verdict: 'wait' | 'pass' | 'fail'
  /** In one line. */
  readonly why: string
}

/** Compares a canary with the old version. Pure. @param over whether the comparison's time window has ended */
export function judge(old: VersionReading, canary: VersionReading, over: boolean): CanaryResult {
  const problem = errorProblem(old, canary, over) ?? dropProblem(old, canary, over)
  if (problem !== undefined) return { verdict: 'fail', why: problem }
  const seen = `${Math.round(canary.opened)} connections, ${Math.round(canary.messages)} messages`
  if (!over) return { verdict: 'wait', why: seen }
  if (canary.opened < analysisBounds.leastOpened)
    return { verdict: 'fail', why: `only ${seen} to judge by; at least ${analysisBounds.leastOpened} connections are needed` }
  const [before, after] = [old.latencySeconds, canary.latencySeconds]
  if (before !== undefined && after !== undefined) {
    const most = before * analysisBounds.latencyFactor + analysisBounds.latencySlackSeconds
    if (after > most)
      return {
        verdict: 'fail',
        why: `p95 latency ${milliseconds(after)} against ${milliseconds(before)}; allowed are ${milliseconds(most)}`,
      }
  }
  return { verdict: 'pass', why: `${seen}, errors ${percent(share(canary.errors, canary.messages))}, drops ${Math.round(canary.drops)}` }
}

function errorProblem(old: VersionReading, canary: VersionReading, over: boolean): string | undefined {
  const [before, after] = [share(old.errors, old.messages), share(canary.errors, canary.messages)]
  if (after <= before + analysisBounds.errors || (!over && canary.errors < analysisBounds.leastErrors)) return undefined
  return `errors ${percent(after)} of messages against ${percent(before)}; allowed is ${percent(before + analysisBounds.errors)}`
}

function dropProblem(old: VersionReading, canary: VersionReading, over: boolean): string | undefined {
  const [before, after] = [share(old.drops, old.opened), share(canary.drops, canary.opened)]
  if (after <= before + analysisBounds.drops || (!over && canary.drops < analysisBounds.leastDrops)) return undefined
  return `unexplained drops ${percent(after)} of connections against ${percent(before)}; allowed is ${percent(before + analysisBounds.drops)}`
}
