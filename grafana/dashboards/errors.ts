/** The Errors dashboard shows everything that fails: handshakes, messages and connections, at the router and at the replicas. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { burnClocks } from '@lab/contract/service-levels.ts'
import { pages } from '../lib/pages.ts'
import { closesByCause, connectionFailures, resumes } from '../panels/comebacks.ts'
import { requestsByCode, upgradesAtReplicas } from '../panels/edge.ts'
import { errors } from '../panels/health.ts'
import { successRates, upgradesByCode } from '../panels/load.ts'
import { drops } from '../panels/scaling.ts'
import { budgetBurn } from '../panels/service-levels.ts'
import { labPage } from './lab-page.ts'

/** Builds a new copy of the Errors dashboard on every call. */
export function errorRates(): Dashboard {
  const rows = [
    { title: 'What clients notice', lines: [[connectionFailures(), errors(), drops()]] },
    {
      title: 'Where it fails',
      lines: [
        [upgradesByCode(), requestsByCode(), upgradesAtReplicas()],
        [closesByCause(), resumes(), successRates()],
      ],
    },
    { title: 'Service levels', lines: [burnClocks.map(budgetBurn)] },
  ]
  return labPage(pages.errors, rows)
}
