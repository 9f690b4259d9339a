/** A Docker and a Prometheus that accept a connection and never say a word: the loop on real sockets and the real clock. */
import type { RequestListener } from 'node:http'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { afterAll, describe, expect, test } from 'vitest'
import { defaultControllerOptions, type HorizontalPodAutoscaler } from '../core/types.ts'
import { initialState, type LoopPorts, runLoop } from '../loop.ts'
import type { MetricMap } from '../metric-map.ts'
import type { TickRecord } from '../record.ts'
import { composeTarget } from './compose.ts'
import { prometheusSource } from './prometheus.ts'
import { systemClock } from './system-clock.ts'

const hpa: HorizontalPodAutoscaler = {
  name: 'ws',
  namespace: 'default',
  scaleTargetRef: { kind: 'Deployment', name: 'ws' },
  minReplicas: 1,
  maxReplicas: 10,
  metrics: [{ type: 'Pods', metric: { name: 'sockets' }, target: { type: 'AverageValue', averageValueMilli: 100_000 } }],
}
const noMemory = () => Promise.reject(new Error('not asked for'))
const map: MetricMap = {
  draining: 'draining',
  recorded: { replicas: 'replicas', ready: 'ready', started: 'started' },
  resource: [],
  pods: [{ name: 'sockets', query: 'sockets' }],
  docker: ['memory'],
  object: [],
  external: [],
}
/** One sync period is a second. */
const timeScale = 15
const callWithinSeconds = 5
/** For a machine that is busy with other tests. */
const slackSeconds = 4

const closers: (() => void)[] = []
afterAll(() => {
  for (const close of closers) close()
})

interface Listener {
  readonly port: number
  /** From now on new connections are answered; those that hang go on hanging. */
  heal(): void
}

/** A TCP listener that accepts and is silent, until it is healed. */
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
  /** From one record to the next. */
  readonly gapsSeconds: readonly number[]
  /** From the wish to stop to the end. */
  readonly stoppedAfterSeconds: number
}

/** Runs the loop until a record says that it is enough. */
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
    target: composeTarget({ project: 'p', service: 'ws', files: [], folder: '.', host: `tcp://127.0.0.1:${ports.docker.port}` }),
    isPaused: async () => false,
    write: async (record) => {
      records.push(record)
      gapsSeconds.push((performance.now() - before) / 1000)
      before = performance.now()
      if (!isEnough(records)) return
      // In the middle of the next synchronisation.
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
  test('gives a silent Docker up after 5 s, asks less often, says so, and goes on when it answers again', async ({ expect: expects }) => {
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
    expects(said).toContainEqual('Docker failed 2 times in a row: next try in 2 s')
    expects(said.join('\n')).toMatch(/FailedGetScale: .*Docker at tcp:.* does not answer: not within 5 s/)
    expects(stoppedAfterSeconds).toBeLessThan(slackSeconds)
  }, 60_000)

  test('gives a silent Prometheus up after 5 s, holds the count, says so, and goes on when it answers again', async ({
    expect: expects,
  }) => {
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

  test('ends at once when it is asked to while both are silent', async ({ expect: expects }) => {
    const [engine, metrics] = [await silent(docker), await silent(prometheus)]
    const { records, stoppedAfterSeconds } = await run({ docker: engine, prometheus: metrics }, (written) => written.length === 1)
    expects(records).toHaveLength(1)
    expects(stoppedAfterSeconds).toBeLessThan(slackSeconds)
  }, 60_000)
})
