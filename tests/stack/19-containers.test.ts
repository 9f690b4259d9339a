/** Compares the metrics about containers with `docker stats` on the real Docker Engine. */
import { composeServiceLabel, containerMetrics } from '@lab/contract/container-metrics.ts'
import { jobs, livePaths, services } from '@lab/contract/endpoints.ts'
import { docker, tryDocker } from '@lab/host/docker.ts'
import { replicaName } from '@lab/host/replicas.ts'
import { until } from '@lab/host/until.ts'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { addFigure } from '../lib/figures.ts'
import { bytesOf, statsOf } from './lib/idle-memory.ts'
import { query } from './lib/prometheus.ts'
import { containers, url } from './lib/stack.ts'

const stack = inject('stack')
/** A container of the lab with a constant CPU usage, a constant amount of memory, and network traffic that has ended. */
const busy = `${stack.project}-busy-run-1`
/** The CPU usage of the container, in cores. Even a busy machine has this much to spare, so that the usage is constant. */
const quota = '0.05'

/** Receives about 2 MB from Prometheus, says so, and then keeps the processor busy. */
const script = `
const full = Buffer.alloc(60e6, 1)
let received = 0
const next = async () => {
  while (received < 2e6) received += (await (await fetch('http://${services.prometheus}:9090/metrics', { headers: { 'accept-encoding': 'identity' } })).arrayBuffer()).byteLength
  console.log('received')
  setTimeout(() => { for (;;) full[0]++ }, 100)
}
next()
`

beforeAll(async () => {
  const [replica] = await containers(stack, services.ws)
  const labels = { project: stack.project, service: 'busy', oneoff: 'True', 'container-number': '1' }
  const given = Object.entries(labels).flatMap(([key, value]) => ['--label', `com.docker.compose.${key}=${value}`])
  const limits = ['--cpus', '1', '--memory', '256m', '--network', `${stack.project}_lab`]
  await docker(['run', '--detach', '--name', busy, ...given, ...limits, replica?.Image ?? '', 'node', '-e', script])
  await until('the container has received its data', async () => (await docker(['logs', busy])).includes('received'), { withinMs: 60_000 })
  await docker(['update', '--cpus', quota, busy])
})

afterAll(async () => {
  await docker(['rm', '--force', busy])
})

/** Returns the values of a metric by container, summed over interfaces, as the live page's server exports them now. */
async function exported(): Promise<(metric: { name: string }) => Map<string, number>> {
  const text = await (await fetch(url(stack, 'LIVE_PORT', livePaths.containers))).text()
  return ({ name }) => {
    const values = new Map<string, number>()
    for (const [, container = '', value] of text.matchAll(new RegExp(`^${name}\\{name="([^"]+)".*\\} (\\S+)$`, 'gm')))
      values.set(container, (values.get(container) ?? 0) + Number(value))
    return values
  }
}

/** Whether two values differ by at most 5 per cent, or by the precision with which `docker stats` prints small values. */
const isClose = (a: number, b: number, precision = 0) => Math.abs(a - b) <= Math.max(0.05 * b, precision)

test('every container of the lab has the memory that docker stats shows, and containers of other projects are absent', {
  timeout: 90_000,
}, async () => {
  await until(
    'the memory of every container is within 5 %',
    async () => {
      const running = (await containers(stack)).map(({ Name }) => Name.replace('/', '')).concat(busy)
      const [values, shown] = await Promise.all([exported(), statsOf(running)])
      const memory = values(containerMetrics.memoryWorkingSet)
      expect([...memory.keys()].sort()).toEqual(running.sort())
      for (const { Name, MemUsage } of shown) {
        const [stated, ours] = [bytesOf(MemUsage), memory.get(Name) ?? Number.NaN]
        expect(isClose(ours, stated, 2 ** 19), `${Name}: ${ours} against ${stated} bytes`).toBe(true)
      }
      return true
    },
    { withinMs: 60_000, everyMs: 5_000 },
  )
})

/** Returns the CPU usage in cores and the network traffic in bytes, as exported and as `docker stats` shows them at the same time. */
async function measured() {
  const before = await exported()
  // Without --no-stream, docker stats prints the usage of each second until it is stopped.
  const args = ['stats', '--format', '{{.CPUPerc}} {{.NetIO}} end', busy]
  const { stdout } = await tryDocker(args, { withinSeconds: 10 })
  const after = await exported()
  const lines = [...stdout.matchAll(/([\d.]+)% ([\d.]+\w+) \/ ([\d.]+\w+) end/g)]
  // The first line has no earlier sample to be compared with.
  const percentages = lines.map(([, percent]) => Number(percent)).filter((percent) => percent > 0)
  const [, , received = '', sent = ''] = lines.at(-1) ?? []
  const value = (values: typeof after, metric: { name: string }) => values(metric).get(busy) ?? Number.NaN
  const change = (metric: { name: string }) => value(after, metric) - value(before, metric)
  return {
    cores: change(containerMetrics.cpuUsage) / change(containerMetrics.lastSeen),
    shownCores: percentages.reduce((sum, percent) => sum + percent, 0) / percentages.length / 100,
    throttledSeconds: change(containerMetrics.cpuThrottled),
    traffic: [value(after, containerMetrics.networkReceived), value(after, containerMetrics.networkTransmitted)] as const,
    shownTraffic: [bytesOf(received), bytesOf(sent)] as const,
  }
}

test('CPU and network of a container are those of docker stats', { timeout: 120_000 }, async () => {
  const { throttledSeconds, ...last } = await until(
    'CPU and network are within 5 %',
    async () => {
      const now = await measured()
      const { cores, shownCores, traffic, shownTraffic } = now
      expect(isClose(cores, shownCores), `${cores} against ${shownCores} cores`).toBe(true)
      for (const [i, bytes] of traffic.entries())
        expect(isClose(bytes, shownTraffic[i] ?? 0), `${bytes} against ${shownTraffic[i]} bytes`).toBe(true)
      return now
    },
    { withinMs: 60_000 },
  )
  addFigure('containerMetrics', last)
  expect(last.shownTraffic[0]).toBeGreaterThan(2e6)
  expect(throttledSeconds).toBeGreaterThan(0)
})

test('Prometheus has the series of stores, router, monitoring and replicas, and no error', { timeout: 150_000 }, async () => {
  const matchers = `job="${jobs.cadvisor}"`
  const wanted = [
    services.valkey,
    services.traefik,
    services.prometheus,
    services.alertmanager,
    services.live,
    services.socketProxy,
    services.ws,
  ]
  await until(
    'Prometheus has scraped the containers',
    async () => {
      const found = await query(stack, `count by (${composeServiceLabel}) (${containerMetrics.cpuUsage.name}{${matchers}})`)
      const names = new Set(found.map(({ labels }) => labels[composeServiceLabel]))
      return wanted.every((service) => names.has(service))
    },
    { withinMs: 60_000 },
  )
  expect((await query(stack, `max(${containerMetrics.scrapeError.name}{${matchers}})`))[0]?.value).toBe(0)
  const running = (await containers(stack, services.ws)).map(({ Config }) => replicaName(Config.Labels))
  const named = async () => {
    const found = await query(stack, `count by (replica) (${containerMetrics.memoryWorkingSet.name}{${matchers}, replica=~"ws-.+"})`)
    return running.every((name) => found.some(({ labels }) => labels.replica === name))
  }
  await until('the series of the replicas have their names', named, { withinMs: 60_000 })
})
