/** docs/configuration.md, from the settings of the service, the scaler and the load, and the host ports of the contract. */
import { hostPorts } from '@lab/contract/endpoints.ts'
import { fixedUnderCompose, settings } from '../../services/ws/src/config.ts'
import { loadSettingRows } from './load-settings.ts'
import { code, heading, table } from './markdown.ts'
import { scalerSettingRows } from './scaler-settings.ts'

type Setting = (typeof settings)[keyof typeof settings]

/** The page. */
export function configurationPage(): string {
  const rows = Object.entries(settings).map(([name, setting]) => [code(name), defaultOf(setting), allowed(setting), setting.help])
  const hostRows = Object.entries(hostPorts).map(([name, port]) => [code(name), String(port)])
  return `${heading('Configuration', 'services/ws/src/config.ts, scaler/src/commands/run.ts, k6/lib/settings.ts and contract/src/endpoints.ts')}
${intro}

## The service

Environment variables of a replica, read and checked at start. With a bad value it names every problem and exits with 1.
Under Compose each is taken from the environment or from \`.env\`, but for what the lab decides itself:
${fixedUnderCompose.map(code).join(', ')}.

Two have other defaults there: replicas share Valkey, and \`RESUME_SECRET\` is one for all; with an empty \`VALKEY_URL\` each works alone.
\`STOP_GRACE_PERIOD\`, \`30s\` by default, is what Docker waits from SIGTERM on before it ends a replica. With a longer \`DRAIN_TIMEOUT\` it has
to be longer, too; with the scaler it stays below 60 s, for the scaler waits little longer.

${table(['Variable', 'Default', 'Allowed', 'Meaning'], rows)}

## The scaler

Environment variables, or options of \`npm run scaler -- run\`, whose \`--help\` has more of them. On the host, \`SCALER_STATE\`,
\`SCALER_PROMETHEUS\` and \`SCALER_METRIC_MAP\` hold for the commands that look back as well.

${table(['Variable', 'Default', 'Under Compose', 'Meaning'], scalerSettingRows())}

## The load

Given to k6 itself, as in \`docker compose run --rm -e SOCKETS=500 k6\`: the environment and \`.env\` do not reach it.

${table(['Variable', 'Default', 'Allowed', 'Meaning'], loadSettingRows())}

## Ports on the host

Variables for \`docker compose\`, in the environment or in \`.env\`. Every port binds 127.0.0.1.

${table(['Variable', 'Default'], hostRows)}
`
}

const intro = `Compose reads variables from the environment and from the file \`.env\`, for which [.env.example](../.env.example) is the pattern. So
do \`lab\` and the other commands on the host that speak to a lab, and \`npm start\`, which takes its two ports and \`VALKEY_URL\` from there.
What is set in the environment wins.`

function defaultOf(setting: Setting): string {
  return setting.default === '' ? 'none' : [code(String(setting.default)), unitOf(setting)].join(' ').trim()
}

function allowed(setting: Setting): string {
  if (setting.kind === 'integer') return [`${setting.min} to ${setting.max}`, unitOf(setting)].join(' ').trim()
  if (setting.kind === 'choice') return setting.choices.map(code).join(', ')
  return `text like ${code(setting.pattern)}`
}

function unitOf(setting: Setting): string {
  return 'unit' in setting ? setting.unit : ''
}
