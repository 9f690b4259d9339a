/** How the lab is, as the page shows it twice a second. Pure. */
import { paths } from '@lab/contract/endpoints.ts'
import type { HorizontalPodAutoscaler } from '../../scaler/src/core/types.ts'
import type { TickRecord } from '../../scaler/src/record.ts'
import type { LoadReport } from './load-messages.ts'
import type { ReplicaProcess } from './replicas.ts'
import { decisionWords } from './words.ts'

export interface Snapshot {
  mode: 'embedded'
  /** Whether replicas share rooms and sessions through Valkey. */
  shared: boolean
  /** Whether every replica that is heard of reaches it. */
  storeUp: boolean
  timeScale: number
  replicas: {
    id: string
    state: 'starting' | 'ready' | 'draining' | 'silent'
    connections: number
    connectionsLimit: number
    cpuPercent: number | null
    memoryMiB: number
    messagesPerSecond: number | null
    eventLoopPercent: number
    drainLeft: number
    /** Unix seconds; zero while it starts. */
    startedAtSeconds: number
    /** Where its metrics are, in the text format of Prometheus; null while it starts. */
    metricsUrl: string | null
  }[]
  scaler: {
    current: number | null
    desired: number | null
    min: number
    max: number
    paused: boolean
    /** Average of connections that a replica shall have. */
    targetConnections: number | null
    words: string
    /** Whether the last decision had nothing to go by. */
    blind: boolean
    decidedAt: string | null
  }
  /** What needs a shared store to be known is null without one. */
  load: Omit<LoadReport, 'moves' | 'lost'> & { moves: number | null; lost: number | null }
  openThroughRouter: number
  events: { time: number; text: string }[]
}

export function snapshotOf(lab: {
  replicas: readonly ReplicaProcess[]
  /** Names of those that are not ready yet. */
  starting: readonly string[]
  record: TickRecord | null
  hpa: HorizontalPodAutoscaler
  paused: boolean
  timeScale: number
  load: LoadReport
  openThroughRouter: number
  events: { time: number; text: string }[]
  shared: boolean
}): Snapshot {
  const { record, hpa } = lab
  return {
    mode: 'embedded',
    shared: lab.shared,
    storeUp: lab.replicas.every(({ readings }) => readings.last?.storeUp ?? true),
    timeScale: lab.timeScale,
    replicas: [...lab.replicas.map(cardOf), ...lab.starting.map(emptyCard)],
    scaler: {
      current: lab.replicas.filter(({ leaving }) => !leaving).length,
      desired: record?.decision.desiredReplicas ?? null,
      min: hpa.minReplicas,
      max: hpa.maxReplicas,
      paused: lab.paused,
      targetConnections: targetOf(hpa),
      blind: record !== null && record.decision.winner === null && record.decision.metrics.some(({ failure }) => failure !== null),
      words: record === null ? 'Waiting for the first decision.' : decisionWords(record),
      decidedAt: record?.time ?? null,
    },
    load: lab.shared ? lab.load : { ...lab.load, moves: null, lost: null },
    openThroughRouter: lab.openThroughRouter,
    events: lab.events,
  }
}

type Card = Snapshot['replicas'][number]

function emptyCard(id: string): Card {
  const nothing = { connections: 0, connectionsLimit: 0, memoryMiB: 0, eventLoopPercent: 0, drainLeft: 0, startedAtSeconds: 0 }
  return { id, state: 'starting', cpuPercent: null, messagesPerSecond: null, metricsUrl: null, ...nothing }
}

function cardOf({ id, ready, leaving, readings, startedAtSeconds, internalPort }: ReplicaProcess): Card {
  const { last } = readings
  const cpu = readings.rate('cpuSeconds', 10)
  const received = readings.rate('received', 5)
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
    metricsUrl: `http://127.0.0.1:${internalPort}${paths.metrics}`,
  }
}

function targetOf(hpa: HorizontalPodAutoscaler): number | null {
  for (const metric of hpa.metrics) {
    if (metric.type !== 'Pods' || metric.metric.name !== 'websocket_connections_active') continue
    return metric.target.averageValueMilli === undefined ? null : metric.target.averageValueMilli / 1000
  }
  return null
}
