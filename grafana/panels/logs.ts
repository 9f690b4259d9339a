/** Logs of router and replicas, as Loki has them under the profile `logging`. */
import { LogsSortOrder } from '@grafana/grafana-foundation-sdk/common'
import type { Panel, VariableModel } from '@grafana/grafana-foundation-sdk/dashboard'
import { DatasourceVariableBuilder, TextBoxVariableBuilder } from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder as LogsBuilder } from '@grafana/grafana-foundation-sdk/logs'
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/loki'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { grafana, services } from '@lab/contract/endpoints.ts'
import { logsOfConnection, profiles } from '@lab/contract/telemetry.ts'
import { graph } from '../lib/panels.ts'
import { third } from '../lib/styles.ts'
import { only } from '../lib/variables.ts'

const loki = { type: 'loki', uid: '$logs' } as const
const everything = `{service_name=~"${services.ws}|${services.traefik}"}`
const replicas = `{service_name="${services.ws}", service_instance_id=~"$instance"}`
const notOn = `No logs here. They come with COMPOSE_PROFILES=${profiles.logging} docker compose up -d.`

/** What can be chosen on top: where logs are, and what is looked for. */
export function logVariables(): VariableModel[] {
  const source = new DatasourceVariableBuilder('logs')
    .label('Logs')
    .type('loki')
    .current({ selected: true, text: 'Loki', value: grafana.lokiUid })
    .build()
  return [
    only(source, ['current', 'hide', 'label', 'name', 'query', 'regex', 'type']),
    textVariable('connection', 'Connection id', 'none'),
    textVariable('search', 'Text', ''),
  ]
}

function textVariable(name: string, label: string, value: string): VariableModel {
  const variable = new TextBoxVariableBuilder(name).label(label).defaultValue(value).current({ selected: true, text: value, value }).build()
  return only(variable, ['current', 'hide', 'label', 'name', 'query', 'type'])
}

/** Lines per second, by who wrote them. */
export function lineRate(): Panel {
  return counted(
    'Lines by source',
    'Who writes how much? Lines per second of the router and of all replicas. The router writes one for each request, and for a socket when it closes.',
    `sum by (service_name) (rate(${everything} [$__auto]))`,
    '{{service_name}}',
  )
}

/** Warnings and worse, by replica. */
export function complaints(): Panel {
  return counted(
    'Warnings and errors by replica',
    'Does a replica complain? Lines per second of level warn or worse, for each chosen replica.',
    `sum by (service_instance_id) (rate(${replicas} | detected_level=~"warn|error|fatal" [$__auto]))`,
    '{{service_instance_id}}',
  )
}

/** Closed connections by the cause in their line. */
export function closesInLogs(): Panel {
  return counted(
    'Closes by cause, from logs',
    'Why do connections end? Lines "connection closed" per second by cause, for the chosen replicas. The same as the counter on the page Users, but each can be looked at below.',
    `sum by (cause) (rate(${replicas} |= "connection closed" [$__auto]))`,
    '{{cause}}',
  )
}

/** Everything about one connection. */
export function oneConnection(): Panel {
  return lines(
    'One connection',
    'What happened to the connection whose id is given above? Its lines at the router and at every replica, oldest first; the field trace_id leads to the trace.',
    logsOfConnection('$connection'),
    `Nothing about this connection. ${notOn}`,
    LogsSortOrder.Ascending,
  )
}

/** The newest lines. */
export function allLines(): Panel {
  return lines(
    'All lines',
    'What was written last? Lines of router and replicas that hold the text given above, newest first.',
    `${everything} |~ "(?i)$search"`,
    notOn,
    LogsSortOrder.Descending,
  )
}

function counted(title: string, description: string, expr: string, legend: string): Panel {
  const about = { title, description, unit: units.CountsPerSecond, noValue: notOn, width: third }
  return { ...graph(about, []), datasource: loki, targets: [query(expr).legendFormat(legend).build()] }
}

function lines(title: string, description: string, expr: string, noValue: string, order: LogsSortOrder): Panel {
  return new LogsBuilder()
    .title(title)
    .description(description)
    .noValue(noValue)
    .datasource(loki)
    .gridPos({ x: 0, y: 0, w: 24, h: 10 })
    .showTime(true)
    .wrapLogMessage(true)
    .enableLogDetails(true)
    .sortOrder(order)
    .targets([query(expr).maxLines(500)])
    .build()
}

function query(expr: string): DataqueryBuilder {
  return new DataqueryBuilder().refId('A').datasource(loki).expr(expr).queryType('range')
}
