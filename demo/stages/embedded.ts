/** The embedded lab as a stage, by the API of its live page. */
import { z } from 'zod'
import type { FaultName } from '../../chaos/core/faults.ts'
import { faults } from '../../chaos/core/faults.ts'
import { readEmbeddedState } from '../../chaos/embedded-state.ts'
import { metrics } from '../../contract/src/metrics.ts'
import type { FigureName, Readings, Stage } from '../core/stage.ts'
import { type OwnLabSettings, startOwnLab } from './embedded-process.ts'

/** Bound on one request. Milliseconds. */
const askWithinMs = 4_000
/** A fault that nobody takes back ends by itself. Seconds. */
const faultSeconds = 120

export interface EmbeddedStage extends Stage {
  /** The live page, and the entry with the test client page. */
  readonly page: string
  readonly entry: string
}

export interface EmbeddedOptions extends OwnLabSettings {
  /** The page of a lab that runs; without it one is started. */
  lab?: string
}

/** Rejects with one line when there is no such lab, or when it cannot be started. */
export async function embeddedStage({ lab, ...settings }: EmbeddedOptions): Promise<EmbeddedStage> {
  const own = lab === undefined ? await startOwnLab(settings) : undefined
  const page = lab ?? own?.page ?? ''
  const { entry, timeScale } = await stateOf(page).catch(async (error: unknown) => {
    await own?.end()
    throw error
  })
  const order = (path: string, body: object) => send(new URL(path, page), body)
  const server = own?.valkey
  return {
    page,
    entry,
    surface: 'embedded',
    timeScale,
    lookEverySeconds: 0.25,
    steadyShare: 1,
    sources,
    lacks: (need) => (need === 'store' && server === undefined ? noStore(lab) : undefined),
    read: async () => readingsOf(await stateOf(page)),
    setLoad: (sockets) => order('/api/load', { sockets }),
    fault: (name, replica) => order('/api/chaos', { fault: known(name), id: replica ?? '', seconds: faultSeconds }),
    endFault: (name, replica) => order('/api/chaos/undo', { fault: known(name), of: replica ?? '' }),
    setStore: async (up) => {
      if (server === undefined) throw new Error(noStore(lab))
      await server.set(up)
    },
    setReplicas: (count) => order('/api/replicas', { count }),
    retire: (replica) => order('/api/drain', { id: replica }),
    pauseScaler: (paused) => order('/api/pause', { paused }),
    setScaler: (given) =>
      order('/api/scale-down', {
        rules: given && {
          windowSeconds: given.scaleDownWindowSeconds,
          pods: given.scaleDownPodsPerPeriod,
          periodSeconds: given.scaleDownPeriodSeconds,
        },
      }),
    close: async () => own?.end(),
  }
}

const ofReplicas = `${metrics.connectionsActive.name} of each replica, summed`
const ofScaler = "the embedded lab's scaler"
const ofLoad = "the load's clients"
const sources: Record<FigureName, string> = {
  ...{ replicas: 'readyz of each replica', starting: 'the processes', draining: `${metrics.replicaState.name} of each replica` },
  ...{
    sockets: ofReplicas,
    fullest: `${metrics.connectionsActive.name} of the fullest`,
    emptiest: `${metrics.connectionsActive.name} of the emptiest`,
  },
  ...{ answers: ofLoad, p95: ofLoad },
  ...{ desired: ofScaler, min: ofScaler, max: ofScaler, target: ofScaler },
}

function noStore(lab: string | undefined): string {
  if (lab !== undefined) return `the lab at ${lab} keeps its Valkey to itself: without --lab, one is started that can be taken away`
  return 'there is no Valkey to take away: install valkey-server or redis-server, give one with --valkey, or play it on Compose'
}

function known(name: FaultName): FaultName {
  if (faults[name].seconds !== undefined && 'embedded' in faults[name].seconds) return name
  throw new Error(`${name}: not on the embedded lab`)
}

const count = z.number().nullable()
const stateShape = z.object({
  mode: z.literal('embedded'),
  entry: z.string(),
  timeScale: z.number(),
  shared: z.boolean(),
  storeUp: z.boolean(),
  replicas: z.array(
    z.object({
      id: z.string(),
      state: z.enum(['starting', 'ready', 'draining', 'silent']),
      connections: z.number(),
      startedAtSeconds: z.number(),
    }),
  ),
  scaler: z.object({ desired: count, min: z.number(), max: z.number(), paused: z.boolean(), targetConnections: count }),
  load: z.object({ wanted: z.number(), answeredPerSecond: z.number(), p95Ms: count, reconnects: z.number(), moves: count, lost: count }),
  decisions: z.array(z.object({ time: z.string(), current: count, desired: count, reason: z.string(), text: z.string() })),
})
type State = z.infer<typeof stateShape>

const stateOf = (page: string): Promise<State> => readEmbeddedState(page, stateShape)

function readingsOf({ replicas, load, scaler, shared, storeUp, decisions }: State): Readings {
  const { targetConnections: target, ...rest } = scaler
  return {
    atSeconds: Date.now() / 1000,
    replicas: replicas.map(({ connections: sockets, ...replica }) => ({ ...replica, sockets })),
    loadWanted: load.wanted,
    answersPerSecond: load.answeredPerSecond,
    p95Ms: load.p95Ms,
    reconnects: load.reconnects,
    moves: load.moves,
    lost: load.lost,
    storeUp: shared ? storeUp : null,
    scaler: { ...rest, target },
    decisions,
  }
}

async function send(url: URL, body: object): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(askWithinMs),
  })
  if (!response.ok) throw new Error(`${url.pathname}: ${response.status} ${(await response.text()).slice(0, 200)}`)
}
