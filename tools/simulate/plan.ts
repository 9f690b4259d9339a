/** Plans a run's faults from its seed before the run begins, so that the run can be repeated with only some of these faults. Pure. */
import { createRandom, type Random } from '@lab/contract/random.ts'

export const faultKinds = [
  'kill',
  'start-alone',
  'drain',
  'pause',
  'part',
  'break',
  'hold',
  'store-stop',
  'store-pause',
  'store-back',
  'store-flush',
  'clock',
  'store-clock',
] as const
export type FaultKind = (typeof faultKinds)[number]

export interface Fault {
  kind: FaultKind
  atMs: number
  /** Duration of the fault, in milliseconds of virtual time. */
  forMs: number
  /** Index of the replica or client that the fault affects. */
  index: number
  /** For `store-back`, how far back the store's data is reset; for clock faults, how far the clock is moved. Milliseconds. */
  byMs: number
}

export interface Plan {
  seed: number
  replicas: number
  clients: number
  /** Length of the phase in which clients send messages and faults begin. Milliseconds. */
  activeMs: number
  /** Average time between two messages from the same client. Milliseconds. */
  betweenMs: number
  /** Maximum delay of a frame. Milliseconds. */
  delayMs: number
  faults: Fault[]
}

/**
 * The relative frequencies of the fault kinds in a plan. Kinds that matter most in combination with other faults have a high weight, so
 * that such combinations are frequent.
 */
const weights: Readonly<Record<FaultKind, number>> = {
  kill: 3,
  'start-alone': 3,
  drain: 2,
  pause: 2,
  part: 3,
  break: 5,
  hold: 3,
  'store-stop': 3,
  'store-pause': 1,
  'store-back': 1,
  'store-flush': 1,
  clock: 1,
  'store-clock': 1,
}

export function planOf(seed: number): Plan {
  const random = createRandom(seed, 0)
  const activeMs = random.between(3_000, 8_000)
  // Each run omits some kinds of faults, because one kind may mask the effects of another.
  const kinds = faultKinds.filter(() => random.chance(0.45))
  const bag = kinds.flatMap((kind) => Array.from({ length: weights[kind] }, () => kind))
  const faults: Fault[] = []
  const [first, ...rest] = bag
  const count = first === undefined ? 0 : 1 + random.int(8)
  for (let n = 0; n < count && first !== undefined; n++) faults.push(faultOf(random.pick([first, ...rest]), activeMs, random))
  return {
    seed,
    replicas: 2 + random.int(2),
    clients: 2 + random.int(2),
    activeMs,
    betweenMs: random.between(300, 1500),
    delayMs: random.chance(0.7) ? 5 : 60,
    faults: faults.sort((a, b) => a.atMs - b.atMs),
  }
}

function faultOf(kind: FaultKind, activeMs: number, random: Random): Fault {
  const forMs = random.chance(0.3) ? random.between(50, 500) : random.between(500, 3500)
  const sign = random.chance(0.5) ? 1 : -1
  return {
    kind,
    atMs: random.between(300, activeMs),
    forMs,
    index: random.int(6),
    byMs: kind === 'store-back' ? random.between(100, 4000) : sign * random.between(10, random.chance(0.5) ? 2000 : 60_000),
  }
}

export function faultText({ kind, atMs, forMs, index, byMs }: Fault, { replicas, clients }: Pick<Plan, 'replicas' | 'clients'>): string {
  const replica = `ws-${(index % replicas) + 1}`
  const client = `client ${(index % clients) + 1}`
  const during = `for ${Math.round(forMs)} ms`
  const texts: Record<FaultKind, string> = {
    kill: `${replica} is killed, and restarted after ${Math.round(forMs)} ms`,
    'start-alone': `${replica} is killed, and restarted while it cannot reach the store, ${during}`,
    drain: `${replica} drains, and is restarted ${Math.round(forMs)} ms after its exit`,
    pause: `${replica} is paused ${during}`,
    part: `the network between ${replica} and the store is cut ${during}`,
    break: `the connections of ${client} are reset`,
    hold: `the network of ${client} is cut ${during}`,
    'store-stop': `the store stops ${during}`,
    'store-pause': `the store is paused ${during}`,
    'store-back': `the store stops ${during}, and restarts with its data of ${Math.round(byMs)} ms before`,
    'store-flush': 'the store loses all its data',
    clock: `the clock of ${replica} moves by ${Math.round(byMs)} ms`,
    'store-clock': `the clock of the store moves by ${Math.round(byMs)} ms`,
  }
  return `${Math.round(atMs)} ms: ${texts[kind]}`
}
