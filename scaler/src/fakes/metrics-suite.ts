/** The tests that every MetricSource must pass; they run against the in-memory fake and the Prometheus adapter. */
import { metrics } from '@lab/contract/metrics.ts'
import { expect, test } from 'vitest'
import type { MetricSpec } from '../core/types.ts'
import { seriesKey } from '../core/types.ts'
import type { MetricSource } from '../ports.ts'
import { podsMetric } from './hpa-fixture.ts'

const connections = podsMetric(metrics.connectionsActive.name, 1)
const cpu: MetricSpec = { type: 'Resource', name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } }

/** Defines the tests. @param open returns a source with socket and CPU metrics for ws-1 and ws-2 */
export function metricSourceSuite(open: () => MetricSource): void {
  test('reads one value per replica, in whole thousandths', async () => {
    const { replicas, failures, draining } = await open().read([connections, cpu], AbortSignal.timeout(30_000))
    expect(failures).toEqual({})
    expect(draining).toEqual([])
    expect(replicas.map(({ name }) => name)).toEqual(['ws-1', 'ws-2'])
    for (const { sample, valuesMilli } of replicas) {
      expect(Number.isInteger(valuesMilli[seriesKey(connections)])).toBe(true)
      expect(Number.isInteger(sample?.usageMilli.ws?.cpu)).toBe(true)
      expect(sample?.windowSeconds).toBeGreaterThan(0)
      expect(sample?.timeSeconds).toBeGreaterThan(1.6e9)
    }
  })

  test('reads only the requested metrics', async () => {
    const { replicas } = await open().read([connections], AbortSignal.timeout(30_000))
    expect(replicas.map(({ sample }) => sample)).toEqual([null, null])
  })

  test('reports why a metric cannot be read, and reads the others', async () => {
    const strange: MetricSpec = { ...connections, metric: { name: 'no_such_metric' } }
    const { replicas, failures } = await open().read([strange, connections], AbortSignal.timeout(30_000))
    expect(failures).toEqual({ no_such_metric: expect.stringContaining('no_such_metric') })
    expect(replicas).toHaveLength(2)
  })
}
