/**
 * Generates docs/configuration.md from the settings of the service, the scaler and the load generator, and from the host ports in the
 * shared contract/ folder.
 */
import { hostPorts } from '@lab/contract/endpoints.ts'
import { code, heading, table } from '@lab/host/markdown.ts'
import { fixedUnderCompose, settings } from '@lab/ws/config.ts'
import { loadSettingRows } from './load-settings.ts'
import { scalerSettingRows } from './scaler-settings.ts'

type Setting = (typeof settings)[keyof typeof settings]

/** Renders the configuration page as Markdown. */
export function configurationPage(): string {
  const rows = Object.entries(settings).map(([name, setting]) => [code(name), defaultOf(setting), allowed(setting), setting.help])
  const hostRows = Object.entries(hostPorts).map(([name, port]) => [code(name), String(port)])
  return `${heading('Configuration', 'services/ws/src/config.ts, scaler/src/commands/run.ts, k6/lib/settings.ts and contract/src/endpoints.ts')}
${intro}

## The service

These are the environment variables of a replica. A replica reads and validates these variables when it starts; if a value is invalid, the
replica reports every problem and exits with 1. Compose passes each variable from the environment or from \`.env\`, except those that the
lab sets itself: ${fixedUnderCompose.map(code).join(', ')}.

With Compose, \`VALKEY_URL\` has a different default, so that the replicas share Valkey. If \`VALKEY_URL\` is empty, each replica works
independently, without sharing rooms or sessions. The secret that signs resume tokens is created when the lab first starts, in the
\`secrets\` volume, which all replicas mount. \`docker inspect\` does not show the secret. To use a different secret, set \`LAB_SECRETS\` to
the absolute path of a folder that contains a file named \`resume\`, which user 1000 must be able to read. \`STOP_GRACE_PERIOD\` (default
\`30s\`) is the time from SIGTERM until Docker kills a replica. It must be longer than \`DRAIN_TIMEOUT\`. When the scaler runs,
\`STOP_GRACE_PERIOD\` must be below 60 s, because the scaler does not wait much longer for a replica to stop.

${table(['Variable', 'Default', 'Allowed', 'Meaning'], rows)}

## The scaler

Each of these environment variables corresponds to an option of \`./lab scaler run\`; its \`--help\` lists more options. On the host,
\`SCALER_STATE\`, \`SCALER_PROMETHEUS\` and \`SCALER_METRIC_MAP\` also apply to the commands that read past decisions.

${table(['Variable', 'Default', 'Under Compose', 'Meaning'], scalerSettingRows())}

## The load

These variables must be passed to k6, for example \`docker compose run --rm -e SOCKETS=500 k6\`. The host's environment variables and the
\`.env\` file do not affect k6.

${table(['Variable', 'Default', 'Allowed', 'Meaning'], loadSettingRows())}

## Ports on the host

Set these variables for \`docker compose\`, either in the environment or in \`.env\`. Traefik binds every port to 127.0.0.1, even if the
service behind the port is not running. Web pages from other sites can also send requests to 127.0.0.1. To prevent such requests, Traefik
responds with 403 if \`Host\` is not a name or address of this machine, or if \`Origin\` is not a page of the lab. Programs other than
browsers send no \`Origin\` header. To allow additional origins and their host names, with Compose or \`npm start\`, set
\`ALLOWED_ORIGINS\`, for example \`https://lab.example:8443,http://localhost:5173\`.

${table(['Variable', 'Default'], hostRows)}
`
}

const intro = `Compose reads variables from the environment and from the \`.env\` file; [.env.example](../.env.example) is a template. \`./lab\` and
\`npm start\` read this file, too; \`npm start\` uses only its two ports and \`VALKEY_URL\`. Variables in the environment take precedence.`

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
