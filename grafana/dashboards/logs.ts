/** The Logs dashboard shows the log volume, and the log lines of a single connection. The Logs dashboard uses the Loki data source. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { pages } from '../lib/pages.ts'
import { allLines, closesInLogs, complaints, lineRate, logVariables, oneConnection } from '../panels/logs.ts'
import { labPage } from './lab-page.ts'

/** Builds a new copy of the Logs dashboard on every call. */
export function logs(): Dashboard {
  const rows = [
    { title: 'Log volume', lines: [[lineRate(), complaints(), closesInLogs()]] },
    { title: 'Log lines', lines: [[allLines()], [oneConnection()]] },
  ]
  return labPage(pages.logs, rows, logVariables())
}
