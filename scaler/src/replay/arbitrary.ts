/** Random simulations and settings for property tests. */
import fc from 'fast-check'
import { defaultScaleDown, defaultScaleUp } from '../core/defaults.ts'
import type { HorizontalPodAutoscaler, MetricSpec } from '../core/types.ts'
import { defaultControllerOptions } from '../core/types.ts'
import { hpaFixture, podsMetric } from '../fakes/hpa-fixture.ts'
import type { Simulation } from '../sim/simulate.ts'

const connections = fc.integer({ min: 1, max: 500 }).map((value) => podsMetric('connections', value))
const cpu = fc.oneof(
  fc
    .integer({ min: 1, max: 200 })
    .map((averageUtilization): MetricSpec => ({ type: 'Resource', name: 'cpu', target: { type: 'Utilization', averageUtilization } })),
  fc
    .integer({ min: 1, max: 900 })
    .map((averageValueMilli): MetricSpec => ({ type: 'Resource', name: 'cpu', target: { type: 'AverageValue', averageValueMilli } })),
)
/** A metric that the simulated lab does not provide. */
const external: MetricSpec = { type: 'External', metric: { name: 'queue' }, target: { type: 'Value', valueMilli: 1000 } }

const rules = fc.record({
  stabilizationWindowSeconds: fc.integer({ min: 0, max: 300 }),
  selectPolicy: fc.constantFrom('Max', 'Min', 'Disabled'),
  policies: fc.array(
    fc.record({
      type: fc.constantFrom('Pods', 'Percent'),
      value: fc.integer({ min: 1, max: 100 }),
      periodSeconds: fc.integer({ min: 1, max: 120 }),
    }),
    { minLength: 1, maxLength: 3 },
  ),
})

/** Random settings whose metrics are provided by the simulated lab. */
export const settings: fc.Arbitrary<HorizontalPodAutoscaler> = fc
  .record({
    min: fc.integer({ min: 1, max: 5 }),
    more: fc.integer({ min: 0, max: 20 }),
    metrics: fc.oneof(fc.tuple(connections), fc.tuple(cpu), fc.tuple(connections, cpu)),
    behavior: fc.option(
      fc.oneof(fc.constant({ scaleUp: defaultScaleUp, scaleDown: defaultScaleDown }), fc.record({ scaleUp: rules, scaleDown: rules })),
      { nil: undefined },
    ),
  })
  .map(({ min, more, metrics, behavior }) =>
    hpaFixture({ minReplicas: min, maxReplicas: min + more, metrics, ...(behavior && { behavior }) }),
  )

/** A short random simulation. */
export const anySimulation: fc.Arbitrary<Simulation> = fc
  .record({
    hpa: settings,
    withExternal: fc.boolean(),
    seed: fc.integer({ min: 0, max: 1000 }),
    initialReplicas: fc.integer({ min: 0, max: 12 }),
    clients: fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 4 }),
    startDelaySeconds: fc.integer({ min: 0, max: 60 }),
    drainSeconds: fc.integer({ min: 0, max: 60 }),
    scrapeIntervalSeconds: fc.integer({ min: 1, max: 30 }),
    scrapeLagSeconds: fc.integer({ min: 0, max: 30 }),
    awayFrom: fc.integer({ min: 0, max: 400 }),
  })
  .map(({ hpa, withExternal, clients, awayFrom, ...lab }) => ({
    title: 'anything',
    hpa: withExternal ? { ...hpa, metrics: [...hpa.metrics, external] } : hpa,
    options: defaultControllerOptions,
    lab: {
      ...lab,
      clientsAt: (second) => clients[Math.floor(second / 60) % clients.length] ?? 0,
      metricsAwayAt: (second) => second >= awayFrom && second < awayFrom + 60,
    },
    durationSeconds: 240,
  }))
