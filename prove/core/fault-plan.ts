/** The plan of faults: which, when, on which replica. The same seed and settings give the same plan. Pure. */
import { createRandom, type Random } from '../../k6/lib/random.ts'
import { type FaultKind, faultKinds, replicaFaults } from './fault-kinds.ts'

export interface PlannedFault {
  /** Not before this, milliseconds from the beginning; also not before the one before it is over. */
  atMs: number
  kind: FaultKind
  /** Number of the replica it hits, from 1; for kinds that hit one. */
  replica: number | undefined
}

export interface PlanSettings {
  seed: number
  kinds: readonly FaultKind[]
  /** Exactly so many drains, and one of each other kind; undefined: one of each kind, and again while there is time. */
  drains: number | undefined
  durationMs: number
  /** Replicas that run all the time, numbered from 1. */
  replicas: number
}

/** Milliseconds that a list of faults takes at least. */
function lengthOf(kinds: readonly FaultKind[]): number {
  return kinds.reduce((sum, kind) => sum + faultKinds[kind].takesSeconds * 1000, 0)
}

/** The shortest run that has room for what is asked, in milliseconds. */
export function shortestMs({ kinds, drains }: Pick<PlanSettings, 'kinds' | 'drains'>): number {
  return lengthOf(onceEach(kinds, drains))
}

function onceEach(kinds: readonly FaultKind[], drains: number | undefined): FaultKind[] {
  if (drains === undefined) return [...kinds]
  return [...Array.from({ length: drains }, (): FaultKind => 'drain'), ...kinds.filter((kind) => kind !== 'drain')]
}

/** @returns the faults in order of time; empty when no kinds are asked for */
export function planFaults(settings: PlanSettings): PlannedFault[] {
  const { seed, kinds, drains, durationMs, replicas } = settings
  const random = createRandom(seed, 0)
  const order = shuffled(onceEach(kinds, drains), random)
  // Deck after deck, so that a long run has about as many of each kind.
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
    freeAtMs += faultKinds[kind].takesSeconds * 1000 + spareMs
    const replica = replicaFaults.has(kind) ? otherThan(last, replicas, random) : undefined
    last = replica ?? last
    return { atMs, kind, replica }
  })
}

/** Not the one of before, which may just be starting again. */
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
