/** The panel that lists Prometheus alerts. */
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { table } from '../lib/panels.ts'

/** Shows pending and firing alerts, as a table. */
export function alerts(width: number): Panel {
  return table(
    {
      title: 'Alerts',
      description:
        'Is anything wrong right now? Shows firing alerts and pending alerts. The condition of a pending alert is true, but has not been true for long enough to fire the alert. The Watchdog alert always fires, which shows that alerting works.',
      unit: units.NoUnit,
      noValue: 'There is no alert, not even Watchdog, so Prometheus does not evaluate its rules.',
      width,
    },
    { expr: 'sum by (alertname, severity, alertstate, job, replica, slo, clock) (ALERTS)', legend: '{{alertname}}' },
    { alertname: 'Alert', severity: 'Severity', alertstate: 'State', job: 'Job', replica: 'Replica', slo: 'Service level', clock: 'Clock' },
  )
}
