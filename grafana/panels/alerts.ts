/** What Prometheus warns of. */
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { table } from '../lib/panels.ts'

/** Alerts that are pending or firing. */
export function alerts(width: number): Panel {
  return table(
    {
      title: 'Alerts',
      description:
        'Is anything wrong right now? Alerts that are firing, or pending: true, but not yet for long enough. Watchdog always fires, and shows that alerting works.',
      unit: units.NoUnit,
      noValue: 'No alert at all, not even Watchdog: Prometheus evaluates no rules.',
      width,
    },
    { expr: 'sum by (alertname, severity, alertstate, job, replica, slo, clock) (ALERTS)', legend: '{{alertname}}' },
    { alertname: 'Alert', severity: 'Severity', alertstate: 'State', job: 'Job', replica: 'Replica', slo: 'Service level', clock: 'Clock' },
  )
}
