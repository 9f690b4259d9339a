/** Checks the alerts that each fault is expected to cause against Prometheus' alerting rules. */
import { type FaultName, faultsOn } from '@lab/faults/catalogue/index.ts'
import { planOf } from '@lab/faults/core/plan.ts'
import { sampleFacts } from '@lab/faults/core/sample-facts.ts'
import { readDuration } from '@lab/host/durations.ts'
import { labKinds } from '@lab/lab/lab.ts'
import { expect, test } from 'vitest'
import { readRules, ruleFiles } from './lib/expressions.ts'

/** The `for` duration of each alert, in seconds, by alert name. */
const alerts = new Map(
  ruleFiles
    .flatMap(readRules)
    .flatMap(({ alert, for: after }) => (alert === undefined ? [] : [[alert, after === undefined ? 0 : readDuration(after)] as const])),
)

/** Fault duration, in seconds, for which the expected alerts are checked; it is long enough for every alert to fire. */
const longSeconds = 600
const cases = labKinds.flatMap((kind) => faultsOn(kind).map((name) => ({ name: name as FaultName, kind })))
const expectations = cases.flatMap(({ name, kind }) => {
  const planned = planOf(name, kind, sampleFacts(longSeconds)[kind])
  if (!planned.ok) throw new Error(planned.problems.join())
  return planned.value.expect.flatMap(({ check, phase, withinSeconds }) =>
    check.kind === 'alert' ? [{ name, kind, alert: check.labels.alertname ?? '', phase, withinSeconds }] : [],
  )
})

test('some faults raise alerts', () => {
  expect(expectations.length).toBeGreaterThan(5)
})

test.each(expectations)(
  '$name on the lab of kind $kind: $alert exists, and its limit includes the `for` duration of its rule',
  ({ alert, phase, withinSeconds }) => {
    const after = alerts.get(alert)
    expect(after).toBeDefined()
    if (phase === 'during' && withinSeconds !== undefined) expect(withinSeconds).toBeGreaterThan(after ?? 0)
  },
)
