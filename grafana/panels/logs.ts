/** Panels that show the logs of Traefik and the replicas from Loki, which requires the Compose profile `logging`. */
import { LogsSortOrder } from '@grafana/grafana-foundation-sdk/common'
import type { Panel, VariableModel } from '@grafana/grafana-foundation-sdk/dashboard'
import { DatasourceVariableBuilder, TextBoxVariableBuilder } from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder as LogsBuilder } from '@grafana/grafana-foundation-sdk/logs'
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/loki'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { grafana, services } from '@lab/contract/endpoints.ts'
import { logsOfConnection, profiles } from '@lab/contract/telemetry.ts'
import { describedWithoutData, graph } from '../lib/panels.ts'
import { third } from '../lib/styles.ts'
import { hidden, only } from '../lib/variables.ts'

const loki = { type: 'loki', uid: '$logs' } as const
const everything = `{service_name=~"${services.ws}|${services.traefik}"}`
const replicas = `{service_name="${services.ws}", service_instance_id=~"$instance"}`

/**
 * Makes lines readable: for Traefik, the request, its status, duration and replica; for a replica, the message with the cause of a close. The
 * fields are structured metadata of the line. Traefik writes durations in nanoseconds, and the status 0 for a WebSocket that ended.
 */
const readable = [
  '| line_format `{{ if .RequestMethod }}{{ .RequestMethod }} {{ .RequestPath }}',
  '{{ if eq .DownstreamStatus "0" }}WebSocket ended{{ else }}{{ .DownstreamStatus }}{{ end }} after {{ div .Duration 1000000 }} ms,',
  'replica {{ .ServiceAddr }} {{ .origin_X_Connection_Id }}',
  '{{ else }}{{ .service_instance_id }}: {{ __line__ }}{{ if .cause }} ({{ .cause }}, code {{ .code }}){{ end }} {{ .connectionId }}{{ end }}`',
].join(' ')
const notOn = `There are no logs. To collect them: COMPOSE_PROFILES=${profiles.logging} docker compose up -d`

/** Variables of the Logs dashboard: the data source and the search terms. */
export function logVariables(): VariableModel[] {
  const source = new DatasourceVariableBuilder('logs')
    .label('Logs')
    .type('loki')
    .current({ selected: true, text: 'Loki', value: grafana.lokiUid })
    .build()
  return [
    hidden(only(source, ['current', 'hide', 'label', 'name', 'query', 'regex', 'type'])),
    textVariable('connection', 'Connection id', 'none'),
    textVariable('search', 'Text', ''),
  ]
}

function textVariable(name: string, label: string, value: string): VariableModel {
  const variable = new TextBoxVariableBuilder(name).label(label).defaultValue(value).current({ selected: true, text: value, value }).build()
  return only(variable, ['current', 'hide', 'label', 'name', 'query', 'type'])
}

/** Shows log lines per second, by service. */
export function lineRate(): Panel {
  return counted(
    'Lines by source',
    'How many lines does each service log? Log lines per second from Traefik and from all replicas. Traefik logs each request, and each socket when it closes.',
    `sum by (service_name) (rate(${everything} [$__auto]))`,
    '{{service_name}}',
  )
}

/** Shows warnings and errors in the logs, by replica. */
export function complaints(): Panel {
  return counted(
    'Warnings and errors by replica',
    'Does a replica log warnings or errors? Log lines per second of level warn and above, for each selected replica.',
    `sum by (service_instance_id) (rate(${replicas} | detected_level=~"warn|error|fatal" [$__auto]))`,
    '{{service_instance_id}}',
  )
}

/** Shows closed connections, by the cause given in the log line. */
export function closesInLogs(): Panel {
  return counted(
    'Closes by cause, from logs',
    'Why do connections close? Log lines "connection closed" per second by cause, for the selected replicas. The Users page counts closes by cause with a metric; on this page, the panels below show the log lines themselves.',
    `sum by (cause) (rate(${replicas} |= "connection closed" [$__auto]))`,
    '{{cause}}',
  )
}

/** Shows all log lines about one connection. */
export function oneConnection(): Panel {
  return lines(
    'One connection',
    'What happened to the connection with the given id? Log lines from Traefik and all replicas about this connection, oldest first. The line of a replica about a sampled request links to its trace.',
    `${logsOfConnection('$connection')} ${readable}`,
    `There are no log lines about this connection. ${notOn}`,
    LogsSortOrder.Ascending,
  )
}

/** Shows the newest log lines. */
export function allLines(): Panel {
  return lines(
    'All lines',
    'What was logged last? Log lines from Traefik and the replicas that contain the given text, newest first.',
    `${everything} |~ "(?i)$search" ${readable}`,
    notOn,
    LogsSortOrder.Descending,
  )
}

function counted(title: string, description: string, expr: string, legend: string): Panel {
  const about = { title, description, unit: units.EventsPerSecond, noValue: notOn, width: third }
  return { ...graph(about, []), datasource: loki, targets: [query(expr).legendFormat(legend).build()] }
}

function lines(title: string, description: string, expr: string, noValue: string, order: LogsSortOrder): Panel {
  return new LogsBuilder()
    .title(title)
    .description(describedWithoutData({ description, noValue }))
    .datasource(loki)
    .gridPos({ x: 0, y: 0, w: 24, h: 12 })
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
