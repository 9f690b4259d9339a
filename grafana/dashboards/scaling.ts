/** The Scaling dashboard shows the number of replicas, the reasons for changes, their effect on clients, and the cost. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { pages } from '../lib/pages.ts'
import { costOfRange, costPerConnection, costPerHour, price } from '../panels/cost.ts'
import { counts, metricsAgainstTargets, metricValues, proposals, shadow, timeToReady } from '../panels/scaler.ts'
import { actionDuration, changes, conditions, synchronisation, timeScale, uncounted } from '../panels/scaler-health.ts'
import { cpu, drainProgress, drops, replicaCount } from '../panels/scaling.ts'
import { labPage } from './lab-page.ts'

/** Builds a new copy of the Scaling dashboard on every call. */
export function scaling(): Dashboard {
  const rows = [
    {
      title: 'Number of replicas, and reasons for changes',
      lines: [
        [counts(), proposals(), metricsAgainstTargets()],
        [replicaCount(), metricValues(), cpu()],
      ],
    },
    { title: 'Effect of changes on clients', lines: [[timeToReady(), drainProgress(), drops()]] },
    { title: 'Cost', lines: [[costPerHour(), costOfRange(), costPerConnection()]] },
    {
      title: 'The scaler itself',
      lines: [[conditions(), uncounted(), changes()], [actionDuration(), synchronisation(), timeScale()], [shadow(24)]],
    },
  ]
  return labPage(pages.scaling, rows, [price])
}
