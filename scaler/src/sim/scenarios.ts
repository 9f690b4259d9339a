/** The simulations whose traces are kept: each shows one thing the autoscaler must get right. */
import { defaultScaleDown, defaultScaleUp } from '../core/defaults.ts'
import type { HorizontalPodAutoscaler } from '../core/types.ts'
import { defaultControllerOptions } from '../core/types.ts'
import type { Simulation } from './simulate.ts'
import type { WorldSettings } from './world.ts'

const hpa: HorizontalPodAutoscaler = {
  name: 'ws',
  namespace: 'default',
  scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'ws' },
  minReplicas: 2,
  maxReplicas: 10,
  metrics: [
    { type: 'Pods', metric: { name: 'connections' }, target: { type: 'AverageValue', averageValueMilli: 100_000 } },
    { type: 'Resource', name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } },
  ],
  behavior: {
    scaleUp: defaultScaleUp,
    scaleDown: {
      stabilizationWindowSeconds: 120,
      selectPolicy: 'Max',
      policies: [{ type: 'Pods', value: 1, periodSeconds: 30 }],
    },
  },
}

const world: WorldSettings = {
  seed: 7,
  initialReplicas: 2,
  clientsAt: () => 150,
  startDelaySeconds: 8,
  drainSeconds: 20,
  scrapeIntervalSeconds: 5,
  scrapeLagSeconds: 1,
}

const base: Simulation = { title: '', hpa, options: defaultControllerOptions, world, durationSeconds: 600 }

/** A straight line through the given points (time, clients), level before the first and after the last. */
function curve(...points: readonly (readonly [number, number])[]): (timeSeconds: number) => number {
  return (timeSeconds) => {
    const after = points.findIndex(([at]) => at > timeSeconds)
    const [toTime, to] = points[after] ?? points.at(-1) ?? [0, 0]
    const [fromTime, from] = points[after - 1] ?? [toTime, to]
    if (after <= 0 || toTime === fromTime) return to
    return Math.round(from + ((to - from) * (timeSeconds - fromTime)) / (toTime - fromTime))
  }
}

const withoutBehavior = (({ behavior: _, ...rest }) => rest)(hpa)

export const simulations: Readonly<Record<string, Simulation>> = {
  steady: { ...base, title: 'Nothing happens and nothing is done', durationSeconds: 300 },
  surge: {
    ...base,
    title: 'Clients arrive at once, stay for some minutes and go again: up by the policies, down one by one after the window',
    world: { ...world, clientsAt: curve([60, 150], [65, 900], [360, 900], [380, 120]) },
    durationSeconds: 720,
  },
  wave: {
    ...base,
    title: 'The load swings faster than the window: nobody is removed in a trough',
    world: { ...world, seed: 11, clientsAt: (time) => Math.round(500 + 300 * Math.sin((2 * Math.PI * time) / 100)) },
    durationSeconds: 900,
  },
  blind: {
    ...base,
    title: 'The metrics cannot be read for two minutes while the load falls: the count is held, then falls',
    world: { ...world, initialReplicas: 6, clientsAt: curve([60, 550], [90, 200]), metricsAwayAt: (time) => time >= 75 && time < 195 },
    durationSeconds: 720,
  },
  lag: {
    ...base,
    title: 'Samples come late and replicas start slowly: those without a sample are missing, not idle',
    world: { ...world, clientsAt: curve([60, 180], [120, 700]), scrapeIntervalSeconds: 30, scrapeLagSeconds: 20, startDelaySeconds: 40 },
  },
  'no-behavior': {
    ...base,
    title: 'The surge without a behavior: doubled at most, and five minutes until anyone leaves',
    hpa: withoutBehavior,
    world: { ...world, clientsAt: curve([60, 150], [65, 900], [240, 900], [260, 120]) },
    durationSeconds: 720,
  },
  'slow-up': {
    ...base,
    title: 'A window and a policy for the way up, and the stricter policy wins',
    hpa: {
      ...hpa,
      behavior: {
        scaleUp: {
          stabilizationWindowSeconds: 45,
          selectPolicy: 'Min',
          policies: [
            { type: 'Pods', value: 2, periodSeconds: 60 },
            { type: 'Percent', value: 50, periodSeconds: 30 },
          ],
        },
        scaleDown: { ...defaultScaleDown, selectPolicy: 'Disabled' },
      },
    },
    world: { ...world, seed: 3, clientsAt: curve([60, 150], [65, 900], [360, 900], [380, 120]) },
  },
}
