/**
 * Load on the lab through its entry: many users, each with a socket, a cookie jar, and something to say now and then.
 *   docker compose run --rm k6                        one minute, 300 sockets
 *   docker compose run --rm -e SCENARIO=ramp k6       any of lib/scenarios.ts; SHORT=1 for less time
 * SCENARIO=storm wants somebody to kill a replica: npm run storm does.
 * SOCKETS, DURATION (seconds), SOCKETS_PER_VU, SEED, TARGET, READY_SECONDS and REPORTS_DIR change the details (lib/settings.ts).
 * The exit code is 0 when every threshold held (lib/thresholds.ts), 99 when one was missed.
 */
import exec from 'k6/execution'
import type { Options } from 'k6/options'
import { runLedger } from './lib/ledger.ts'
import { waitUntilReady } from './lib/ready.ts'
import { curveLengthMs } from './lib/scenarios.ts'
import type { Settings } from './lib/settings.ts'
import { readSettings } from './lib/settings.ts'
import { runSlot } from './lib/slot.ts'
import { findTarget, runStormSlot, type StormTarget } from './lib/storm.ts'
import { stormOf, stormText, stormThresholds } from './lib/storm-summary.ts'
import type { SummaryData } from './lib/summary.ts'
import { jsonSummary, textSummary } from './lib/summary.ts'
import { ledgerThresholds, thresholdsFor } from './lib/thresholds.ts'

// k6 runs this file once per VU, and setup() once: what it returns is the one seed for all of them.
const settings = settingsOrAbort()
const vus = Math.ceil(settings.sockets / settings.socketsPerVu)
const lengthSeconds = Math.ceil(curveLengthMs(settings.stages) / 1000)

export const options: Options = {
  scenarios: {
    [settings.scenario]: {
      executor: 'per-vu-iterations',
      vus,
      iterations: 1,
      // Slots close their sockets by themselves; this is the bound for when one does not.
      maxDuration: `${lengthSeconds + 20}s`,
      gracefulStop: '10s',
    },
  },
  thresholds: thresholds(),
  summaryTrendStats: ['avg', 'min', 'med', 'p(95)', 'p(99)', 'max', 'count'],
  // Not `url`: every socket has its own, and each would be a series of its own in Prometheus.
  systemTags: ['scenario', 'status', 'name'],
  // A little longer than our own bound, so that ours gets to speak.
  setupTimeout: `${settings.readySeconds + 15}s`,
  throw: true,
}

/** What all virtual users go by. */
type Agreed = Settings & { storm?: StormTarget }

export function setup(): Agreed {
  const { scenario, short, sockets, target, seed } = settings
  console.log(`${scenario}${short ? ' (short)' : ''}: ${sockets} sockets on ${vus} VUs to ${target} for ${lengthSeconds} s, SEED=${seed}`)
  waitUntilReady(target, settings.readySeconds)
  if (scenario !== 'storm') return settings
  const storm = findTarget(settings)
  console.log(`all sockets go to ${storm.replica}; ${settings.clients} clients come back when it dies`)
  return { ...settings, storm }
}

export default function vu(agreed: Agreed): void {
  const { startTime, iterationInTest } = exec.scenario
  if (agreed.scenario === 'ledger') {
    const sockets = Math.floor(agreed.sockets / vus) + (iterationInTest < agreed.sockets % vus ? 1 : 0)
    runLedger(agreed, sockets, iterationInTest, startTime + lengthSeconds * 1000)
    return
  }
  for (let index = iterationInTest; index < agreed.sockets; index += vus) {
    if (agreed.storm) runStormSlot(agreed, agreed.storm, index, startTime)
    else runSlot({ settings: agreed, index, startedAtMs: startTime })
  }
}

export function handleSummary(data: SummaryData & { setup_data?: Agreed }): Record<string, string> {
  const used: Agreed = data.setup_data ?? settings
  if (used.storm) {
    const storm = stormOf(data, used, used.storm.replica)
    const path = `${used.reportsDir}/k6-storm-${used.clients}.json`
    return { stdout: stormText(storm, path), [path]: `${JSON.stringify(storm, null, 2)}\n` }
  }
  const path = `${used.reportsDir}/k6-${used.scenario}.json`
  const text = data.setup_data ? textSummary(data, used, path) : '\nThe run ended before any socket was dialled.\n'
  return { stdout: text, [path]: jsonSummary(data, used) }
}

function thresholds(): Record<string, string[]> {
  if (settings.scenario === 'ledger') return ledgerThresholds
  return settings.scenario === 'storm' ? stormThresholds(settings.sockets) : thresholdsFor(settings.sockets)
}

/** The settings, or the end of the run with one line that says everything that is wrong. */
function settingsOrAbort(): Settings {
  const read = readSettings(__ENV, Math.floor(Math.random() * 2 ** 32))
  if (read.ok) return read.settings
  exec.test.abort(read.problems.join('; '))
  throw new Error('unreachable: abort() does not return')
}
