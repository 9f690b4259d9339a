/** Panels that show how fast the error budgets are used up. */
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { type BurnClock, errorBudget, errorRatio, serviceLevelNames } from '@lab/contract/service-levels.ts'
import { graph } from '../lib/panels.ts'
import { alertLine, half } from '../lib/styles.ts'

/** Shows the burn rate of each error budget, over the time windows of its alerts. */
export function budgetBurn(clock: BurnClock): Panel {
  const [fast, slow] = [clock.fast[0], clock.slow[1]]
  const targets = serviceLevelNames.flatMap((level) =>
    [fast.long, slow.long].map((window) => ({
      // Without any events, the error ratio is NaN, which the comparison `>= 0` removes from the result.
      expr: `${errorRatio(level, window)} / ${errorBudget} >= 0`,
      legend: `${level}, ${window}`,
    })),
  )
  return graph(
    {
      title: `Error budget burn, ${clock.name} clock`,
      description: `Are the service level objectives met? Burn rate of the error budget for a 99.9 % objective, over windows of ${fast.long} and ${slow.long} on the ${clock.name} clock. The dashed line is the threshold of the fast-burn alert, ${fast.factor}; the threshold of the slow-burn alert is ${slow.factor}.`,
      unit: units.Short,
      noValue: 'There were no connections and no messages yet: start some load.',
      width: half,
    },
    targets,
    (panel) => alertLine(panel, fast.factor),
  )
}
