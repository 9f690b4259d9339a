/** The Logs dashboard shows the log volume, and the log lines of a single connection. The Logs dashboard uses the Loki data source. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { labPage } from '../lib/dashboards.ts'
import { pages } from '../lib/pages.ts'
import { allLines, closesInLogs, complaints, lineRate, logVariables, oneConnection } from '../panels/logs.ts'
import { rolloutMark } from '../panels/marks.ts'

/** Builds a new copy of the Logs dashboard on every call. */
export function logs(): Dashboard {
  const rows = [
    { title: 'Log volume', lines: [[lineRate(), complaints(), closesInLogs()]] },
    { title: 'Log lines', lines: [[oneConnection()], [allLines()]] },
  ]
  return labPage(pages.logs, rows, { marks: [rolloutMark], variables: logVariables() })
}
