/** Tests the metrics about containers against a fake Docker API. tests/stack/19-containers.test.ts compares them with `docker stats`. */
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { composeServiceLabel, containerMetrics } from '@lab/contract/container-metrics.ts'
import { expect, onTestFinished, test } from 'vitest'
import { ContainerMetrics, labelsOf } from './containers.ts'

const listed = (Id: string, service: string, more: Record<string, string> = {}, name = `/lab-${service}-1`) => ({
  Id,
  Names: [name],
  Image: `image-of-${service}`,
  Labels: { 'com.docker.compose.service': service, 'com.docker.compose.container-number': '1', ...more },
})
const oneOff = { 'com.docker.compose.oneoff': 'True' }

const stats = {
  read: '2026-01-01T00:00:10.5Z',
  cpu_stats: { cpu_usage: { total_usage: 2_500_000_000 }, throttling_data: { throttled_time: 1_000_000_000 } },
  memory_stats: { usage: 100, limit: 500, stats: { inactive_file: 30 } },
  networks: { eth0: { rx_bytes: 1, tx_bytes: 2 }, eth1: { rx_bytes: 3, tx_bytes: 4 } },
  blkio_stats: {
    io_service_bytes_recursive: [
      { op: 'Read', value: 5 },
      { op: 'read', value: 6 },
      { op: 'Write', value: 7 },
      { op: 'Total', value: 18 },
    ],
  },
}

/** Starts a fake Docker API, and returns the metrics that read it, with the log lines and a clock. */
async function reading(answer: RequestListener) {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const lines: string[] = []
  const clock = { nowMs: 0 }
  const host = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`
  const metrics = new ContainerMetrics({ host, project: 'lab', say: (line) => lines.push(line), nowMs: () => clock.nowMs })
  const samples = async () => (await metrics.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return { samples, lines, clock }
}

const isList = (path = '') => path.startsWith('/containers/json')

test('exports the statistics of every container under the names of cAdvisor', async () => {
  const { samples, lines } = await reading(({ url }, response) => {
    response.end(JSON.stringify(isList(url) ? [listed('a', 'valkey')] : stats))
  })
  const labels = `name="lab-valkey-1",image="image-of-valkey",${composeServiceLabel}="valkey",replica="valkey-1"`
  const { readings, ...others } = containerMetrics
  const found = await samples()
  expect(found.filter((line) => !line.startsWith(readings.name))).toEqual([
    `${others.cpuUsage.name}{${labels}} 2.5`,
    `${others.cpuThrottled.name}{${labels}} 1`,
    `${others.memoryWorkingSet.name}{${labels}} 70`,
    `${others.memoryLimit.name}{${labels}} 500`,
    `${others.networkReceived.name}{${labels},interface="eth0"} 1`,
    `${others.networkReceived.name}{${labels},interface="eth1"} 3`,
    `${others.networkTransmitted.name}{${labels},interface="eth0"} 2`,
    `${others.networkTransmitted.name}{${labels},interface="eth1"} 4`,
    `${others.diskRead.name}{${labels}} 11`,
    `${others.diskWritten.name}{${labels}} 7`,
    `${others.lastSeen.name}{${labels}} ${Date.parse(stats.read) / 1000}`,
    `${others.scrapeError.name} 0`,
  ])
  expect(found).toContain(`${readings.name}{result="read"} 2`)
  expect(lines).toEqual([])
})

test('asks only for running containers, in one-shot mode, at most four at a time, and at most once in five seconds', async () => {
  const asked: string[] = []
  let open = 0
  let most = 0
  const { samples, clock } = await reading(({ url = '' }, response) => {
    asked.push(url)
    most = Math.max(most, ++open)
    // Docker needs a few milliseconds for each answer.
    setTimeout(() => {
      open--
      response.end(JSON.stringify(isList(url) ? Array.from({ length: 12 }, (_, i) => listed(`c${i}`, `s${i}`)) : stats))
    }, 10)
  })
  await Promise.all([samples(), samples()])
  clock.nowMs = 4_999
  await samples()
  expect(asked).toHaveLength(13)
  expect(asked[0]).toMatch(/^\/containers\/json\?all=false&/)
  expect(asked.slice(1).every((path) => /^\/containers\/c\d+\/stats\?stream=false&one-shot=true$/.test(path))).toBe(true)
  expect(most).toBeLessThanOrEqual(4)
  expect(most).toBeGreaterThan(1)
  clock.nowMs = 5_000
  await samples()
  expect(asked).toHaveLength(26)
})

test('a container that ends meanwhile, or whose statistics Docker refuses, is one line and a metric, and the others remain', async () => {
  const { samples, lines, clock } = await reading(({ url = '' }, response) => {
    if (isList(url)) response.end(JSON.stringify([listed('a', 'ws'), listed('b', 'gone'), listed('c', 'refused'), listed('d', 'exited')]))
    else if (url.startsWith('/containers/b')) response.writeHead(404).end()
    else if (url.startsWith('/containers/c')) response.writeHead(500).end('no such\ncgroup')
    else response.end(JSON.stringify(url.startsWith('/containers/d') ? { ...stats, memory_stats: {} } : stats))
  })
  const first = await samples()
  expect(first.filter((line) => line.startsWith(containerMetrics.cpuUsage.name))).toHaveLength(1)
  expect(first).toContain(`${containerMetrics.scrapeError.name} 1`)
  const counted = (result: string, value: number) => `${containerMetrics.readings.name}{result="${result}"} ${value}`
  expect(first).toEqual(expect.arrayContaining([counted('read', 2), counted('gone', 2), counted('failed', 1)]))
  expect(lines.sort()).toEqual([
    'lab-exited-1 ended while its statistics were read',
    'lab-gone-1 ended while its statistics were read',
    expect.stringMatching(
      /^the statistics of containers cannot be read: lab-refused-1: Docker at tcp:\S+ answers 500 to .*: no such cgroup$/,
    ),
  ])
  lines.length = 0
  clock.nowMs = 15_000
  expect(await samples()).toContain(counted('failed', 2))
  expect(lines.filter((line) => line.includes('cannot be read'))).toEqual([])
})

test('a Docker API that refuses is one line, until it answers again', async () => {
  let refuses = true
  const { samples, lines, clock } = await reading(({ url }, response) => {
    if (refuses) response.writeHead(403).end('socket-proxy refuses this request')
    else response.end(JSON.stringify(isList(url) ? [listed('a', 'ws')] : stats))
  })
  for (clock.nowMs = 0; clock.nowMs <= 30_000; clock.nowMs += 15_000) {
    const found = await samples()
    expect(found).toContain(`${containerMetrics.scrapeError.name} 1`)
    expect(found.filter((line) => line.includes('lab-ws-1'))).toEqual([])
  }
  expect(lines).toEqual([
    expect.stringMatching(/^the statistics of containers cannot be read: the list of containers: .*403.*refuses this request$/),
  ])
  refuses = false
  expect(await samples()).toContain(`${containerMetrics.scrapeError.name} 0`)
  expect(lines.slice(1)).toEqual(['the statistics of containers can be read again'])
})

test('containers of `docker compose run` keep their own names, because they all have the number 1', () => {
  expect(labelsOf(listed('a', 'ws', { 'com.docker.compose.container-number': '3' }, '/lab-ws-3'), 'lab').replica).toBe('ws-3')
  expect(labelsOf(listed('a', 'k6', oneOff, '/lab-k6-run-0a1b2c'), 'lab')).toMatchObject({
    name: 'lab-k6-run-0a1b2c',
    replica: 'k6-run-0a1b2c',
  })
})
