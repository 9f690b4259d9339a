/**
 * Generates load through the lab's endpoint: many users, each with a socket and a cookie jar, send occasional messages.
 * `docker compose run --rm k6` opens 300 sockets for one minute.
 * `docker compose run --rm -e SCENARIO=ramp k6` runs a scenario from lib/scenarios.ts; `-e SHORT=1` selects a shorter load curve.
 * Other settings (lib/settings.ts): SOCKETS, DURATION (seconds), SOCKETS_PER_VU, SEED, TARGET, CONTROL, READY_SECONDS, LAB_PROJECT, REPORTS_DIR. k6
 * exits with code 0 if all thresholds (lib/thresholds.ts) are met, and with code 99 if not.
 */
import exec from 'k6/execution'
import type { Options } from 'k6/options'
import { loadControl } from '../contract/src/load-control.ts'
import { followControl } from './lib/control.ts'
import { runLedger } from './lib/ledger.ts'
import { waitUntilReady } from './lib/ready.ts'
import { changedCurve, curveLengthMs, curveOf, type Point, slotIntervals } from './lib/scenarios.ts'
import type { Settings } from './lib/settings.ts'
import { readSettings } from './lib/settings.ts'
import { createSlot, type Slot } from './lib/slot.ts'
import type { SummaryData } from './lib/summary.ts'
import { jsonSummary, textSummary } from './lib/summary.ts'
import { heldThresholds, ledgerThresholds, thresholdsFor } from './lib/thresholds.ts'

// k6 runs this file once per virtual user (VU), but setup() only once, so setup() returns the seed that all VUs share.
const settings = settingsOrAbort()
/** Whether the number of sockets can be changed during the run. */
const controlled = settings.control !== '' && settings.scenario !== 'ledger' && !settings.held
const vus = Math.max(Math.ceil(settings.sockets / settings.socketsPerVu), controlled ? loadControl.minVus : 1)
const lengthSeconds = Math.ceil(curveLengthMs(settings.stages) / 1000)

export const options: Options = {
  scenarios: {
    [settings.scenario]: {
      executor: 'per-vu-iterations',
      vus,
      iterations: 1,
      // Each slot closes its own sockets. If a slot fails to close its sockets, maxDuration ends the run.
      maxDuration: `${lengthSeconds + 20}s`,
      gracefulStop: '10s',
    },
  },
  thresholds: thresholds(),
  summaryTrendStats: ['avg', 'min', 'med', 'p(95)', 'p(99)', 'max', 'count'],
  // Each run has its own id, so that two simultaneous runs do not write to the same series.
  tags: { testid: `${Date.now().toString(36)}-${Math.floor(Math.random() * 36 ** 4).toString(36)}` },
  // The `url` tag is omitted, because each socket has its own URL, which would become a separate series in Prometheus.
  // Public k6 dashboards select checks by `check`, and HTTP requests by `method` and `expected_response`.
  systemTags: ['scenario', 'status', 'name', 'check', 'method', 'expected_response'],
  // The setup timeout is longer than READY_SECONDS, so that setup()'s own error message appears instead of k6's.
  setupTimeout: `${settings.readySeconds + 15}s`,
  throw: true,
}

export function setup(): Settings {
  const { scenario, short, sockets, target, seed } = settings
  console.log(`${scenario}${short ? ' (short)' : ''}: ${sockets} sockets on ${vus} VUs to ${target} for ${lengthSeconds} s, SEED=${seed}`)
  waitUntilReady(target, settings.readySeconds)
  return settings
}

export default function vu(agreed: Settings): void {
  const { startTime, iterationInTest } = exec.scenario
  if (agreed.scenario === 'ledger') {
    const sockets = Math.floor(agreed.sockets / vus) + (iterationInTest < agreed.sockets % vus ? 1 : 0)
    runLedger(agreed, sockets, iterationInTest, startTime + lengthSeconds * 1000)
    return
  }
  const slots = new Map<number, Slot>()
  let curve: readonly Point[] = curveOf(agreed.stages, agreed.sockets)
  let wanted = agreed.sockets

  /** Adds slots up to the curve's peak, and gives every slot its periods. */
  function follow(): void {
    const peak = Math.max(...curve.map(({ sockets }) => sockets))
    for (let index = iterationInTest; index < peak; index += vus) {
      if (!slots.has(index)) slots.set(index, createSlot({ settings: agreed, index, startedAtMs: startTime }))
    }
    for (const [index, slot] of slots) slot.follow(slotIntervals(curve, index))
  }

  follow()
  if (!controlled) return
  const run = `${startTime.toString(36)}-${agreed.seed.toString(36)}`
  followControl({
    address: agreed.control,
    endsAtMs: startTime + lengthSeconds * 1000,
    state: () => ({ run, vu: iterationInTest, open: [...slots.values()].filter((slot) => slot.isOpen()).length, wanted }),
    onChange: ({ sockets, atMs }) => {
      if (iterationInTest === 0) console.log(`the load changes from ${wanted} to ${sockets} sockets`)
      wanted = sockets
      curve = changedCurve(curve, { sockets, atMs: atMs - startTime }, loadControl.changeOverMs)
      follow()
    },
  })
}

export function handleSummary(data: SummaryData & { setup_data?: Settings }): Record<string, string> {
  const used = data.setup_data ?? settings
  // The checkout is mounted at /lab in the container, so removing `/lab/` from a path gives the path within the checkout.
  const path = `${used.reportsDir}/k6-${used.project}-${used.scenario}.json`
  const text = data.setup_data ? textSummary(data, used, path.replace(/^\/lab\//, '')) : '\nThe run ended before it opened a socket.\n'
  return { stdout: text, [path]: jsonSummary(data, used) }
}

function thresholds(): Record<string, string[]> {
  if (settings.scenario === 'ledger') return ledgerThresholds
  return settings.held ? heldThresholds(settings.sockets) : thresholdsFor(settings.sockets)
}

/** Returns the settings, or aborts the run with a one-line message that names every invalid variable. */
function settingsOrAbort(): Settings {
  const read = readSettings(__ENV, Math.floor(Math.random() * 2 ** 32))
  if (read.ok) return read.value
  exec.test.abort(read.problems.join('; '))
  throw new Error('unreachable: abort() does not return')
}
