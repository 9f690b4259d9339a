/**
 * Registers the metrics defined in the shared contract/ folder with prom-client. Message handling only increments plain numbers, which are
 * copied to prom-client at each scrape, so counting a message costs almost nothing.
 */
import { totalmem } from 'node:os'
import { performance } from 'node:perf_hooks'
import { type CloseCause, closeCodes } from '@lab/contract/close-codes.ts'
import {
  type ClientMessageType,
  clientMessageTypes,
  type ErrorCode,
  errorCodes,
  type ServerMessageType,
  serverMessageTypes,
} from '@lab/contract/messages.ts'
import {
  directions,
  type GoodbyeReason,
  goodbyeReasons,
  type MetricKey,
  type MetricSpec,
  metrics,
  type RefusalCause,
  type ReplicaState,
  type ResumeResult,
  type RoomMessageResult,
  refusalCauses,
  replicaStates,
  resumeResults,
  roomMessageResults,
} from '@lab/contract/metrics.ts'
import { Counter, collectDefaultMetrics, Gauge, type OpenMetricsContentType, Registry } from 'prom-client'
import { TalliedHistogram } from './tallied-histogram.ts'

/** Records the service's events as metrics. */
export interface Meter {
  opened(): void
  closed(cause: CloseCause, code: number, seconds: number): void
  refused(cause: RefusalCause): void
  received(type: ClientMessageType, bytes: number): void
  sent(type: ServerMessageType, bytes: number): void
  error(code: ErrorCode): void
  /** Records the time from a message's send time to the replica's response. */
  latency(seconds: number, traceId?: string): void
  /** Records the time from reading a frame to writing the response to the socket. */
  handling(seconds: number, traceId?: string): void
  pubsubLag(seconds: number, traceId?: string): void
  goodbye(reason: GoodbyeReason): void
  /** Records the outcome of a room message from a client. */
  roomMessage(result: RoomMessageResult): void
  /** Records the time from sending a room message to the store until the store's reply arrives. */
  storeRoundTrip(seconds: number): void
  resume(result: ResumeResult, replayed: number): void
  http(route: string, method: string, status: number): void
}

/** The gauges' values, which are read at each scrape. */
export interface Gauges {
  connections(): number
  connectionsLimit(): number
  state(): ReplicaState
  drain(): { socketsLeft: number; secondsLeft: number }
  rooms(): { rooms: number; members: number }
  sessionsHeld(): number
  roomLog(): { messages: number; bytes: number; waiting: number }
  /** The store's statistics; undefined if the replica has no store or the store has not reported any yet. */
  store(): { clients: number; memoryBytes: number; commands: number } | undefined
  dependencies(): Record<string, boolean>
}

export interface Metrics {
  registry: Registry
  meter: Meter
  /** Connects the gauges to the source of their values. */
  watch(gauges: Gauges): void
}

export interface MetricsOptions {
  version: string
  colour: string
  /** If false, messages are not recorded, so that the cost of recording them can be measured. */
  recordMessages: boolean
  /** If true, histograms include exemplars, which link observations to traces and require the OpenMetrics format. */
  exemplars?: boolean
}

/** Creates every metric that the shared contract/ folder defines. Counters start at zero for each known label value. */
export function createMetrics({ version, colour, recordMessages, exemplars = false }: MetricsOptions): Metrics {
  const registry = new Registry()
  if (exemplars) (registry as unknown as Registry<OpenMetricsContentType>).setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
  collectDefaultMetrics({ register: registry })
  const tally = createTally()
  let gauges: Gauges | undefined

  const counters = registerCounters(registry, tally)
  const latency = histogram(registry, 'messageLatency')
  const handling = histogram(registry, 'messageHandling')
  const duration = histogram(registry, 'connectionDuration')
  const pubsubLag = histogram(registry, 'pubsubLag')
  const storeRoundTrip = histogram(registry, 'storeRoundTrip')
  registerGauges(registry, () => gauges)
  counter(registry, 'storeCommands', (c) => c.inc(gauges?.store()?.commands ?? 0))
  // If the container has no memory limit, `process.constrainedMemory()` may return a value larger than the machine's memory.
  gauge(registry, 'memoryLimit').set(Math.min(process.constrainedMemory() || Infinity, totalmem()))
  gauge(registry, 'buildInfo').set({ version, colour, node: process.version }, 1)

  const meter: Meter = {
    opened: () => void tally.opened++,
    closed: (cause, code, seconds) => {
      counters.closed.inc({ code: String(code), cause })
      duration.observe(seconds)
    },
    refused: (cause) => counters.refused.inc({ cause }),
    received: (type, bytes) => {
      tally.received[type]++
      tally.receivedBytes += bytes
    },
    sent: (type, bytes) => {
      tally.sent[type]++
      tally.sentBytes += bytes
    },
    error: (code) => void tally.errors[code]++,
    latency: (seconds, traceId) => latency.observe(seconds, traceId),
    handling: (seconds, traceId) => handling.observe(seconds, traceId),
    pubsubLag: (seconds, traceId) => pubsubLag.observe(seconds, traceId),
    goodbye: (reason) => void tally.goodbyes[reason]++,
    roomMessage: (result) => void tally.roomMessages[result]++,
    storeRoundTrip: (seconds) => storeRoundTrip.observe(seconds),
    resume: (result, replayed) => {
      tally.resumes[result]++
      tally.replayed += replayed
    },
    http: (route, method, status) => counters.http.inc({ route, method, status: String(status) }),
  }
  if (!recordMessages) Object.assign(meter, { received: ignore, sent: ignore, latency: ignore, handling: ignore, pubsubLag: ignore })
  return {
    registry,
    meter,
    watch: (given) => {
      gauges = given
    },
  }
}

function ignore(): void {}

/** Counters stored as plain numbers, which are incremented for each message. */
function createTally() {
  return {
    opened: 0,
    received: zeros(clientMessageTypes),
    receivedBytes: 0,
    sent: zeros(serverMessageTypes),
    sentBytes: 0,
    errors: zeros(Object.keys(errorCodes) as ErrorCode[]),
    goodbyes: zeros(goodbyeReasons),
    roomMessages: zeros(roomMessageResults),
    resumes: zeros(resumeResults),
    replayed: 0,
  }
}
type Tally = ReturnType<typeof createTally>

function zeros<K extends string>(keys: readonly K[]): Record<K, number> {
  return Object.fromEntries(keys.map((key) => [key, 0])) as Record<K, number>
}

const total = (counts: Record<string, number>) => Object.values(counts).reduce((sum, count) => sum + count, 0)

function registerCounters(registry: Registry, tally: Tally) {
  const scalar = (key: MetricKey, read: () => number) => counter(registry, key, (c) => c.inc(read()))
  const labelled = (key: MetricKey, label: string, counts: () => Record<string, number>) =>
    counter(registry, key, (c) => {
      for (const [value, count] of Object.entries(counts())) c.inc({ [label]: value }, count)
    })

  scalar('connectionsOpened', () => tally.opened)
  scalar('bytesReceived', () => tally.receivedBytes)
  scalar('bytesSent', () => tally.sentBytes)
  scalar('messagesReplayed', () => tally.replayed)
  labelled('messagesReceived', 'type', () => tally.received)
  labelled('messagesSent', 'type', () => tally.sent)
  labelled('errors', 'cause', () => tally.errors)
  labelled('sessionsResumed', 'result', () => tally.resumes)
  labelled('goodbyes', 'reason', () => tally.goodbyes)
  labelled('roomMessages', 'result', () => tally.roomMessages)
  const [received, sent] = directions
  labelled('messages', 'direction', () => ({ [received]: total(tally.received), [sent]: total(tally.sent) }))

  const closed = counter(registry, 'connectionsClosed')
  for (const [cause, { code }] of Object.entries(closeCodes)) closed.inc({ code: String(code), cause }, 0)
  const refused = counter(registry, 'connectionsRefused')
  for (const cause of refusalCauses) refused.inc({ cause }, 0)
  return { closed, refused, http: counter(registry, 'httpRequests') }
}

function registerGauges(registry: Registry, source: () => Gauges | undefined): void {
  const scalar = (key: MetricKey, read: (gauges: Gauges) => number) =>
    gauge(registry, key, (g) => {
      const gauges = source()
      if (gauges) g.set(read(gauges))
    })
  scalar('connectionsActive', (g) => g.connections())
  scalar('connectionsTotal', (g) => g.connections())
  scalar('connectionsLimit', (g) => g.connectionsLimit())
  scalar('drainSocketsLeft', (g) => g.drain().socketsLeft)
  scalar('drainSecondsLeft', (g) => g.drain().secondsLeft)
  scalar('rooms', (g) => g.rooms().rooms)
  scalar('roomMembers', (g) => g.rooms().members)
  scalar('sessionsHeld', (g) => g.sessionsHeld())
  scalar('roomLogMessages', (g) => g.roomLog().messages)
  scalar('roomLogBytes', (g) => g.roomLog().bytes)
  scalar('roomOutbox', (g) => g.roomLog().waiting)
  scalar('storeClients', (g) => g.store()?.clients ?? 0)
  scalar('storeMemory', (g) => g.store()?.memoryBytes ?? 0)
  gauge(registry, 'replicaState', (g) => {
    const current = source()?.state() ?? 'starting'
    for (const state of replicaStates) g.set({ state }, state === current ? 1 : 0)
  })
  gauge(registry, 'dependencyUp', (g) => {
    for (const [dependency, up] of Object.entries(source()?.dependencies() ?? {})) g.set({ dependency }, up ? 1 : 0)
  })
  let before = performance.eventLoopUtilization()
  gauge(registry, 'eventLoopUtilization', (g) => {
    const now = performance.eventLoopUtilization()
    g.set(performance.eventLoopUtilization(now, before).utilization)
    before = now
  })
}

/** @param refill called at each scrape after the counter has been reset to zero; the values that it sets must never decrease */
function counter(registry: Registry, key: MetricKey, refill?: (counter: Counter) => void): Counter {
  return new Counter({
    ...base(registry, key),
    ...(refill && {
      collect() {
        this.reset()
        refill(this)
      },
    }),
  })
}

function gauge(registry: Registry, key: MetricKey, read?: (gauge: Gauge) => void): Gauge {
  return new Gauge({
    ...base(registry, key),
    ...(read && {
      collect() {
        read(this)
      },
    }),
  })
}

function histogram(registry: Registry, key: MetricKey): TalliedHistogram {
  const { name, help, buckets } = metrics[key] as MetricSpec
  return new TalliedHistogram({ name, help, buckets: buckets ?? [] }, registry)
}

function base(registry: Registry, key: MetricKey) {
  const { name, help, labels } = metrics[key] as MetricSpec
  return { name, help, labelNames: [...labels], registers: [registry] }
}
