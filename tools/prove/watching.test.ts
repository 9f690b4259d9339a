/**
 * Tests how a proof report's data is collected: new clients, the scaler's changes, and Prometheus samples. These tests do not need Docker.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { paths } from '@lab/contract/endpoints.ts'
import { prometheusAt } from '@lab/host/prometheus.ts'
import { until } from '@lab/host/until.ts'
import { simulated } from '@lab/scaler/views/sample-records.ts'
import { decisionWords } from '@lab/scaler/views/sentence.ts'
import { testReplica } from '@lab/ws/test/harness.ts'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Prober } from './prober.ts'
import { decisionsOf, removalsOf } from './report/decisions.ts'
import { sampleReplicas } from './samples.ts'

describe('new clients', () => {
  async function probe(url: string, many: number): Promise<Prober> {
    const prober = new Prober(url)
    onTestFinished(() => prober.stop())
    prober.start()
    await until('enough probes', () => prober.probes.length >= many, { withinMs: 20_000, everyMs: 20 })
    await prober.stop()
    return prober
  }

  test('are accepted and answered by a real replica', async () => {
    const replica = await testReplica()
    const { probes } = await probe(replica.wsUrl + paths.ws, 3)
    for (const one of probes) {
      expect(one).toMatchObject({ problem: undefined, replica: expect.any(String) })
      expect(one.connectMs).toBeGreaterThan(0)
      expect(one.answerMs).toBeGreaterThan(0)
    }
  })

  test('that are refused report why', async () => {
    const server = createServer((_request, response) => response.end()).listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const { probes } = await probe(`ws://127.0.0.1:${port}`, 1)
    expect(probes[0]).toMatchObject({ connectMs: undefined, answerMs: undefined, problem: 'Unexpected server response: 200' })
  })
})

test("reports the scaler's changes with their reasons; a removed replica may have asked its clients to reconnect", () => {
  const decisions = decisionsOf(simulated('surge'), decisionWords)
  expect(decisions.length).toBeGreaterThan(1)
  for (const { from, to, reason } of decisions) {
    expect(to).not.toBe(from)
    expect(reason).toContain(`from ${from} to ${to}`)
  }
  const decision = { atMs: 5000, from: 3, to: 2, reason: '', tookSeconds: 8, removed: ['ws-3'] }
  expect(removalsOf([decision])).toMatchObject([{ kind: 'scale', replica: 'ws-3', fromMs: 5000, toMs: 14_000, happened: true }])
})

test('a Prometheus that does not answer is reported as a problem, and the report is still made', async () => {
  expect(await sampleReplicas(prometheusAt('http://127.0.0.1:1'), [0, 1000])).toEqual({
    problem: expect.stringMatching(/^CPU and memory were not measured: Prometheus at http:\/\/127\.0\.0\.1:1 does not answer: /),
  })
})

test('a lab without Prometheus has no samples', async () => {
  expect(await sampleReplicas(undefined, [0, 1000])).toEqual({ problem: 'CPU and memory were not measured: the lab has no Prometheus' })
})
