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
This table lists every alert with a link to its runbook, which describes the symptom, the diagnosis, the remedy and a way to trigger the
alert. Prometheus sends alerts to Alertmanager, which forwards them to the lab's own receiver; <http://localhost:9094> shows the last
hundred alerts. \`npm run test:alerts\` triggers each alert on the running lab, and records in \`reports/alerts.md\` how long each alert
took to fire and to resolve.

Each alert on a service level objective (99.9 %) exists in two versions, one for the real clock and one for the lab's clock. On the real
clock, each service level objective covers a period of about a month. On the lab's clock, an hour takes one minute, so that the alert can be
observed within minutes.

${table(['Alert', 'Service level, clock', 'Severity', 'Summary', 'After', 'Dashboard'], rows)}
`
}

function rulesOf(text: string): Rule[] {
  return (parse(text) as { groups: { rules: Rule[] }[] }).groups.flatMap(({ rules }) => rules)
}
