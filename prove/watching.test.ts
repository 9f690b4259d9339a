/** What a proof report is made of, read from the real thing where that needs no Docker. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { paths } from '../contract/src/endpoints.ts'
import { decisionWords } from '../embedded/src/words.ts'
import { simulated } from '../scaler/src/views/sample-records.ts'
import { testReplica } from '../services/ws/test/harness.ts'
import { readEvent } from './container-events.ts'
import { until } from './lab.ts'
import { Prober } from './prober.ts'
import { sampleReplicas } from './prometheus.ts'
import { decisionsOf, removalsOf } from './report/decisions.ts'

describe('new clients', () => {
  async function probe(url: string, many: number): Promise<Prober> {
    const prober = new Prober(url)
    onTestFinished(() => prober.stop())
    prober.start()
    await until('enough of them', async () => prober.probes.length >= many, 20_000, 20)
    await prober.stop()
    return prober
  }

  test('are greeted and answered by a real replica', async () => {
    const replica = await testReplica()
    const { probes } = await probe(replica.wsUrl + paths.ws, 3)
    for (const one of probes) {
      expect(one).toMatchObject({ problem: undefined, replica: expect.any(String) })
      expect(one.connectMs).toBeGreaterThan(0)
      expect(one.answerMs).toBeGreaterThan(0)
    }
  })

  test('that nobody lets in say why', async () => {
    const server = createServer((_request, response) => response.end()).listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const { probes } = await probe(`ws://127.0.0.1:${port}`, 1)
    expect(probes[0]).toMatchObject({ connectMs: undefined, answerMs: undefined, problem: 'Unexpected server response: 200' })
  })
})

test.each([
  ['start', { what: 'started' }],
  ['die', { what: 'gone' }],
  ['health_status: healthy', { what: 'ready' }],
  ['health_status: unhealthy', { what: 'unready' }],
  ['exec_start: sh', undefined],
])('what Docker says, %s', (Action, expected) => {
  const Actor = { Attributes: { 'com.docker.compose.container-number': '4' } }
  const line = JSON.stringify({ status: Action, Action, Actor, timeNano: 1_795_278_439_420_000_000 })
  if (expected === undefined) expect(readEvent(line)).toBeUndefined()
  else expect(readEvent(line)).toMatchObject({ ...expected, replica: 'ws-4', atMs: 1_795_278_439_420 })
})

test("the scaler's changes, with its reasons; each replica that left may have told its clients to go", () => {
  const decisions = decisionsOf(simulated('surge'), decisionWords)
  expect(decisions.length).toBeGreaterThan(1)
  for (const { from, to, reason } of decisions) {
    expect(to).not.toBe(from)
    expect(reason).toContain(`${from} → ${to}`)
  }
  const decision = { atMs: 5000, from: 3, to: 2, reason: '', tookSeconds: 8, removed: ['ws-3'] }
  expect(removalsOf([decision])).toMatchObject([{ kind: 'scale', replica: 'ws-3', fromMs: 5000, toMs: 14_000, happened: true }])
})

test('a Prometheus that does not answer is a problem to tell, not the end of the report', async () => {
  expect(await sampleReplicas('http://127.0.0.1:1', [0, 1000])).toEqual({
    problem: expect.stringMatching(/^Prometheus at http:\/\/127\.0\.0\.1:1 could not be asked: /),
  })
})
