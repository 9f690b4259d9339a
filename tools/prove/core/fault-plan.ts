/** Plans a run's faults: their kinds, times and replicas. The same seed and settings always give the same plan. Pure. */
import { createRandom, type Random } from '@lab/contract/random.ts'
import { planFaults as catalogue, type PlanFaultName } from '@lab/faults/catalogue/index.ts'

export interface PlannedFault {
  /** Earliest start of the fault, in milliseconds from the start of the run. A fault starts only after the previous one has ended. */
  atMs: number
  kind: PlanFaultName
  /** Number of the affected replica, counted from 1; undefined if the fault does not affect a single replica. */
  replica: number | undefined
}

export interface PlanSettings {
  seed: number
  /** The kinds of faults to plan, all of which the lab must support; see `faultsOn`. */
  kinds: readonly PlanFaultName[]
  /**
   * Exact number of drains in the plan, which then contains every other fault exactly once. If undefined, faults of all kinds are planned
   * in rounds until the run ends.
   */
  drains: number | undefined
  durationMs: number
  /** Number of replicas during the run; they are numbered from 1. */
  replicas: number
}

/** Returns the minimum time that a list of faults takes. Milliseconds. */
function lengthOf(kinds: readonly PlanFaultName[]): number {
  return kinds.reduce((sum, kind) => sum + catalogue[kind].inPlan.takesSeconds * 1000, 0)
}

/** Returns the minimum duration of a run with the given faults. Milliseconds. */
export function shortestMs({ kinds, drains }: Pick<PlanSettings, 'kinds' | 'drains'>): number {
  return lengthOf(onceEach(kinds, drains))
}

function onceEach(kinds: readonly PlanFaultName[], drains: number | undefined): PlanFaultName[] {
  if (drains === undefined) return [...kinds]
  return [...Array.from({ length: drains }, (): PlanFaultName => 'drain'), ...kinds.filter((kind) => kind !== 'drain')]
}

/** @returns the faults in chronological order; empty if no kinds of faults are given */
export function planFaults(settings: PlanSettings): PlannedFault[] {
  const { seed, kinds, drains, durationMs, replicas } = settings
  const random = createRandom(seed, 0)
  const order = shuffled(onceEach(kinds, drains), random)
  // Each round contains every kind of fault once, so that a long run contains roughly equal numbers of each kind.
  while (drains === undefined && kinds.length > 0) {
    const deck = shuffled(kinds, random)
    const fits = deck.findIndex((_, index) => lengthOf([...order, ...deck.slice(0, index + 1)]) > durationMs)
    order.push(...(fits === -1 ? deck : deck.slice(0, fits)))
    if (fits !== -1) break
  }
  const spareMs = Math.max(0, durationMs - lengthOf(order)) / Math.max(1, order.length)
  let freeAtMs = 0
  let last: number | undefined
  return order.map((kind) => {
    const atMs = Math.round(freeAtMs + random.between(0, spareMs))
    const { inPlan, hitsReplica } = catalogue[kind]
    freeAtMs += inPlan.takesSeconds * 1000 + spareMs
    const replica = hitsReplica ? otherThan(last, replicas, random) : undefined
    last = replica ?? last
    return { atMs, kind, replica }
  })
}

/** Chooses a random replica other than the one affected last, which may still be restarting. */
function otherThan(last: number | undefined, replicas: number, random: Random): number {
  if (last === undefined || replicas === 1) return 1 + Math.floor(random.between(0, replicas))
  const chosen = 1 + Math.floor(random.between(0, replicas - 1))
  return chosen >= last ? chosen + 1 : chosen
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const result = [...items]
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random.between(0, i + 1))
    const [a, b] = [result[i] as T, result[j] as T]
    result[i] = b
    result[j] = a
  }
  return result
}
