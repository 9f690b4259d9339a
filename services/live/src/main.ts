/** Entry point of the live page's server in the lab on Compose. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { LiveSnapshot } from '@lab/contract/embedded-api.ts'
import { livePaths, paths, ports, services } from '@lab/contract/endpoints.ts'
import { loadControl } from '@lab/contract/load-control.ts'
import { replicaLabel } from '@lab/contract/metrics.ts'
import { prometheusAt } from '@lab/host/prometheus.ts'
import { byReplica, readReplicas, recently } from '@lab/host/readings.ts'
import { decisionLogPath, defaultStateFolder, ofService, readLastRecord } from '@lab/scaler/decision-log.ts'
import { createApi, servePage, tooLong } from './api.ts'
import { type ComposeReading, changesBetween, composeSnapshot, currentRecord, decisionOf, withStarts } from './compose-lab.ts'
import { ContainerMetrics } from './containers.ts'
import { K6Runs, loadPoll } from './k6-runs.ts'
import { type Load, startLoad } from './load.ts'
import { noLoad } from './load-messages.ts'
import { readFaults, readRollouts, rolloutMetrics } from './rollouts.ts'

const {
  LIVE_ENTRY = '',
  LIVE_LOAD = '',
  LIVE_PROMETHEUS = '',
  LIVE_ROLLOUTS = '',
  LIVE_FAULTS = '',
  SCALER_STATE = defaultStateFolder(),
  COMPOSE_PROJECT_NAME = '',
  DOCKER_HOST = '',
} = process.env
/**
 * Interval between two readings of the lab. The interval is shorter than Prometheus' scrape interval of 5 s, so that decisions are
 * displayed sooner. Milliseconds.
 */
const readEveryMs = 1_000
/** Maximum number of event lines on the page. */
const maxEvents = 50

const prometheus = prometheusAt(LIVE_PROMETHEUS)
const events: LiveSnapshot['events'] = []
const note = (text: string) => {
  // An event line that is identical to the previous one is omitted.
  if (events.at(-1)?.text === text) return
  events.push({ time: Date.now(), text })
  if (events.length > maxEvents) events.shift()
  console.log(text)
}

async function read(): Promise<ComposeReading> {
  const [{ replicas, storeUp }, cpuCores, residentBytes, eventLoop, builds, record, rollouts] = await Promise.all([
    readReplicas(prometheus),
    byReplica(prometheus, recently.cpuCoresByReplica),
    byReplica(prometheus, recently.residentBytesByReplica),
    byReplica(prometheus, recently.eventLoopUtilizationByReplica),
    prometheus.query(recently.versionByReplica),
    readLastRecord(decisionLogPath(SCALER_STATE), ofService(services.ws)),
    readRollouts(LIVE_ROLLOUTS).catch((error: Error) => {
      note(`the record of rollouts cannot be read: ${error.message}`)
      return last.rollouts
    }),
  ])
  return {
    atSeconds: Date.now() / 1000,
    replicas: withStarts(last.replicas, replicas),
    storeUp,
    cpuCores,
    residentBytes,
    eventLoop,
    versions: new Map(
      builds.map(({ labels }) => [labels[replicaLabel] ?? '', { version: labels.version ?? '', colour: labels.colour ?? '' }]),
    ),
    record,
    rollouts,
  }
}

const none = new Map<string, number>()
let last: ComposeReading = {
  atSeconds: 0,
  replicas: [],
  storeUp: null,
  record: undefined,
  cpuCores: none,
  residentBytes: none,
  eventLoop: none,
  versions: new Map(),
  rollouts: undefined,
}
/** The load driver, a separate process that starts when the live page first sets the load. */
let load: Load | undefined
const k6Runs = new K6Runs()
const app = createApi(
  {
    snapshot: () => composeSnapshot(last, { load: load?.report() ?? noLoad, k6: k6Runs.report(Date.now()) }, events),
    decisions: () => [currentRecord(last)].flatMap((record) => record ?? []).map(decisionOf),
    stateFolder: SCALER_STATE,
    orders: {
      load: ({ sockets }) => {
        note(`load: ${sockets} sockets`)
        load ??= startLoad(`${LIVE_LOAD}${paths.ws}`, note, () => {})
        load.want(sockets)
      },
      k6Load: ({ sockets }) => {
        note(`load of k6: ${sockets} sockets`)
        k6Runs.want(sockets, Date.now())
      },
    },
  },
  LIVE_ENTRY,
  note,
  // From the host, the server is reachable only through Traefik, which checks the Host and Origin headers.
  null,
)
let faults: Awaited<ReturnType<typeof readFaults>> = []
const metrics = rolloutMetrics(
  () => last.rollouts,
  () => faults,
)
app.get(paths.metrics, async (c) => c.body(await metrics.metrics(), 200, { 'content-type': metrics.contentType }))
const containers = new ContainerMetrics({
  host: DOCKER_HOST,
  project: COMPOSE_PROJECT_NAME,
  say: (line) => console.log(line),
  nowMs: () => performance.now(),
})
app.get(livePaths.containers, async (c) => c.body(await containers.text(), 200, { 'content-type': containers.contentType }))
app.post(loadControl.path, tooLong, async (c) => {
  const poll = loadPoll.safeParse(await c.req.json().catch(() => undefined))
  return poll.success ? c.json(k6Runs.poll(poll.data, Date.now())) : c.json({ error: 'body: not a poll of a k6 run' }, 400)
})
const page = await servePage(app, ports.live, '0.0.0.0')

const stop = new AbortController()
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort())
while (!stop.signal.aborted) {
  faults = await readFaults(LIVE_FAULTS).catch((error: Error) => {
    note(`the record of faults cannot be read: ${error.message}`)
    return faults
  })
  const next = await read().catch((error: Error) => note(error.message))
  if (next) {
    for (const line of changesBetween(last, next)) note(line)
    last = next
  }
  await sleep(readEveryMs, undefined, { signal: stop.signal }).catch(() => undefined)
}
page.close()
await load?.end()
