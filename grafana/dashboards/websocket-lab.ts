/** The home dashboard: the twelve panels that tell whether clients are served while replicas come and go. */

import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { grafana, services } from '@lab/contract/endpoints.ts'
import { stateColors } from '../lib/colors.ts'
import { panelQueries as ask, dashboard } from '../lib/dashboards.ts'
import { text } from '../lib/panels.ts'
import { perReplica } from '../lib/styles.ts'
import { activeConnections, connectionRate, connectionsOverTime } from '../panels/connections.ts'
import { errors, replicaStatus, resources } from '../panels/health.ts'
import { latency, messagesReceived, messagesSent } from '../panels/messages.ts'
import { cpu, drops, replicaCount } from '../panels/scaling.ts'

/** Builds the dashboard; a new value each time. */
export function websocketLab(): Dashboard {
  const about = {
    uid: grafana.homeDashboardUid,
    title: 'WebSocket Scaling Lab',
    description: 'Connections, messages, scaling and health of all replicas. Totals are sums over replicas.',
    tags: ['websocket-lab'],
  }
  const rows = [
    { lines: [[text('What to run next', nextSteps, 5)]] },
    { title: 'Connection Overview', lines: [[activeConnections(), connectionRate(), connectionsOverTime()]] },
    { title: 'Message Throughput', lines: [[messagesReceived(), messagesSent(), latency()]] },
    { title: 'Scaling Events', lines: [[replicaCount(), cpu(), drops()]] },
    { title: 'System Health', lines: [[replicaStatus(), resources(), errors()]] },
  ]
  return dashboard(about, rows, [
    { name: 'Replica drains', expr: ask.drainingReplicas, color: stateColors.draining, text: `${perReplica} drains` },
    { name: 'Replica started', expr: ask.startedReplicas, color: stateColors.starting, text: `${perReplica} started` },
  ])
}

const nextSteps = `Nothing moves yet? Run one of these beside \`compose.yaml\`, then watch the row it names.

| Run | Watch |
| --- | --- |
| \`docker compose run --rm ${services.k6}\` | **Connection Overview** and **Message Throughput**: 300 connections for a minute |
| \`docker compose up -d --no-deps --no-recreate --scale ${services.ws}=5 ${services.ws}\` | **Scaling Events**: two more replicas within seconds |
| \`docker compose up -d --no-deps --no-recreate --scale ${services.ws}=2 ${services.ws}\` | **Connection drops during scaling**: planned closes, none lost |`
