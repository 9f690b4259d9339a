/** Whether everything that Prometheus asks answers. */
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { MappingType } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { jobs } from '@lab/contract/endpoints.ts'
import { standardMetrics } from '@lab/contract/queries.ts'
import { noAnswerColor, severityColors } from '../lib/colors.ts'
import { stateTimeline } from '../lib/panels.ts'

/** Jobs that answer, and configurations that could be read. */
export function targets(width: number): Panel {
  const reloaded = [jobs.prometheus, jobs.alertmanager].map((job) => `${job}_config_last_reload_successful{job="${job}"}`)
  return stateTimeline(
    {
      title: 'Targets',
      description:
        'Does everything answer that Prometheus asks? A bar for each job: red while one of its targets does not answer. And whether the configurations that may be changed while they are in use could be read: red while an older one goes on.',
      unit: units.NoUnit,
      noValue: 'Prometheus has not asked anybody yet.',
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
