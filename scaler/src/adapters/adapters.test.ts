/** Tests the adapters against faulty servers. The tests in tests/k8s-sim run the adapters against real Docker and Prometheus instances. */
import type { RequestListener } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Container } from '@lab/host/replicas.ts'
import { afterEach, describe, expect, test } from 'vitest'
import type { MetricSpec } from '../core/types.ts'
import { podsMetric } from '../fakes/hpa-fixture.ts'
import type { MetricMap } from '../metric-map.ts'
import { listReplicas, replicaOf } from './docker.ts'
import { cpuBetween, pointsAfter, statsOf, usageReader } from './docker-stats.ts'
import { prometheusSource, queryRange } from './prometheus.ts'
import { reservationsIn } from './reservations.ts'

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

async function listen(handler: RequestListener): Promise<number> {
  const server = createServer(handler)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

const never = new AbortController().signal
const noMemory = () => Promise.reject(new Error('not asked for'))
const map: MetricMap = {
  services: {},
  draining: 'draining',
  recorded: { replicas: 'replicas', ready: 'ready', started: 'started' },
  resource: [{ name: 'cpu', query: 'cpu', windowSeconds: 20, timeQuery: 'time' }],
  pods: [{ name: 'sockets', query: 'sockets' }],
  docker: ['memory'],
  object: [{ name: 'rate', query: 'rate' }],
  external: [{ name: 'queue', query: 'queue' }],
}
const target = { type: 'AverageValue', averageValueMilli: 1000 }
const sockets = podsMetric('sockets', 1)
const queue: MetricSpec = { type: 'External', metric: { name: 'queue' }, target }
const rate: MetricSpec = { type: 'Object', metric: { name: 'rate' }, describedObject: { kind: 'Ingress', name: 'x' }, target }
const cpu: MetricSpec = { type: 'Resource', name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } }

/**
 * Starts a fake Prometheus server that responds to each query with the series listed under that query; a series consists of labels and a
 * value.
 */
async function prometheus(answers: Record<string, [Record<string, string>, string][]>): Promise<string> {
  const port = await listen((request, response) => {
    const query = new URL(request.url ?? '', 'http://x').searchParams.get('query') ?? ''
    const result = (answers[query] ?? []).map(([metric, value]) => ({ metric, value: [1_700_000_000, value] }))
    response.end(JSON.stringify({ status: 'success', data: { resultType: 'vector', result } }))
  })
  return `http://127.0.0.1:${port}`
}

describe('Prometheus', () => {
  test('returns values in whole thousandths, and omits values that are missing or not a number', async () => {
    const url = await prometheus({
      sockets: [
        [{ replica: 'ws-10' }, '2.5'],
        [{ replica: 'ws-2' }, 'NaN'],
        [{ replica: 'ws-3' }, '0.0009'],
      ],
      cpu: [[{ replica: 'ws-3' }, '0.25']],
      time: [[{ replica: 'ws-3' }, '1700000000.5']],
      queue: [
        [{}, '3'],
        [{ a: 'b' }, '4'],
      ],
      draining: [[{ replica: 'ws-2' }, '1700000000.25']],
    })
    const readings = await prometheusSource(url, map, 'ws', noMemory).read([sockets, cpu, queue, rate], never)
    expect(readings).toEqual({
      replicas: [
        {
          name: 'ws-3',
          sample: { timeSeconds: 1_700_000_000.5, windowSeconds: 20, usageMilli: { ws: { cpu: 250 } } },
          valuesMilli: { sockets: 0 },
        },
        { name: 'ws-10', sample: null, valuesMilli: { sockets: 2500 } },
      ],
      draining: [{ name: 'ws-2', seenSeconds: 1_700_000_000.25 }],
      objectValuesMilli: {},
      externalValuesMilli: { queue: [3000, 4000] },
      failures: {},
    })
  })

  test.each([
    ['0.1949', 195],
    ['0.195', 195],
    ['0.57', 570],
    ['0.0000000001', 0],
    ['0.000000001', 1],
  ])('%s cores are %i milli-CPU, rounded up as in metrics-server', async (cores, milli) => {
    const url = await prometheus({ cpu: [[{ replica: 'ws-3' }, cores]], time: [[{ replica: 'ws-3' }, '1700000000']] })
    const { replicas } = await prometheusSource(url, map, 'ws', noMemory).read([cpu], never)
    expect(replicas[0]?.sample?.usageMilli).toEqual({ ws: { cpu: milli } })
  })

  test('reads memory from Docker, and combines it with the older CPU sample', async () => {
    const url = await prometheus({ cpu: [[{ replica: 'ws-3' }, '0.25']], time: [[{ replica: 'ws-3' }, '1700000000']] })
    const memory: MetricSpec = { type: 'Resource', name: 'memory', target: { type: 'Utilization', averageUtilization: 50 } }
    const sets = async () => ['ws-3', 'ws-4'].map((name) => ({ name, bytes: 2 ** 20, timeSeconds: 1_700_000_003 }))
    const { replicas, failures } = await prometheusSource(url, map, 'ws', sets).read([cpu, memory], never)
    expect(failures).toEqual({})
    expect(replicas.map(({ name, sample }) => [name, sample])).toEqual([
      ['ws-3', { timeSeconds: 1_700_000_000, windowSeconds: 20, usageMilli: { ws: { cpu: 250, memory: 2 ** 20 * 1000 } } }],
      ['ws-4', { timeSeconds: 1_700_000_003, windowSeconds: 0, usageMilli: { ws: { memory: 2 ** 20 * 1000 } } }],
    ])
    const away = await prometheusSource(url, map, 'ws', () => Promise.reject(new Error('no Docker'))).read([cpu, memory], never)
    expect(away.failures).toEqual({ 'resource/memory': 'no Docker' })
    expect(away.replicas).toHaveLength(1)
  })

  test('two series for one object are a failure of this metric only', async () => {
    const url = await prometheus({
      rate: [
        [{ a: '1' }, '1'],
        [{ a: '2' }, '2'],
      ],
      queue: [[{}, '3']],
    })
    const { failures, externalValuesMilli } = await prometheusSource(url, map, 'ws', noMemory).read([rate, queue], never)
    expect(failures).toEqual({ 'rate of Ingress/x': expect.stringContaining('2 series') })
    expect(externalValuesMilli).toEqual({ queue: [3000] })
  })

  test.each<[string, RequestListener, RegExp]>([
    [
      'refuses',
      (_, response) => response.end('{"status":"error","errorType":"bad_data","error":"parse error"}'),
      /refuses sockets: parse error/,
    ],
    ['sends invalid JSON data', (_, response) => response.end('[]'), /sent an unexpected answer/],
    ['is not a Prometheus', (_, response) => response.end('<html>'), /does not answer/],
    ['closes the connection', (request) => request.socket.destroy(), /does not answer/],
  ])('that %s makes every metric fail, and the read does not reject', async (_what, handler, why) => {
    const url = `http://127.0.0.1:${await listen(handler)}`
    const { failures, replicas } = await prometheusSource(url, map, 'ws', noMemory).read([sockets], never)
    expect(failures.sockets).toMatch(why)
    expect(replicas).toEqual([])
  })

  test('that never answers causes a timeout after 5 s', async () => {
    const url = `http://127.0.0.1:${await listen(() => {})}`
    const startedAt = performance.now()
    const { failures } = await prometheusSource(url, map, 'ws', noMemory).read([sockets], never)
    expect(failures.sockets).toContain('not within 5 s')
    expect(performance.now() - startedAt).toBeLessThan(9000)
  })
})

describe('Prometheus over a range', () => {
  /**
   * Starts a fake Prometheus server that enforces the same limits as a real one. The value of each data point equals its timestamp, and
   * every third data point is missing.
   */
  async function recorder(): Promise<{ url: string; asked: string[] }> {
    const asked: string[] = []
    const port = await listen((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://x')
      const [start, end, step] = ['start', 'end', 'step'].map((name) => Number(searchParams.get(name)))
      if (start === undefined || end === undefined || step === undefined) throw new Error('unreachable')
      asked.push(`${pathname} ${searchParams.get('query')}`)
      const count = Math.floor((end - start) / step + 1e-9) + 1
      if (count > 11_000) {
        response.writeHead(400).end('{"status":"error","error":"exceeded maximum resolution of 11,000 points per timeseries"}')
        return
      }
      const times = Array.from({ length: count }, (_, i) => Number((start + i * step).toFixed(3)))
      const values = times.flatMap((time) => (Math.round(time / step) % 3 === 0 ? [] : [[time, String(time)]]))
      const broken = { metric: { replica: 'ws-2' }, values: [[start, 'NaN']] }
      const result = [{ metric: { replica: 'ws-1' }, values }, broken]
      response.end(JSON.stringify({ status: 'success', data: { resultType: 'matrix', result } }))
    })
    return { url: `http://127.0.0.1:${port}`, asked }
  }

  test.each([
    [3, 2],
    [12_001, 2],
    [12_001, 0.3],
  ])('returns the values of %d points, %d s apart', async (count, stepSeconds) => {
    const { url, asked } = await recorder()
    const sinceSeconds = 1_700_000_000
    const range = { sinceSeconds, untilSeconds: sinceSeconds + (count - 1) * stepSeconds + stepSeconds / 2, stepSeconds }
    const { timesSeconds, answers } = await queryRange(url, ['a', 'b'], range, never)
    expect(timesSeconds).toHaveLength(count)
    const wrong = timesSeconds.filter((time, i) => {
      const series = answers.get('a')?.[i] ?? []
      const expected = Math.round(time / stepSeconds) % 3 === 0 ? [] : [Number(time.toFixed(3))]
      return JSON.stringify(series.map(({ value }) => value)) !== JSON.stringify(expected)
    })
    expect(wrong).toEqual([])
    expect(new Set(asked)).toEqual(new Set(['/api/v1/query_range a', '/api/v1/query_range b']))
  })

  test('rejects with the cause when Prometheus does not answer the query', async () => {
    const range = { sinceSeconds: 0, untilSeconds: 10, stepSeconds: 5 }
    const refusing = await listen((_, response) => response.end('{"status":"error","error":"parse error"}'))
    await expect(queryRange(`http://127.0.0.1:${refusing}`, ['sum('], range, never)).rejects.toThrow('Prometheus refuses sum(: parse error')
    await expect(queryRange('http://127.0.0.1:1', ['a'], range, never)).rejects.toThrow(/^Prometheus at http:.* does not answer: /)
  })
})

describe('Docker', () => {
  const labels = { 'com.docker.compose.container-number': '3', 'lab.requests.cpu': '250m' }
  const container = (state: Partial<Container['State']>, more: Record<string, string> = {}): Container => ({
    Id: 'a',
    Name: '/lab-ws-3',
    Image: '',
    Created: '',
    RestartCount: 0,
    Config: { Labels: { ...labels, ...more } },
    State: { Status: 'running', ExitCode: 0, StartedAt: '2026-01-01T00:00:00Z', ...state },
  })
  const startedAt = Date.UTC(2026, 0, 1) / 1000
  const probe = (second: number, ExitCode: number) => ({ End: new Date((startedAt + second) * 1000).toISOString(), ExitCode })

  test.each<[string, Container, object]>([
    ['running without a health check is ready since its start', container({}), { status: 'True', sinceSeconds: startedAt }],
    ['starting is not ready', container({ Health: { Status: 'starting', Log: [] } }), { status: 'False', sinceSeconds: startedAt }],
    [
      'healthy is ready since the first of the successful probes in a row',
      container({ Health: { Status: 'healthy', Log: [probe(1, 1), probe(2, 0), probe(4, 0)] } }),
      { status: 'True', sinceSeconds: startedAt + 2 },
    ],
    [
      'unhealthy is not ready since the first of the failed probes in a row',
      container({ Health: { Status: 'unhealthy', Log: [probe(2, 0), probe(4, 1), probe(6, 1)] } }),
      { status: 'False', sinceSeconds: startedAt + 4 },
    ],
    ['restarting is not ready', container({ Status: 'restarting' }), { status: 'False', sinceSeconds: startedAt }],
    [
      'paused is not ready since the last probe, whatever its result',
      container({ Status: 'paused', Health: { Status: 'healthy', Log: [probe(2, 0), probe(4, 0)] } }),
      { status: 'False', sinceSeconds: startedAt + 4 },
    ],
  ])('%s', (_what, given, ready) => {
    expect(replicaOf(given, 'ws')).toEqual({
      facts: expect.anything(),
      name: 'ws-3',
      phase: 'Running',
      startTimeSeconds: startedAt,
      ready,
      containers: [{ name: 'ws', requestsMilli: { cpu: 250 } }],
    })
  })

  test('a container that was created and not started is pending', () => {
    expect(replicaOf(container({ Status: 'created' }), 'ws')).toMatchObject({ phase: 'Pending', startTimeSeconds: null, ready: null })
  })

  test.each<[Container['State']['Status'], object, object]>([
    ['running', { NanoCpus: 5e8, Memory: 2 ** 28 }, { waiting: null, limitsMilli: { cpu: 500, memory: 2 ** 28 * 1000 } }],
    ['paused', { NanoCpus: 0, Memory: 0 }, { waiting: null, limitsMilli: {} }],
    ['created', {}, { waiting: 'ContainerCreating', limitsMilli: {} }],
    ['restarting', {}, { waiting: 'CrashLoopBackOff', limitsMilli: {} }],
  ])('the facts about a container in the state %s, for the metrics', (Status, HostConfig, facts) => {
    const given = {
      ...container({ Status }, { 'com.docker.compose.config-hash': 'f00' }),
      Id: 'c1',
      Image: 'sha256:1',
      Created: '2026-01-01T00:00:00Z',
      RestartCount: 2,
      HostConfig,
    }
    const createdSeconds = Date.parse(given.Created) / 1000
    expect(replicaOf(given, 'ws').facts).toEqual({ id: 'c1', template: 'f00 sha256:1', createdSeconds, restarts: 2, ...facts })
  })

  const read = '2026-01-01T00:00:10.123456789Z'
  const cpu_stats = { cpu_usage: { total_usage: 1_000_000_000 } }
  test.each<[string, object, number | null]>([
    ['cgroups v2', { usage: 100, stats: { inactive_file: 30, active_file: 10, anon: 50 } }, 70],
    ['cgroups v1, including child groups', { usage: 100, stats: { inactive_file: 10, total_inactive_file: 40 } }, 60],
    ['more cache than usage', { usage: 10, stats: { inactive_file: 30 } }, 0],
    ['an exited container', {}, null],
  ])('the working set of %s', (_what, memory, bytes) => {
    const stats = statsOf({ read, cpu_stats, memory_stats: memory })
    if (bytes === null) expect(stats).toBeNull()
    else expect(stats).toMatchObject({ workingSetBytes: bytes, timeSeconds: Date.parse(read) / 1000 })
  })

  test('reads the working set of each container of the service once, and omits containers that end meanwhile', async () => {
    const asked: string[] = []
    const port = await listen((request, response) => {
      asked.push(request.url ?? '')
      const listed = ['a', 'b', 'c'].map((Id, i) => ({
        Id,
        Labels: { 'com.docker.compose.service': Id === 'c' ? 'traefik' : 'ws', 'com.docker.compose.container-number': String(i + 1) },
      }))
      if (request.url?.startsWith('/containers/json')) response.end(JSON.stringify(listed))
      else if (request.url?.startsWith('/containers/b')) response.writeHead(404).end()
      else response.end(JSON.stringify({ read, cpu_stats, memory_stats: { usage: 100, stats: { inactive_file: 30 } } }))
    })
    const sets = await usageReader(`tcp://127.0.0.1:${port}`, { project: 'p', service: 'ws' })(never)
    expect(sets).toEqual([{ name: 'ws-1', bytes: 70, timeSeconds: Date.parse(read) / 1000 }])
    expect(asked.filter((path) => path.includes('stats')).sort()).toEqual(
      ['a', 'b'].map((id) => `/containers/${id}/stats?stream=false&one-shot=true`),
    )
  })

  const point = (timeSeconds: number, cpuNanoseconds: number) => ({ timeSeconds, cpuNanoseconds })

  test('CPU usage is the difference between two readings, in whole billionths of a core', () => {
    const first = pointsAfter(undefined, point(100, 5e9))
    expect(cpuBetween(first)).toBeUndefined()
    const second = pointsAfter(first, point(116, 5e9 + 3_118_400_010))
    expect(cpuBetween(second)).toEqual({ nanocores: 194_900_000, timeSeconds: 116, windowSeconds: 16 })
  })

  test('CPU usage is measured over at least ten seconds, and not over a restart', () => {
    const known = pointsAfter(pointsAfter(undefined, point(100, 0)), point(110, 1e9))
    expect(pointsAfter(known, point(119, 5e9))).toBe(known)
    expect(pointsAfter(known, point(120, 2e9))).toEqual({ before: point(110, 1e9), last: point(120, 2e9) })
    expect(pointsAfter(known, point(120, 5e8))).toEqual({ last: point(120, 5e8) })
  })

  test('reads the CPU usage of a container from its second reading on', async () => {
    let seconds = 0
    const port = await listen((request, response) => {
      const listed = [{ Id: 'a', Labels: { 'com.docker.compose.service': 'ws', 'com.docker.compose.container-number': '1' } }]
      if (request.url?.startsWith('/containers/json')) return response.end(JSON.stringify(listed))
      seconds += 15
      const now = { read: new Date(seconds * 1000).toISOString(), cpu_stats: { cpu_usage: { total_usage: seconds * 2e8 } } }
      return response.end(JSON.stringify({ ...now, memory_stats: { usage: 100 } }))
    })
    const readUsage = usageReader(`tcp://127.0.0.1:${port}`, { project: 'p', service: 'ws' })
    expect(await readUsage(never)).toEqual([{ name: 'ws-1', bytes: 100, timeSeconds: 15 }])
    const cpu = { nanocores: 2e8, timeSeconds: 30, windowSeconds: 15 }
    expect(await readUsage(never)).toEqual([{ name: 'ws-1', bytes: 100, timeSeconds: 30, cpu }])
  })

  test('CPU and memory from Docker need no Prometheus, and are asked for once', async () => {
    const onlyDocker: MetricMap = { ...map, draining: '', resource: [], docker: ['cpu', 'memory'] }
    const memory: MetricSpec = { ...cpu, name: 'memory' }
    let asked = 0
    const usage = async () => {
      asked += 1
      const known = { nanocores: 194_900_001, timeSeconds: 90, windowSeconds: 15 }
      return [
        { name: 'ws-1', bytes: 7, timeSeconds: 100, cpu: known },
        { name: 'ws-2', bytes: 8, timeSeconds: 100 },
      ]
    }
    const { replicas, failures } = await prometheusSource('http://127.0.0.1:1', onlyDocker, 'ws', usage).read([cpu, memory], never)
    expect(failures).toEqual({})
    expect(asked).toBe(1)
    // The HPA controller rounds 194.900001 thousandths of a core up.
    expect(replicas.map(({ sample }) => sample)).toEqual([
      { timeSeconds: 90, windowSeconds: 15, usageMilli: { ws: { cpu: 195, memory: 7000 } } },
      { timeSeconds: 100, windowSeconds: 0, usageMilli: { ws: { memory: 8000 } } },
    ])
  })

  test('the requests of a container without labels are its reservations in the Compose files', async () => {
    const config = { services: { ws: { deploy: { resources: { reservations: { cpus: '0.25', memory: '67108864' } } } }, db: {} } }
    expect(reservationsIn(config, 'ws')).toEqual({ cpu: 250, memory: 67_108_864_000 })
    expect(reservationsIn(config, 'db')).toEqual({})
    expect(reservationsIn({ services: { ws: { deploy: { resources: { reservations: { cpus: 1 } } } } } }, 'ws')).toEqual({ cpu: 1000 })
    const reserved = { cpu: 100, memory: 5000 }
    const requestsOf = (labels: Record<string, string>) => replicaOf(container({}, labels), 'ws', reserved).containers[0]?.requestsMilli
    expect(requestsOf({})).toEqual({ cpu: 250, memory: 5000 })
    expect(requestsOf({ 'lab.requests.memory': '1Mi' })).toEqual({ cpu: 250, memory: 2 ** 20 * 1000 })
  })

  test('the Compose files are read only for containers without labels for their requests', async () => {
    const inspected: Record<string, Container> = {
      a: container({}, { 'lab.requests.memory': '1Mi', 'com.docker.compose.config-hash': 'x' }),
      b: container({}, { 'com.docker.compose.container-number': '4', 'com.docker.compose.config-hash': 'y' }),
    }
    const port = await listen((request, response) => {
      const id = /^\/containers\/(\w)\/json$/.exec(request.url ?? '')?.[1]
      const listed = Object.keys(inspected).map((Id) => ({ Id, Labels: { 'com.docker.compose.service': 'ws' } }))
      response.end(JSON.stringify(id === undefined ? listed : inspected[id]))
    })
    const asked: string[] = []
    const reservations = async (hash: string) => {
      asked.push(hash)
      return { memory: 9000 }
    }
    const replicas = await listReplicas(`tcp://127.0.0.1:${port}`, { project: 'p', service: 'ws' }, never, reservations)
    expect(asked).toEqual(['y'])
    expect(replicas.map(({ containers }) => containers[0]?.requestsMilli.memory)).toEqual([2 ** 20 * 1000, 9000])
  })

  test('reports a resource request that is not a quantity', () => {
    expect(() => replicaOf(container({}, { 'lab.requests.memory': '128 MB' }), 'ws')).toThrow('lab.requests.memory=128 MB: not a quantity')
  })

  test('lists replicas by number, without exited containers and those that end meanwhile', async () => {
    const inspected: Record<string, Container | null> = {
      a: container({}, { 'com.docker.compose.container-number': '10' }),
      b: container({}, { 'com.docker.compose.container-number': '9' }),
      c: container({ Status: 'exited' }),
      d: null,
    }
    const port = await listen((request, response) => {
      const id = /^\/containers\/(\w)\/json$/.exec(request.url ?? '')?.[1]
      const listed = Object.keys(inspected).map((Id) => ({ Id, Labels: { 'com.docker.compose.service': 'ws' } }))
      const answer = id === undefined ? [...listed, { Id: 'e', Labels: { 'com.docker.compose.service': 'traefik' } }] : inspected[id]
      response.writeHead(answer === null ? 404 : 200).end(JSON.stringify(answer))
    })
    const replicas = await listReplicas(`tcp://127.0.0.1:${port}`, { project: 'p', service: 'ws' }, never)
    expect(replicas.map(({ name }) => name)).toEqual(['ws-9', 'ws-10'])
  })

  test.each<[string, RequestListener, RegExp]>([
    ['refuses', (_, response) => response.writeHead(403).end('not allowed\n'), /answers 403 to .*: not allowed$/],
    ['closes the connection', (request) => request.socket.destroy(), /does not answer/],
    ['never answers', () => {}, /not within 5 s/],
  ])('that %s causes an error with its address', async (_what, handler, why) => {
    const host = `tcp://127.0.0.1:${await listen(handler)}`
    const error = await listReplicas(host, { project: 'p', service: 'ws' }, never).catch(String)
    expect(error).toMatch(why)
    expect(error).toContain(host)
  })

  test('an unsupported DOCKER_HOST causes an error with the allowed schemes', async () => {
    await expect(listReplicas('ssh://me@there', { project: 'p', service: 'ws' }, never)).rejects.toThrow(
      'DOCKER_HOST=ssh://me@there: allowed are unix://, npipe:// and tcp://HOST:PORT',
    )
  })
})
