/**
 * Runs the simulation with many seeds. Reports the seeds whose runs violate a guarantee, each with a minimal set of faults, and the states
 * that no run reached.
 */
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { Violation } from './history.ts'
import { type Plan, planOf } from './plan.ts'
import { simulate } from './simulation.ts'
import { interestingStates, type State } from './states.ts'

export interface Failure {
  seed: number
  /** A minimal set of faults that causes the failure, given as positions in the plan, counting from 1. */
  faults: number[]
  violations: readonly Violation[]
  /** All events of a run with only the faults in `faults`. */
  trace: string[]
}

export interface Runs {
  count: number
  events: number
  failures: Failure[]
  unreached: State[]
}

/** Consecutive seeds. */
export interface SeedRange {
  first: number
  count: number
}

/** The outcome of running a range of seeds. */
type RangeOutcome = Omit<Runs, 'unreached'> & { reached: State[] }

/** Number of failures that are fully analysed; after that, no more seeds are tried. */
const mostFailures = 5

/** Number of seeds that a thread runs before it reports its results, which takes about a second. */
const rangeLength = 50

/**
 * Runs the simulation with `count` seeds, starting at `first`, in one thread per processor.
 * @param stop ends the runs early, abandoning the seed ranges that are still in progress
 * @throws any error that a thread throws
 */
export async function runSeeds(first: number, count: number, stop?: AbortSignal): Promise<Runs> {
  const total: Runs & { reached: Set<State> } = { count: 0, events: 0, failures: [], unreached: [], reached: new Set() }
  let next = first
  const end = first + count
  async function thread(): Promise<void> {
    const worker = new Worker(new URL('./worker.ts', import.meta.url))
    try {
      while (next < end && total.failures.length < mostFailures && !stop?.aborted) {
        const range = { first: next, count: Math.min(rangeLength, end - next) }
        next += range.count
        worker.postMessage(range)
        const [outcome] = (await once(worker, 'message', { signal: stop })) as [RangeOutcome]
        total.count += outcome.count
        total.events += outcome.events
        total.failures.push(...outcome.failures)
        for (const state of outcome.reached) total.reached.add(state)
      }
    } catch (error) {
      if (!stop?.aborted) throw error
    } finally {
      await worker.terminate()
    }
  }
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), Math.ceil(count / rangeLength)) }, thread))
  const { reached, ...runs } = total
  const failures = runs.failures.toSorted((one, other) => one.seed - other.seed).slice(0, mostFailures)
  return { ...runs, failures, unreached: interestingStates.filter((state) => !reached.has(state)) }
}

/** Runs the simulation with a range of seeds in the current thread. */
export async function runRange({ first, count }: SeedRange): Promise<RangeOutcome> {
  const reached = new Set<State>()
  const failures: Failure[] = []
  let [done, events] = [0, 0]
  while (done < count && failures.length < mostFailures) {
    const plan = planOf(first + done++)
    const outcome = await simulate(plan)
    events += outcome.events
    for (const state of outcome.reached) reached.add(state)
    if (outcome.violations.length > 0) failures.push(await smallest(plan, outcome.violations))
  }
  return { count: done, events, failures, reached: [...reached] }
}

/** Runs the given plan, and returns the violations and a trace of all events. */
export async function traced(plan: Plan): Promise<{ violations: readonly Violation[]; trace: string[] }> {
  const trace: string[] = []
  const { violations } = await simulate(plan, (text) => void trace.push(text))
  return { violations, trace }
}

/** @param numbers the faults of the plan to use, by position, counting from 1; an empty list selects all faults */
export function withFaults(plan: Plan, numbers: readonly number[]): Plan {
  return numbers.length === 0 ? plan : { ...plan, faults: plan.faults.filter((_, index) => numbers.includes(index + 1)) }
}

/** Removes faults one at a time, as long as the same guarantee is still violated. */
async function smallest(plan: Plan, violations: readonly Violation[]): Promise<Failure> {
  const kind = violations[0]?.kind
  let numbers = plan.faults.map((_, index) => index + 1)
  for (const number of [...numbers].reverse()) {
    const fewer = numbers.filter((one) => one !== number)
    if (fewer.length === 0) break
    const outcome = await simulate(withFaults(plan, fewer))
    if (outcome.violations[0]?.kind === kind) numbers = fewer
  }
  return { seed: plan.seed, faults: numbers, ...(await traced(withFaults(plan, numbers))) }
}

/** Returns the command that reproduces a failure. */
export function replayLine({ seed, faults }: Pick<Failure, 'seed' | 'faults'>): string {
  return `./lab simulate --seed ${seed} --runs 1 --faults ${faults.join(',')} --trace`
}
