/**
 * A fake metric source whose values are set by the test. If the test sets no values, the fake behaves like a Prometheus server without any
 * series.
 */
import { seriesKey } from '../core/types.ts'
import type { MetricReadings, MetricSource } from '../ports.ts'

export interface FakeMetrics extends MetricSource {
  readings: MetricReadings
  /** Error that every metric reports, as if Prometheus were unreachable; null for no failure. */
  away: string | null
}

export const noReadings: MetricReadings = { replicas: [], draining: [], objectValuesMilli: {}, externalValuesMilli: {}, failures: {} }

export function fakeMetrics(): FakeMetrics {
  const fake: FakeMetrics = {
    readings: noReadings,
    away: null,
    read: async (metrics) => {
      const asked = new Set(metrics.map(seriesKey))
      const { away, readings } = fake
      if (away !== null) return { ...noReadings, failures: Object.fromEntries([...asked].map((key) => [key, away])) }
      const known = new Set(readings.replicas.flatMap(({ valuesMilli }) => Object.keys(valuesMilli)))
      const strange = [...asked].filter((key) => !key.startsWith('resource/') && known.size > 0 && !known.has(key))
      const resources = [...asked].some((key) => key.startsWith('resource/'))
      return {
        ...readings,
        replicas: readings.replicas.map(({ name, sample, valuesMilli }) => ({
          name,
          sample: resources ? sample : null,
          valuesMilli: Object.fromEntries(Object.entries(valuesMilli).filter(([key]) => asked.has(key))),
        })),
        failures: { ...readings.failures, ...Object.fromEntries(strange.map((key) => [key, `no metric ${key}`])) },
      }
    },
  }
  return fake
}
