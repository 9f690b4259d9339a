/** A HorizontalPodAutoscaler for tests, simulations and benchmarks. */
import { services } from '@lab/contract/endpoints.ts'
import type { HorizontalPodAutoscaler, MetricSpec } from '../core/types.ts'

/** Returns an HPA with 1 to 10 replicas, a target of 100 connections per replica, and no `behavior`. @param change fields to replace */
export function hpaFixture(change: Partial<HorizontalPodAutoscaler> = {}): HorizontalPodAutoscaler {
  return {
    name: services.ws,
    namespace: 'default',
    scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: services.ws },
    minReplicas: 1,
    maxReplicas: 10,
    metrics: [podsMetric('connections', 100)],
    ...change,
  }
}

/** Returns a Pods metric with a target of type AverageValue. */
export function podsMetric(name: string, averageValue: number): Extract<MetricSpec, { type: 'Pods' }> {
  return { type: 'Pods', metric: { name }, target: { type: 'AverageValue', averageValueMilli: averageValue * 1000 } }
}
