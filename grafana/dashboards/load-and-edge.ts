/** The Load and edge dashboard compares the load generator, the router and the replicas. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { pages } from '../lib/pages.ts'
import {
  edgeCpu,
  httpAtReplicas,
  openByEntry,
  pool,
  reloads,
  requestsByCode,
  routedAgainstHeld,
  upgradesAtReplicas,
} from '../panels/edge.ts'
import { connectTime, messagesAnswered, roomDelivery, roundTrip, sessions, successRates, upgradesByCode } from '../panels/load.ts'
import { labPage } from './lab-page.ts'

/** Builds a new copy of the Load and edge dashboard on every call. */
export function loadAndEdge(): Dashboard {
  const rows = [
    {
      title: 'End to end',
      lines: [
        [sessions(), openByEntry(), routedAgainstHeld()],
        [upgradesByCode(), upgradesAtReplicas(), requestsByCode()],
      ],
    },
    {
      title: 'The load generator',
      lines: [
        [connectTime(), roundTrip(), roomDelivery()],
        [messagesAnswered(), successRates(), edgeCpu()],
      ],
    },
    {
      title: 'The router',
      lines: [[pool(), reloads(), httpAtReplicas()]],
    },
  ]
  return labPage(pages.edge, rows)
}
