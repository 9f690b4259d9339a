/** The panel that lists Prometheus alerts. */
import { MappingType, type Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { severityColors } from '../lib/colors.ts'
import { table } from '../lib/panels.ts'

const stateColors = {
  firing: { text: 'firing', color: severityColors.critical },
  pending: { text: 'pending', color: severityColors.warning },
}

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
    { alertname: 'Alert', alertstate: 'State', severity: 'Severity', slo: 'Service level', clock: 'Clock', replica: 'Replica', job: 'Job' },
    (panel) => {
      panel.overrideByName('Alert', [{ id: 'custom.width', value: 210 }])
      panel.overrideByName('State', [
        { id: 'custom.width', value: 80 },
        { id: 'custom.cellOptions', value: { type: 'color-text' } },
        { id: 'mappings', value: [{ type: MappingType.ValueToText, options: stateColors }] },
      ])
    },
  )
}
