/** The Replicas dashboard shows each replica's state, connections and resource usage. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { pages } from '../lib/pages.ts'
import { replicaStatus, resources } from '../panels/health.ts'
import { connectionsPerReplica, connectionsPerVersion, fullness, restarts, skew, uptime, versions } from '../panels/replicas.ts'
import { eventLoopLag, eventLoopUtilization, garbageCollection, memory } from '../panels/runtime.ts'
import { cpu } from '../panels/scaling.ts'
import { labPage } from './lab-page.ts'

/** Builds a new copy of the Replicas dashboard on every call. */
export function replicas(): Dashboard {
  const rows = [
    { title: 'State', lines: [[replicaStatus(24)], [uptime(), restarts()]] },
    { title: 'Versions', lines: [[connectionsPerVersion(), versions()]] },
    { title: 'Connections', lines: [[connectionsPerReplica(), skew(), fullness()]] },
    {
      title: 'CPU, memory and event loop',
      lines: [
        [cpu(), memory(), resources()],
        [eventLoopLag(), eventLoopUtilization(), garbageCollection()],
      ],
    },
  ]
  return labPage(pages.replicas, rows)
}
