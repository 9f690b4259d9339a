/** docs/alerts.md, from the rules beside Prometheus's configuration. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { code, heading, table } from './markdown.ts'
import { sloRules } from './slo-rules.ts'

interface Rule {
  alert?: string
  for?: string
  labels?: { severity?: string; slo?: string; clock?: string }
  annotations?: Record<string, string>
}

const folder = join(import.meta.dirname, '..', '..', 'prometheus', 'rules')
const generated = 'slo.rules.yaml'

/** The page. */
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
  return `${heading('Alerts', 'prometheus/rules/ and scripts/generate/slo-rules.ts')}
Every alert, with its runbook: symptom, where to look, what to do, how to provoke it. Prometheus sends them to Alertmanager,
and Alertmanager to the lab's own receiver, <http://localhost:9094>, which shows the last hundred. \`npm run test:alerts\`
provokes each of them on the running lab, and writes to \`reports/alerts.md\` how long it took to come and to go.

Those with a service level (99.9 %) stand there twice: on the real clock an objective is about a month; on the lab's clock an
hour is a minute, so that they can be watched at work.

${table(['Alert', 'Service level, clock', 'Severity', 'Summary', 'After', 'Dashboard'], rows)}
`
}

function rulesOf(text: string): Rule[] {
  return (parse(text) as { groups: { rules: Rule[] }[] }).groups.flatMap(({ rules }) => rules)
}
