/** Logs: how much is written, and what is written about one connection. It asks Loki, not Prometheus. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { labPage } from '../lib/dashboards.ts'
import { pages } from '../lib/pages.ts'
import { allLines, closesInLogs, complaints, lineRate, logVariables, oneConnection } from '../panels/logs.ts'

/** Builds the dashboard; a new value each time. */
export function logs(): Dashboard {
  const rows = [
    { title: 'How much', lines: [[lineRate(), complaints(), closesInLogs()]] },
    { title: 'What', lines: [[oneConnection()], [allLines()]] },
  ]
  return labPage(pages.logs, rows, { variables: logVariables() })
}
