/** The scaler's view: how many replicas and why, what a change costs clients, and what all of it costs. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { labPage } from '../lib/dashboards.ts'
import { pages } from '../lib/pages.ts'
import { costOfRange, costPerConnection, costPerHour, price } from '../panels/cost.ts'
import { replicaMarks } from '../panels/marks.ts'
import { counts, decisions, metricsAgainstTargets, metricValues, stages, timeToReady } from '../panels/scaler.ts'
import { actionDuration, changes, conditions, synchronisation, timeScale, uncounted } from '../panels/scaler-health.ts'
import { cpu, drainProgress, drops, replicaCount } from '../panels/scaling.ts'

/** Builds the dashboard; a new value each time. */
export function scaling(): Dashboard {
  const rows = [
    {
      title: 'How many, and why',
      lines: [
        [counts(), stages(), metricsAgainstTargets()],
        [replicaCount(), metricValues(), cpu()],
      ],
    },
    { title: 'What a change costs clients', lines: [[timeToReady(), drainProgress(), drops()]] },
    { title: 'Cost', lines: [[costPerHour(), costOfRange(), costPerConnection()]] },
    {
      title: 'The scaler itself',
      lines: [
        [conditions(), uncounted(), changes()],
        [actionDuration(), synchronisation(), timeScale()],
      ],
    },
  ]
  return labPage(pages.scaling, rows, { marks: [decisions, ...replicaMarks], variables: [price] })
}
