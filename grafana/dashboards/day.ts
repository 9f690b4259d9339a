/** The dashboard of the last 24 hours shows how load, replicas, latency, errors and cost developed over a day. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { pages } from '../lib/pages.ts'
import { half } from '../lib/styles.ts'
import { closesByCause } from '../panels/comebacks.ts'
import { connectionsOverTime } from '../panels/connections.ts'
import { costOfRange, costPerHour, price } from '../panels/cost.ts'
import { errors, replicaStatus } from '../panels/health.ts'
import { latency, messagesReceived } from '../panels/messages.ts'
import { counts } from '../panels/scaler.ts'
import { cpu, replicaCount } from '../panels/scaling.ts'
import { labPage } from './lab-page.ts'

/** Builds a new copy of the dashboard of the last 24 hours on every call. */
export function day(): Dashboard {
  const rows = [
    { title: 'Load', lines: [[connectionsOverTime(), messagesReceived(), latency()]] },
    { title: 'Replicas and their number', lines: [[counts(), replicaCount(), cpu()], [replicaStatus(24)]] },
    { title: 'Errors by cause', lines: [[errors(half), closesByCause(half)]] },
    { title: 'Cost of the day', lines: [[costPerHour(half), costOfRange(half)]] },
  ]
  return labPage(pages.day, rows, [price])
}
