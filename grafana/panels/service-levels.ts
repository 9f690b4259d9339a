/** What was promised to users: how fast the error budgets burn. */
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { type BurnClock, errorBudget, errorRatio, serviceLevelNames } from '@lab/contract/service-levels.ts'
import { graph } from '../lib/panels.ts'
import { alertLine, half } from '../lib/styles.ts'

/** How many times faster than allowed each error budget burns, over windows that the alerts look at. */
export function budgetBurn(clock: BurnClock): Panel {
  const [fast, slow] = [clock.fast[0], clock.slow[1]]
  const targets = serviceLevelNames.flatMap((level) =>
    [fast.long, slow.long].map((window) => ({
      // Without any event there is no share of bad ones, which is not a number.
      expr: `${errorRatio(level, window)} / ${errorBudget} >= 0`,
      legend: `${level}, ${window}`,
    })),
  )
  return graph(
    {
      title: `Error budget burn, ${clock.name} clock`,
      description: `Is the promise to users kept? How many times faster than allowed the error budget of 99.9 % burns, over windows of ${fast.long} and ${slow.long}, on the ${clock.name} clock. The dashed line is the fast alert, at ${fast.factor} times; the slow one begins at ${slow.factor}.`,
      unit: units.Short,
      noValue: 'Nobody has connected, left or sent anything yet: start some load.',
      width: half,
    },
    targets,
    (panel) => alertLine(panel, fast.factor),
  )
}
