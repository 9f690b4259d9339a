/** Checks that a replica exports exactly the metrics that the shared contract/ folder defines. */
import { paths } from '@lab/contract/endpoints.ts'
import { type MetricSpec, metrics } from '@lab/contract/metrics.ts'
import { expect, test } from 'vitest'
import { testReplica } from '../test/harness.ts'
import { createMetrics } from './metrics.ts'

interface Family {
  help: string
  type: string
  /** The label names of the samples, except `le`. */
  labels: Set<string>
  buckets: Set<string>
}

/** Parses the Prometheus text format. */
function families(text: string): Map<string, Family> {
  const found = new Map<string, Family>()
  for (const line of text.split('\n')) {
    const [, , name = ''] = line.split(' ')
    if (line.startsWith('# HELP '))
      found.set(name, { help: line.slice(`# HELP ${name} `.length), type: '', labels: new Set(), buckets: new Set() })
    const family = found.get(name)
    if (line.startsWith('# TYPE ') && family) family.type = line.slice(`# TYPE ${name} `.length)
    const sample = /^([a-z_]+)(?:\{(.*)\})? \S+$/.exec(line)
    if (sample === null) continue
    const [, sampleName = '', pairs = ''] = sample
    const owner = found.get(sampleName) ?? found.get(sampleName.replace(/_(bucket|sum|count)$/, ''))
    if (owner === undefined) throw new Error(`a sample without HELP: ${line}`)
    for (const [, label = '', value = ''] of pairs.matchAll(/([a-z_]+)="([^"]*)"/g)) {
      if (label === 'le') owner.buckets.add(value)
      else owner.labels.add(label)
    }
  }
  return found
}

const ours = /^(websocket|http)_/

test('a replica exports exactly the metrics of the contract: names, help, types, labels, buckets', async () => {
  const replica = await testReplica()
  const socket = await replica.connect()
  await socket.ask({ type: 'message', time: Date.now(), data: 1 }, 'message_response')
  await fetch(replica.httpUrl + paths.health)
  const exported = families(await (await fetch(`http://127.0.0.1:${replica.internalPort}${paths.metrics}`)).text())

  const expected = new Map<string, Family>(
    (Object.values(metrics) as MetricSpec[]).map(({ name, kind, help, labels, buckets }) => [
      name,
      { help, type: kind, labels: new Set(labels), buckets: new Set(buckets?.map(String).concat('+Inf') ?? []) },
    ]),
  )
  expect(new Map([...exported].filter(([name]) => ours.test(name)))).toEqual(expected)
})

test('every label value of a counter exists from the start, at zero', async () => {
  const { registry } = createMetrics({ version: '1', colour: 'blue', recordMessages: true })
  const text = await registry.metrics()
  for (const pair of [
    'cause="rate_limited"',
    'cause="handshake_timeout"',
    'code="1013",cause="slow_reader"',
    'type="ack"',
    'result="gap"',
  ]) {
    expect(text).toMatch(new RegExp(`\\{${pair}\\} 0\n`))
  }
})

test('with METRICS=off, messages are not recorded, but connections and errors are', async () => {
  const replica = await testReplica({ METRICS: 'off' })
  const socket = await replica.connect()
  await socket.ask({ type: 'message', time: Date.now(), data: 1 }, 'message_response')
  await socket.ask({ type: 'nonsense' }, 'error')
  expect(await replica.metric(metrics.messages.name)).toBe(0)
  expect(await replica.metric(`${metrics.messageHandling.name}_count`)).toBe(0)
  expect(await replica.metric(metrics.connectionsActive.name)).toBe(1)
  expect(await replica.metric(metrics.errors.name)).toBe(1)
})

test('counters never decrease from scrape to scrape', async () => {
  const replica = await testReplica()
  const socket = await replica.connect()
  for (let n = 1; n <= 3; n++) {
    await socket.ask({ type: 'message', data: n }, 'message_response')
    expect(await replica.metric(metrics.messagesReceived.name, { type: 'message' })).toBe(n)
    expect(await replica.metric(metrics.messages.name, { direction: 'received' })).toBe(n)
  }
})
