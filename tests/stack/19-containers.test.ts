/** Compares the metrics about containers with `docker stats` on the real Docker Engine. */
import { composeServiceLabel, containerMetrics } from '@lab/contract/container-metrics.ts'
import { jobs, livePaths, services } from '@lab/contract/endpoints.ts'
import { docker, tryDocker } from '@lab/host/docker.ts'
import { until } from '@lab/host/until.ts'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { bytesOf, statsOf } from './lib/figures.ts'
import { query } from './lib/prometheus.ts'
import { containers, url } from './lib/stack.ts'

const stack = inject('stack')
/** A container of the lab with a constant CPU usage, a constant amount of memory, and network traffic that has ended. */
const busy = `${stack.project}-busy-run-1`
const quota = 0.2

/** Receives about 2 MB from Prometheus, says so, and then keeps the processor busy. */
const script = `
const full = Buffer.alloc(60e6, 1)
let received = 0
const next = async () => {
  while (received < 2e6) received += (await (await fetch('http://${services.prometheus}:9090/metrics')).arrayBuffer()).byteLength
  console.log('received')
  setTimeout(() => { for (;;) full[0]++ }, 100)
}
next()
`

beforeAll(async () => {
  const [replica] = await containers(stack, services.ws)
  const labels = { project: stack.project, service: 'busy', oneoff: 'True', 'container-number': '1' }
  const given = Object.entries(labels).flatMap(([key, value]) => ['--label', `com.docker.compose.${key}=${value}`])
  const limits = ['--cpus', String(quota), '--memory', '256m', '--network', `${stack.project}_lab`]
  await docker(['run', '--detach', '--name', busy, ...given, ...limits, replica?.Image ?? '', 'node', '-e', script])
  await until('the container has received its data', async () => (await docker(['logs', busy])).includes('received'), { withinMs: 60_000 })
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

test('every container of the lab has the memory that docker stats shows, and containers of other projects are absent', async () => {
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

test('CPU and network of a container are those of docker stats', async () => {
  const before = await exported()
  const seconds = 8
  // Without --no-stream, docker stats prints the usage of each second until it is stopped.
  const { stdout } = await tryDocker(['stats', '--format', '{{.CPUPerc}} {{.NetIO}} end', busy], { withinSeconds: seconds })
  const after = await until(
    'a new reading',
    async () => {
      const values = await exported()
      const [from, to] = [before, values].map((all) => all(containerMetrics.lastSeen).get(busy) ?? Number.NaN)
      return (to ?? 0) - (from ?? 0) >= 5 && values
    },
    { withinMs: 30_000 },
  )
  const shown = [...stdout.matchAll(/([\d.]+)% ([\d.]+\w+) \/ ([\d.]+\w+) end/g)]
  // The first line has no earlier sample to be compared with.
  const percentages = shown.map(([, percent]) => Number(percent)).filter((percent) => percent > 0)
  expect(percentages.length).toBeGreaterThan(2)
  const mean = percentages.reduce((sum, percent) => sum + percent, 0) / percentages.length / 100
  const change = (metric: { name: string }) => (after(metric).get(busy) ?? Number.NaN) - (before(metric).get(busy) ?? Number.NaN)
  const cores = change(containerMetrics.cpuUsage) / change(containerMetrics.lastSeen)
  expect(isClose(cores, mean), `${cores} against ${mean} cores`).toBe(true)
  expect(isClose(cores, quota), `${cores} against a limit of ${quota} cores`).toBe(true)
  expect(change(containerMetrics.cpuThrottled)).toBeGreaterThan(0)
  const [, , received = '', sent = ''] = shown.at(-1) ?? []
  const counted = {
    received: after(containerMetrics.networkReceived).get(busy),
    sent: after(containerMetrics.networkTransmitted).get(busy),
  }
  expect(bytesOf(received)).toBeGreaterThan(2e6)
  expect(isClose(counted.received ?? 0, bytesOf(received)), `${counted.received} against ${received}`).toBe(true)
  expect(isClose(counted.sent ?? 0, bytesOf(sent)), `${counted.sent} against ${sent}`).toBe(true)
})

test('Prometheus has the series of stores, router, monitoring and replicas, and no error', async () => {
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
  const replicas = await query(stack, `count by (replica) (${containerMetrics.memoryWorkingSet.name}{${matchers}, replica=~"ws-.+"})`)
  expect(replicas.map(({ labels }) => labels.replica)).toContain('ws-1')
})
