/** Tests the control loop with real sockets and the real clock while Docker or Prometheus accepts connections but never responds. */
import type { RequestListener } from 'node:http'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { afterAll, describe, expect, test } from 'vitest'
import { defaultControllerOptions } from '../core/types.ts'
import { hpaFixture, podsMetric } from '../fakes/hpa-fixture.ts'
import { initialState, type LoopPorts, runLoop } from '../loop.ts'
import type { MetricMap } from '../metric-map.ts'
import type { TickRecord } from '../record.ts'
import { composeActuator, replicaTarget } from './compose.ts'
import { prometheusSource } from './prometheus.ts'
import { systemClock } from './system-clock.ts'

const hpa = hpaFixture({ metrics: [podsMetric('sockets', 100)] })
const noMemory = () => Promise.reject(new Error('not asked for'))
const map: MetricMap = {
  services: {},
  draining: 'draining',
  recorded: { replicas: 'replicas', ready: 'ready', started: 'started' },
  resource: [],
  pods: [{ name: 'sockets', query: 'sockets' }],
  docker: ['memory'],
  object: [],
  external: [],
}
/** With a time scale of 15, a sync period lasts one second. */
const timeScale = 15
const callWithinSeconds = 5
/** Additional time that the tests allow, because other tests may slow down the machine. */
const slackSeconds = 4

const closers: (() => void)[] = []
afterAll(() => {
  for (const close of closers) close()
})

interface Listener {
  readonly port: number
  /** Makes the listener respond to requests on new connections. Connections opened before heal() was called still receive no response. */
  heal(): void
}

/** Starts a TCP listener that accepts connections but does not respond until heal() is called. */
async function silent(handler: RequestListener): Promise<Listener> {
  const http = createHttpServer({ keepAlive: false }, handler)
  const sockets: Socket[] = []
  let healed = false
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => undefined)
    if (healed) http.emit('connection', socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return {
    port: (server.address() as AddressInfo).port,
    heal: () => {
      healed = true
    },
  }
}

const docker: RequestListener = (request, response) => {
  const labels = { 'com.docker.compose.service': 'ws', 'com.docker.compose.container-number': '1' }
  const inspected = { Id: 'a', Config: { Labels: labels }, State: { Status: 'running', StartedAt: '2026-01-01T00:00:00Z' } }
  response.end(JSON.stringify(request.url?.startsWith('/containers/json') ? [{ Id: 'a', Labels: labels }] : inspected))
}
const prometheus: RequestListener = (request, response) => {
  const query = new URL(request.url ?? '', 'http://x').searchParams.get('query')
  const result = query === 'sockets' ? [{ metric: { replica: 'ws-1' }, value: [1, '100'] }] : []
  response.end(JSON.stringify({ status: 'success', data: { resultType: 'vector', result } }))
}

interface Ran {
  readonly records: readonly TickRecord[]
  readonly said: readonly string[]
  /** Times between successive records in the decision log. */
  readonly gapsSeconds: readonly number[]
  /** Time from the stop signal to the end of the control loop. */
  readonly stoppedAfterSeconds: number
}

/** Runs the control loop until its records meet the given condition. */
async function run(ports: { docker: Listener; prometheus: Listener }, isEnough: (records: readonly TickRecord[]) => boolean): Promise<Ran> {
  const records: TickRecord[] = []
  const said: string[] = []
  const gapsSeconds: number[] = []
  const stop = new AbortController()
  let before = performance.now()
  let stoppedAt = 0
  const loop: LoopPorts = {
    clock: systemClock,
    specification: async () => ({ hpa }),
    metrics: prometheusSource(`http://127.0.0.1:${ports.prometheus.port}`, map, 'ws', noMemory),
    target: replicaTarget(
      composeActuator({ project: 'p', service: 'ws', files: [], folder: '.', host: `tcp://127.0.0.1:${ports.docker.port}` }),
    ),
    isPaused: async () => false,
    write: async (record) => {
      records.push(record)
      gapsSeconds.push((performance.now() - before) / 1000)
      before = performance.now()
      if (!isEnough(records)) return
      // The control loop is stopped while its next sync is running.
      setTimeout(() => {
        stoppedAt = performance.now()
        stop.abort()
      }, 1500)
    },
    say: (line) => said.push(line),
  }
  const settings = { hpa, controller: defaultControllerOptions, timeScale, dryRun: false }
  await runLoop(settings, loop, initialState, stop.signal)
  return { records, said, gapsSeconds, stoppedAfterSeconds: (performance.now() - stoppedAt) / 1000 }
}

const active = ({ decision }: TickRecord) => decision.conditions.find(({ type }) => type === 'ScalingActive')?.status

describe.concurrent('the loop', () => {
  test('times out after 5 s without an answer of Docker, backs off, reports it, and recovers', async ({ expect: expects }) => {
    const [engine, metrics] = [await silent(docker), await silent(prometheus)]
    metrics.heal()
    const { records, said, gapsSeconds, stoppedAfterSeconds } = await run({ docker: engine, prometheus: metrics }, (written) => {
      if (written.length === 2) engine.heal()
      return written.length === 3
    })
    expects(records.slice(0, 3).map(({ decision }) => decision.path)).toEqual(['ScaleUnreadable', 'ScaleUnreadable', 'Metrics'])
    expects(records[0]?.observation.scale).toEqual({ error: expect.stringContaining('not within 5 s') })
    for (const gap of gapsSeconds.slice(0, 2)) expects(gap).toBeGreaterThan(callWithinSeconds - 0.5)
    for (const gap of gapsSeconds.slice(0, 3)) expects(gap).toBeLessThan(callWithinSeconds + 2 + slackSeconds)
    expects(said).toContainEqual('the replicas could not be read or changed 2 times in a row: next try in 2 s')
    expects(said.join('\n')).toMatch(/FailedGetScale: .*Docker at tcp:.* does not answer: not within 5 s/)
    expects(stoppedAfterSeconds).toBeLessThan(slackSeconds)
  }, 60_000)

  test('times out after 5 s without an answer of Prometheus, holds the count, reports it, and recovers', async ({ expect: expects }) => {
    const [engine, metrics] = [await silent(docker), await silent(prometheus)]
    engine.heal()
    const { records, said, gapsSeconds } = await run({ docker: engine, prometheus: metrics }, (written) => {
      if (written.length === 2) metrics.heal()
      return written.length === 3
    })
    expects(records.slice(0, 3).map(active)).toEqual(['False', 'False', 'True'])
    expects(records.slice(0, 2).map(({ decision }) => [decision.currentReplicas, decision.scaleTo])).toEqual([
      [1, null],
      [1, null],
    ])
    for (const gap of gapsSeconds.slice(0, 3)) expects(gap).toBeLessThan(callWithinSeconds + 1 + slackSeconds)
    expects(said.join('\n')).toMatch(/FailedGetPodsMetric: .*Prometheus at http:.* does not answer: not within 5 s/)
  }, 60_000)

  test('ends immediately on the stop signal while neither answers', async ({ expect: expects }) => {
    const [engine, metrics] = [await silent(docker), await silent(prometheus)]
    const { records, stoppedAfterSeconds } = await run({ docker: engine, prometheus: metrics }, (written) => written.length === 1)
    expects(records).toHaveLength(1)
    expects(stoppedAfterSeconds).toBeLessThan(slackSeconds)
  }, 60_000)
})
