/** Generates docs/alerts.md from Prometheus' alerting rules. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { code, heading, table } from '@lab/host/markdown.ts'
import { parse } from 'yaml'
import { sloRules } from './slo-rules.ts'

interface Rule {
  alert?: string
  for?: string
  labels?: { severity?: string; slo?: string; clock?: string }
  annotations?: Record<string, string>
}

const folder = join(import.meta.dirname, '..', '..', 'prometheus', 'rules')
const generated = 'slo.rules.yaml'

/** Renders the alerts page as Markdown. */
export function alertsPage(): string {
  const written = readdirSync(folder).filter((file) => file.endsWith('.rules.yaml') && file !== generated)
  const files = [...written.sort().map((file) => readFileSync(join(folder, file), 'utf8')), sloRules()]
  const rows = files.flatMap(rulesOf).flatMap(({ alert, labels = {}, annotations = {}, for: wait = '' }) => {
    if (alert === undefined) return []
    const apart = [labels.slo, labels.clock].filter((value) => value !== undefined).join(', ')
    const summary = (annotations.summary ?? '').replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, '*$1*')
    const dashboard = annotations.dashboard_url?.split('/').at(-1) ?? ''
    return [[`[${alert}](runbooks/${alert}.md)`, apart, labels.severity ?? '', summary, wait, code(dashboard)]]
  })
  return `${heading('Alerts', 'prometheus/rules/ and tools/generate/slo-rules.ts')}
This table lists every alert with a link to its runbook, which describes symptom, diagnosis, remedy and a way to provoke the alert.
Prometheus sends alerts to Alertmanager, and Alertmanager sends them to the lab's own receiver, <http://localhost:9094>, which shows
the last hundred. \`npm run test:alerts\` provokes each alert on the running lab, and writes to \`reports/alerts.md\` how long it took
until the alert fired and was resolved.

Each alert on a service level (99.9 %) exists on two clocks. On the real clock, an objective covers about a month. On the lab's clock, an
hour takes one minute, so that people can observe the alert within minutes.

${table(['Alert', 'Service level, clock', 'Severity', 'Summary', 'After', 'Dashboard'], rows)}
`
}

function rulesOf(text: string): Rule[] {
  return (parse(text) as { groups: { rules: Rule[] }[] }).groups.flatMap(({ rules }) => rules)
}
