/** The Users dashboard shows the rate, errors and duration of connections and messages, as well as reconnects. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { burnClocks } from '@lab/contract/service-levels.ts'
import { pages } from '../lib/pages.ts'
import { closesByCause, connectionDuration, connectionFailures, replayed, resumes, sessionsHeld } from '../panels/comebacks.ts'
import { activeConnections, connectionRate, connectionsOverTime } from '../panels/connections.ts'
import { errors } from '../panels/health.ts'
import { latency, latencyHeatmap, messagesReceived, messagesSent, traffic } from '../panels/messages.ts'
import { budgetBurn } from '../panels/service-levels.ts'
import { labPage } from './lab-page.ts'

/** Builds a new copy of the Users dashboard on every call. */
export function users(): Dashboard {
  const rows = [
    {
      title: 'Rate',
      lines: [
        [activeConnections(), connectionRate(), connectionsOverTime()],
        [messagesReceived(), messagesSent(), traffic()],
      ],
    },
    {
      title: 'Errors and duration',
      lines: [
        [connectionFailures(), errors(), closesByCause()],
        [latency(), latencyHeatmap(), connectionDuration()],
      ],
    },
    { title: 'Reconnects', lines: [[resumes(), sessionsHeld(), replayed()]] },
    { title: 'Service levels', lines: [burnClocks.map(budgetBurn)] },
  ]
  return labPage(pages.users, rows)
}
