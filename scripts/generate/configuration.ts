/** docs/configuration.md, from the settings of the service and the host ports of the contract. */
import { hostPorts } from '@lab/contract/endpoints.ts'
import { settings } from '../../services/ws/src/config.ts'
import { code, heading, table } from './markdown.ts'

type Setting = (typeof settings)[keyof typeof settings]

/** The page. */
export function configurationPage(): string {
  const rows = Object.entries(settings).map(([name, setting]) => [code(name), defaultOf(setting), allowed(setting), setting.help])
  const hostRows = Object.entries(hostPorts).map(([name, port]) => [code(name), String(port)])
  return `${heading('Configuration', 'services/ws/src/config.ts and contract/src/endpoints.ts')}
## The service

Environment variables of a replica, read and checked at start. With a bad value it names every problem and exits with 1.

${table(['Variable', 'Default', 'Allowed', 'Meaning'], rows)}

## Ports on the host

Variables for \`docker compose\`, in the environment or in \`.env\`. Every port binds 127.0.0.1.

${table(['Variable', 'Default'], hostRows)}
`
}

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
