/** The home dashboard has headline numbers and twelve panels that show whether clients are served while replicas start and stop. */

import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { services } from '@lab/contract/endpoints.ts'
import { pages } from '../lib/pages.ts'
import { panelHeight, text } from '../lib/panels.ts'
import { half } from '../lib/styles.ts'
import { alerts } from '../panels/alerts.ts'
import { activeConnections, connectionRate, connectionsOverTime } from '../panels/connections.ts'
import { errors, replicaStatus, resources } from '../panels/health.ts'
import { latency, messagesReceived, messagesSent } from '../panels/messages.ts'
import { cpu, drops, replicaCount } from '../panels/scaling.ts'
import { targets } from '../panels/targets.ts'
import { labPage } from './lab-page.ts'

/** Builds a new copy of the home dashboard on every call. */
export function websocketLab(): Dashboard {
  const rows = [
    { title: 'Connection Overview', lines: [[activeConnections(), connectionRate(), connectionsOverTime()]] },
    { title: 'Message Throughput', lines: [[messagesReceived(), messagesSent(), latency()]] },
    { title: 'Scaling Events', lines: [[replicaCount(), cpu(), drops()]] },
    { title: 'System Health', lines: [[replicaStatus(), resources(), errors()]] },
    { title: 'The lab itself', lines: [[targets(half), alerts(half)], [text('What to run next', nextSteps, panelHeight)]] },
  ]
  return labPage(pages.start, rows)
}

const nextSteps = `If the panels are empty, run one of these commands in the folder of \`compose.yaml\`, and watch the named row. If the scaler runs, it undoes the two commands that set the number of replicas. The menu *Pages* at the top leads to more dashboards.

| Run | Watch |
| --- | --- |
| \`docker compose run --rm ${services.k6}\` | **Connection Overview** and **Message Throughput**: 300 connections for a minute |
| \`docker compose up -d --no-deps --no-recreate --scale ${services.ws}=5 ${services.ws}\` | **Scaling Events**: two more replicas within seconds |
| \`docker compose up -d --no-deps --no-recreate --scale ${services.ws}=2 ${services.ws}\` | **Connection drops during scaling**: planned closes, none lost |`
