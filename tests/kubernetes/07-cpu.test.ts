/**
 * Tests the cluster's HPA with CPU utilization as its only metric, which metrics-server measures: under load from k6, the number of replicas
 * rises from 2 to 4, and falls to 2 again. The HPA file is the one with which the k8s-sim suite tests the lab's scaler.
 */
import { services } from '@lab/contract/endpoints.ts'
import { until } from '@lab/host/until.ts'
import { startLoad, stopLoad } from '@lab/lab/kubernetes/load.ts'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { addFigure } from '../lib/figures.ts'
import { inLab, readyPods } from './lib/cluster.ts'

const hpaFile = 'tests/k8s-sim/hpa-cpu.yaml'
const hpaName = 'ws-cpu'
const loadSeconds = 150
const peak = 4

interface Status {
  currentReplicas: number
  conditions?: { type: string; status: string; reason: string }[]
  currentMetrics?: { resource?: { current: { averageUtilization?: number } } }[]
}

const status = async () => (JSON.parse(await inLab(['get', 'hpa', hpaName, '-o', 'json'])) as { status: Status }).status

describe.skipIf(inject('cluster') !== 'nodes')('CPU utilization', () => {
  const changes: { at: number; replicas: number; utilization: number | undefined }[] = []

  beforeAll(async () => {
    // Two HPAs with the same scale target would undo each other's changes.
    await inLab(['delete', 'hpa', services.ws, '--ignore-not-found'])
    await inLab(['scale', `deployment/${services.ws}`, '--replicas=2'])
    await until('two replicas', async () => (await readyPods()).length === 2, { withinMs: 180_000, everyMs: 1000 })
    await inLab(['apply', '-f', hpaFile])
    const active = async () => (await status()).conditions?.some((one) => one.type === 'ScalingActive' && one.status === 'True')
    await until('the HPA reads the CPU utilization', active, { withinMs: 180_000, everyMs: 1000 })
    const began = performance.now()
    await startLoad({ scenario: 'default', sockets: 800, seconds: loadSeconds })
    const watch = async () => {
      const { currentReplicas, currentMetrics } = await status()
      const utilization = currentMetrics?.[0]?.resource?.current.averageUtilization
      if (changes.at(-1)?.replicas !== currentReplicas)
        changes.push({ at: (performance.now() - began) / 1000, replicas: currentReplicas, utilization })
      return currentReplicas
    }
    try {
      await until(`${peak} replicas`, async () => (await watch()) === peak, { withinMs: 240_000, everyMs: 500 })
      await until('two replicas again', async () => (await watch()) === 2 && (await readyPods()).length === 2, {
        withinMs: 420_000,
        everyMs: 500,
      })
    } finally {
      addFigure('cpuReplicas', changes)
    }
  }, 1_100_000)

  afterAll(async () => {
    await stopLoad()
    await inLab(['delete', 'hpa', hpaName, '--ignore-not-found'])
    await inLab(['apply', '-f', 'k8s/base/hpa.yaml'])
  }, 120_000)

  test('the HPA adds one replica per policy period, and later removes one at a time', () => {
    expect(changes.map(({ replicas }) => replicas)).toEqual([2, 3, 4, 3, 2])
    const [, three, four] = changes
    expect((four?.at ?? 0) - (three?.at ?? 0)).toBeGreaterThan(25)
  })

  test('it scales because of the measured utilization', async () => {
    const events = await inLab([
      'get',
      'events',
      '--field-selector',
      `involvedObject.name=${hpaName}`,
      '-o',
      'jsonpath={.items[*].message}',
    ])
    expect(events).toContain('New size: 3; reason: cpu resource utilization (percentage of request) above target')
    expect(events).toContain('New size: 2; reason: All metrics below target')
  })
})
