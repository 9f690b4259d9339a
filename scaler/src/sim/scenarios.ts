/** Defines the simulations whose traces are compared with stored files. Each simulation tests one aspect of the autoscaler. */
import { defaultScaleDown, defaultScaleUp } from '../core/defaults.ts'
import { defaultControllerOptions } from '../core/types.ts'
import { hpaFixture, podsMetric } from '../fakes/hpa-fixture.ts'
import type { Simulation } from './simulate.ts'
import type { SimulatedLabSettings } from './simulated-lab.ts'

const hpa = hpaFixture({
  minReplicas: 2,
  metrics: [podsMetric('connections', 100), { type: 'Resource', name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } }],
  behavior: {
    scaleUp: defaultScaleUp,
    scaleDown: {
      stabilizationWindowSeconds: 120,
      selectPolicy: 'Max',
      policies: [{ type: 'Pods', value: 1, periodSeconds: 30 }],
    },
  },
})

const lab: SimulatedLabSettings = {
  seed: 7,
  initialReplicas: 2,
  clientsAt: () => 150,
  startDelaySeconds: 8,
  drainSeconds: 20,
  scrapeIntervalSeconds: 5,
  scrapeLagSeconds: 1,
}

const base: Simulation = { title: '', hpa, options: defaultControllerOptions, lab, durationSeconds: 600 }

/**
 * Returns a piecewise linear function through the (time, clients) points that is constant before the first point and after the last one.
 */
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
  steady: { ...base, title: 'The load is constant, and the count does not change', durationSeconds: 300 },
  surge: {
    ...base,
    title: 'A surge of clients for some minutes: up as fast as the policies allow, down one by one after the window',
    lab: { ...lab, clientsAt: curve([60, 150], [65, 900], [360, 900], [380, 120]) },
    durationSeconds: 720,
  },
  wave: {
    ...base,
    title: 'The load oscillates faster than the window: no replica is removed in a trough',
    lab: { ...lab, seed: 11, clientsAt: (time) => Math.round(500 + 300 * Math.sin((2 * Math.PI * time) / 100)) },
    durationSeconds: 900,
  },
  blind: {
    ...base,
    title: 'The metrics cannot be read for two minutes while the load falls: the count stays, and falls afterwards',
    lab: { ...lab, initialReplicas: 6, clientsAt: curve([60, 550], [90, 200]), metricsAwayAt: (time) => time >= 75 && time < 195 },
    durationSeconds: 720,
  },
  lag: {
    ...base,
    title: 'Samples are late and replicas start slowly: replicas without a sample count as missing, not as idle',
    lab: { ...lab, clientsAt: curve([60, 180], [120, 700]), scrapeIntervalSeconds: 30, scrapeLagSeconds: 20, startDelaySeconds: 40 },
  },
  'no-behavior': {
    ...base,
    title: 'The surge without a behavior: the count doubles at most, and falls after five minutes',
    hpa: withoutBehavior,
    lab: { ...lab, clientsAt: curve([60, 150], [65, 900], [240, 900], [260, 120]) },
    durationSeconds: 720,
  },
  'slow-up': {
    ...base,
    title: 'A window for scaling up, and selectPolicy Min',
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
    lab: { ...lab, seed: 3, clientsAt: curve([60, 150], [65, 900], [360, 900], [380, 120]) },
  },
}
