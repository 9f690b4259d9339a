/**
 * Shows what every panel would show now: `npm run panels`, while the lab runs and has load. It exits with 1 when a panel has no
 * data though nothing is missing that it needs. Results also go to reports/panels.md and reports/panels.json.
 *
 *   npm run panels                              ask Prometheus at its usual port (PROMETHEUS_PORT, or 9090)
 *   npm run panels -- --seconds 30              keep asking for so long, and show the newest answer there was
 *   npm run panels -- --prometheus http://127.0.0.1:9091
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { prometheusOnHost } from '../scaler/src/commands/options.ts'
import { loadEnvFile } from '../scaler/src/env-file.ts'
import { summary, writeReport } from './panels/report.ts'
import { unexplained, watchPanels } from './panels/watch.ts'

loadEnvFile()
const { values } = parseArgs({
  options: {
    prometheus: { type: 'string', default: prometheusOnHost() },
    seconds: { type: 'string', default: '0' },
  },
})
const seconds = Number(values.seconds)

if (!Number.isInteger(seconds) || seconds < 0 || seconds > 600 || !URL.canParse(values.prometheus)) {
  const given = `--seconds ${values.seconds} --prometheus ${values.prometheus}`
  console.error(`panels: ${given}: allowed are a whole number from 0 to 600 and a URL as in http://127.0.0.1:9090`)
  process.exit(1)
}

const watch = watchPanels(values.prometheus)
const until = performance.now() + seconds * 1000
try {
  for (;;) {
    await watch.look()
    if (performance.now() >= until) break
    await sleep(1000)
  }
} catch (error) {
  const cause = error instanceof Error && error.cause instanceof Error ? ` (${error.cause.message})` : ''
  console.error(`panels: ${values.prometheus} does not answer: ${error instanceof Error ? error.message : String(error)}${cause}`)
  process.exit(1)
}

const answers = watch.answers()
console.log(writeReport('panels', answers, new Date().toISOString()))
const empty = unexplained(answers, [])
for (const { page, panel, refId } of empty) console.error(`no data: ${page} / ${panel} / ${refId}`)
console.log(summary(answers))
if (empty.length > 0) process.exitCode = 1
