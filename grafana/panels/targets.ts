/** The panel that shows the health of Prometheus' scrape targets. */
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { MappingType } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { jobs } from '@lab/contract/endpoints.ts'
import { standardMetrics } from '@lab/contract/queries.ts'
import { noAnswerColor, severityColors } from '../lib/colors.ts'
import { stateTimeline } from '../lib/panels.ts'

/** Shows whether the scrape targets of each job respond, and whether Prometheus and Alertmanager loaded their latest configuration. */
export function targets(width: number): Panel {
  const reloaded = [jobs.prometheus, jobs.alertmanager].map((job) => `${job}_config_last_reload_successful{job="${job}"}`)
  return stateTimeline(
    {
      title: 'Targets',
      description:
        "Do all scrape targets respond? A job's bar is red while one of its targets does not respond. A configuration's bar is red if the last reload failed, so that the previous configuration is still in use.",
      unit: units.NoUnit,
      noValue: 'Prometheus has not scraped any target yet.',
      width,
    },
    [
      { expr: `min by (job) (${standardMetrics.up})`, legend: '{{job}}' },
      { expr: `min by (job) (${reloaded.join(' or ')})`, legend: 'configuration of {{job}}' },
    ],
    (panel) =>
      panel.mappings([
        {
          type: MappingType.ValueToText,
          options: { 0: { text: 'no', color: noAnswerColor }, 1: { text: 'yes', color: severityColors.fine } },
        },
      ]),
  )
}
