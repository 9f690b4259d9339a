/** The dashboard of logs: log volume, and the log lines of one connection. The dashboard of logs uses the data source Loki. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { labPage } from '../lib/dashboards.ts'
import { pages } from '../lib/pages.ts'
import { allLines, closesInLogs, complaints, lineRate, logVariables, oneConnection } from '../panels/logs.ts'
import { rolloutMark } from '../panels/marks.ts'

/** Builds the dashboard. Every call of this function returns a new object. */
export function logs(): Dashboard {
  const rows = [
    { title: 'Log volume', lines: [[lineRate(), complaints(), closesInLogs()]] },
    { title: 'Log lines', lines: [[oneConnection()], [allLines()]] },
  ]
  return labPage(pages.logs, rows, { marks: [rolloutMark], variables: logVariables() })
}
