/** Builds the snapshot of the lab's state that the live page shows, twice a second. Pure. */
import type { EmbeddedSnapshot } from '@lab/contract/embedded-api.ts'
import { paths } from '@lab/contract/endpoints.ts'
import type { LoadReport } from '@lab/live/load-messages.ts'
import { scalerPart } from '@lab/live/scaler-part.ts'
import type { HorizontalPodAutoscaler } from '@lab/scaler/core/types.ts'
import type { TickRecord } from '@lab/scaler/record.ts'
import type { ReplicaProcess } from './replicas.ts'

export function snapshotOf(lab: {
  replicas: readonly ReplicaProcess[]
  /** Names of the replicas that are not ready yet. */
  starting: readonly string[]
  record: TickRecord | null
  hpa: HorizontalPodAutoscaler
  paused: boolean
  timeScale: number
  load: LoadReport
  openThroughRouter: number
  events: { time: number; text: string }[]
  /** The current rollout in one sentence; null if there is none. */
  rollout: string | null
  /** Address of the store that the replicas share; null if they share none. */
  storeUrl: string | null
}): EmbeddedSnapshot {
  return {
    mode: 'embedded',
    shared: lab.storeUrl !== null,
    storeUrl: lab.storeUrl,
    storeUp: lab.replicas.every(({ scrapes }) => scrapes.last?.storeUp ?? true),
    timeScale: lab.timeScale,
    replicas: [...lab.replicas.map(cardOf), ...lab.starting.map(emptyCard)].sort(byNumber),
    scaler: scalerPart(lab.record, { hpa: lab.hpa, paused: lab.paused, current: lab.replicas.filter(({ leaving }) => !leaving).length }),
    load: lab.storeUrl !== null ? lab.load : { ...lab.load, moves: null, lost: null },
    k6: null,
    openThroughRouter: lab.openThroughRouter,
    events: lab.events,
    rollout: lab.rollout,
  }
}

type Card = EmbeddedSnapshot['replicas'][number]

/** Sorts numerically: ws-9 comes before ws-10. */
const byNumber = (a: Card, b: Card) => a.id.localeCompare(b.id, 'en', { numeric: true })

function emptyCard(id: string): Card {
  const nothing = { connections: 0, connectionsLimit: 0, memoryMiB: 0, eventLoopPercent: 0, drainLeft: 0, startedAtSeconds: 0 }
  return { id, state: 'starting', cpuPercent: null, messagesPerSecond: null, metricsUrl: null, version: null, colour: null, ...nothing }
}

function cardOf({ id, ready, leaving, scrapes, startedAtSeconds, internalPort }: ReplicaProcess): Card {
  const { last } = scrapes
  const cpu = scrapes.rate('cpuSeconds', 10)
  const received = scrapes.rate('received', 5)
  return {
    id,
    state: leaving || last?.state === 'draining' ? 'draining' : ready ? 'ready' : 'silent',
    connections: last?.connections ?? 0,
    connectionsLimit: last?.connectionsLimit ?? 0,
    cpuPercent: cpu === undefined ? null : Math.round(cpu.perSecond * 100),
    memoryMiB: Math.round((last?.memoryBytes ?? 0) / 1024 / 1024),
    messagesPerSecond: received === undefined ? null : Math.round(received.perSecond),
    eventLoopPercent: Math.round((last?.eventLoopUtilization ?? 0) * 100),
    drainLeft: last?.drainLeft ?? 0,
    startedAtSeconds,
    version: last?.version ?? null,
    colour: last?.colour ?? null,
    metricsUrl: `http://127.0.0.1:${internalPort}${paths.metrics}`,
  }
}
