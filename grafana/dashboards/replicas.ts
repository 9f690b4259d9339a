/** Each replica: its state, its share of the connections, and what it uses. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { labPage } from '../lib/dashboards.ts'
import { pages } from '../lib/pages.ts'
import { replicaStatus, resources } from '../panels/health.ts'
import { replicaMarks } from '../panels/marks.ts'
import { connectionsPerReplica, fullness, restarts, skew, uptime, versions } from '../panels/replicas.ts'
import { eventLoopLag, eventLoopUtilization, garbageCollection, memory } from '../panels/runtime.ts'
import { cpu } from '../panels/scaling.ts'

/** Builds the dashboard; a new value each time. */
export function replicas(): Dashboard {
  const rows = [
    { title: 'State', lines: [[replicaStatus(24)], [uptime(), restarts(), versions()]] },
    { title: 'Connections', lines: [[connectionsPerReplica(), skew(), fullness()]] },
    {
      title: 'What they use',
      lines: [
        [cpu(), memory(), resources()],
        [eventLoopLag(), eventLoopUtilization(), garbageCollection()],
      ],
    },
  ]
  return labPage(pages.replicas, rows, { marks: replicaMarks })
}
