/** Controls the embedded lab through the API of its live page. */
import { type EmbeddedOrder, type EmbeddedState, embeddedBounds, type embeddedOrders, embeddedState } from '@lab/contract/embedded-api.ts'
import { metrics } from '@lab/contract/metrics.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { until } from '@lab/host/until.ts'
import { createClient } from '@redis/client'
import type { z } from 'zod'
import { answerWithinMs, askEntry, checkEntry, checkReplicas } from '../entry.ts'
import type { Checked, CheckOf, FigureName, LabScaler, LabStore, LocalLab, Readings, Replica, StepOf } from '../lab.ts'
import { readPage, sendOrder } from '../live-page.ts'
import { resetConnections } from '../reset.ts'
import { watchByAsking } from '../watch.ts'

/** Time limit for replicas to start or drain. Seconds. */
const scaleWithinSeconds = 60
/** Time limit for the scaler to notice a change: two sync periods in real time. */
const noticedWithinMs = 45_000

/** The lab interface, extended with members that only the embedded lab has. */
export interface EmbeddedLab extends LocalLab<'embedded'> {
  /** Address of the live page. */
  readonly page: string
  state(): Promise<EmbeddedState>
}

/**
 * Connects to a running embedded lab.
 * @param page address of the live page, for example http://localhost:3000
 * @param setStore stops or restarts the store; present only if the caller has started the store
 */
export async function embeddedLab(page: string, setStore?: (up: boolean) => Promise<void>): Promise<EmbeddedLab> {
  const state = () => readState(page)
  const first = await state()
  const { entry, timeScale, stateFolder } = first
  const order = <K extends EmbeddedOrder>(name: K, body: z.input<(typeof embeddedOrders)[K]>) => sendOrder(page, name, body)
  const ready = async () => (await state()).replicas.filter((replica) => replica.state === 'ready')

  const atLeast = async (count: number) => {
    const { replicas } = await state()
    const there = replicas.filter((replica) => replica.state !== 'draining').length
    if (there < count) await order('replicas', { count })
  }
  const scaleTo = async (count: number) => {
    await order('replicas', { count })
    const settled = async () => checkReplicas(replicasOf(await state()), count).holds
    await until(`${count} replicas are ready`, settled, { withinMs: scaleWithinSeconds * 1000 })
  }
  const takeStep = async (step: StepOf<'embedded'>): Promise<void> => {
    switch (step.kind) {
      case 'order':
        return sendOrder(page, step.order, step.body)
      case 'at-least':
        return atLeast(step.replicas)
      case 'scale':
        return scaleTo(step.replicas)
      case 'reset':
        return resetConnections(entry, step.at, step.times)
    }
  }
  const setPaused = async (paused: boolean) => {
    await order('pause', { paused })
    const what = paused ? 'the scaler is paused' : 'the scaler is resumed'
    await until(what, async () => (await state()).scaler.paused === paused, { withinMs: noticedWithinMs })
  }
  const scaler: LabScaler = {
    timeScale,
    stateFolder,
    isPaused: async () => (await state()).scaler.paused,
    pause: () => setPaused(true),
    resume: () => setPaused(false),
    setScaleDown: (rules) => order('scaleDown', { rules }),
  }

  return {
    kind: 'embedded',
    name: page,
    page,
    entry,
    prometheus: undefined,
    scaler,
    store: first.storeUrl === null ? undefined : storeAt(first.storeUrl, setStore),
    readEverySeconds: 0.25,
    steadyShare: 1,
    sources,
    state,
    replicas: async () => replicasOf(await state()),
    watchReplicas: (say) => watchByAsking(async () => replicasOf(await state()), say),
    readings: async () => readingsOf(await state()),
    scaleTo,
    act: async (action, id) => {
      if (action === 'kill') return order('kill', { id })
      if (action === 'terminate') return order('drain', { id })
      if (action === 'freeze') return order('disturb', { kind: 'frozen', id, seconds: embeddedBounds.disturbanceSeconds.max })
      return order('calm', { kind: 'frozen', of: id })
    },
    rollOut: async () => {
      const before = (await state()).replicas.map(({ id }) => id)
      await order('rollOut', { fails: false })
      const done = async () => {
        const { rollout, replicas } = await state()
        return rollout === null && !replicas.some(({ id }) => before.includes(id))
      }
      await until('every replica is replaced', done, { withinMs: scaleWithinSeconds * 1000 * before.length })
    },
    deployFailing: async () => {
      const before = (await state()).replicas.map(({ id }) => id)
      await order('deploy', { fails: true })
      const withinMs = scaleWithinSeconds * 1000 * before.length
      await until('the deploy ends', async () => (await state()).rollout === null, { withinMs })
      const { replicas } = await state()
      if (!before.every((id) => replicas.some((replica) => replica.id === id))) throw new LabError('the deploy did not fail')
    },
    setLoad: (sockets) => order('load', { sockets }),

    facts: async (wanted, seconds) => {
      const running = await ready()
      const chosen = wanted === undefined ? running.at(-1) : running.find(({ id }) => id === wanted)
      if (chosen === undefined) {
        const names = running.map(({ id }) => id).join(', ') || 'none is'
        throw new LabError(`--replica ${wanted ?? ''}: allowed are the ready replicas: ${names}`)
      }
      const { id: replica, memoryMiB, startedAtSeconds } = chosen
      return { replica, replicas: running.length, seconds, memoryMiB, startedAtSeconds }
    },
    take: takeStep,
    check: async (check) => {
      if (check.kind === 'entry') return checkEntry(entry)
      return check.kind === 'answer' ? timeAnswer(entry, check) : judge(check, await state())
    },
    close: async () => undefined,
  }
}

/** Rejects with a one-line error if no embedded lab responds at this address. */
function readState(page: string): Promise<EmbeddedState> {
  const problem = (why: unknown) =>
    new LabError(`no embedded lab at ${page} (${String(why)}); start it with npm start, or give the address of its live page`)
  return readPage(page, embeddedState, problem)
}

/** Opens a new connection to the store for each command, because commands are rare and the store may restart between two commands. */
function storeAt(url: string, set: LabStore['set']): LabStore {
  return {
    ask: async (...command) => {
      const socket = { connectTimeout: answerWithinMs, reconnectStrategy: false } as const
      const client = createClient({ url: url.replace(/^valkey/, 'redis'), socket })
      // The error handler does nothing, because `connect` and `sendCommand` also reject if there is a connection error.
      client.on('error', () => undefined)
      await client.connect()
      try {
        return await client.sendCommand([...command])
      } finally {
        client.destroy()
      }
    },
    ...(set && { set }),
  }
}

const ofReplicas = `${metrics.connectionsActive.name} of each replica`
const ofScaler = "the embedded lab's scaler"
const ofLoad = "the load's clients"
const sources: Record<FigureName, string> = {
  replicas: 'readyz of each replica',
  starting: 'the processes',
  draining: `${metrics.replicaState.name} of each replica`,
  sockets: `${ofReplicas}, summed`,
  fullest: `${ofReplicas}, the highest`,
  emptiest: `${ofReplicas}, the lowest`,
  answers: ofLoad,
  p95: ofLoad,
  desired: ofScaler,
  min: ofScaler,
  max: ofScaler,
  target: ofScaler,
}

function replicasOf({ replicas }: EmbeddedState): Replica[] {
  return replicas.map(({ id, state, startedAtSeconds }) => ({ name: id, healthy: state === 'ready', startedAtSeconds }))
}

function readingsOf({ replicas, load, scaler, shared, storeUp, decisions }: EmbeddedState): Readings {
  const { desired, min, max, paused, targetConnections: target } = scaler
  return {
    atSeconds: Date.now() / 1000,
    replicas: replicas.map(({ id, state, connections: sockets, startedAtSeconds }) => ({ id, state, sockets, startedAtSeconds })),
    loadWanted: load.wanted,
    answersPerSecond: load.answeredPerSecond,
    p95Ms: load.p95Ms,
    reconnects: load.reconnects,
    moves: load.moves,
    lost: load.lost,
    storeUp: shared ? storeUp : null,
    scaler: { desired, min, max, paused, target },
    decisions,
  }
}

/** Measures how long the lab takes to respond to a request from a new client. Rejects if the lab does not respond. */
async function timeAnswer(entry: string, { above, below }: Extract<CheckOf<'embedded'>, { kind: 'answer' }>): Promise<Checked> {
  const startedAtMs = performance.now()
  await (await askEntry(entry)).arrayBuffer()
  const tookMs = performance.now() - startedAtMs
  return { holds: isBetween(tookMs, above, below), seen: `the answer took ${Math.round(tookMs)} ms` }
}

type StateCheck = Exclude<CheckOf<'embedded'>, { kind: 'entry' } | { kind: 'answer' }>

function judge(check: StateCheck, lab: EmbeddedState): Checked {
  const { replicas, scaler } = lab
  const found = 'id' in check ? replicas.find(({ id }) => id === check.id) : undefined
  switch (check.kind) {
    case 'state': {
      const state = found?.state ?? 'gone'
      return { holds: state === check.state, seen: state }
    }
    case 'left': {
      const holds = found?.startedAtSeconds !== check.startedAtSeconds
      return { holds, seen: found === undefined ? 'the replica is gone' : holds ? 'another replica has its name' : found.state }
    }
    case 'figure': {
      if (found === undefined) return { holds: false, seen: 'gone' }
      const value = found[check.figure]
      return { holds: isBetween(value, check.above, check.below), seen: `${check.figure} is ${value}` }
    }
    case 'replicas':
      return checkReplicas(replicasOf(lab), check.count)
    case 'scaler':
      return { holds: scaler.blind === check.blind, seen: scaler.blind ? 'the scaler has no metrics' : 'the scaler has metrics' }
    case 'ready': {
      const count = replicas.filter(({ state }) => state === 'ready').length
      return { holds: count >= check.atLeast, seen: `${count} replicas are ready` }
    }
  }
}

function isBetween(value: number, above = Number.NEGATIVE_INFINITY, below = Number.POSITIVE_INFINITY): boolean {
  return value > above && value < below
}
