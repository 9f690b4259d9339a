/** Entry point of the actuator. Reads the actuator's settings from the environment and runs its HTTP server until it receives SIGTERM. */
import { join } from 'node:path'
import { ports } from '@lab/contract/endpoints.ts'
import { overlayFiles } from '@lab/host/compose.ts'
import { root } from '@lab/host/root.ts'
import { composeActuator } from '../adapters/compose.ts'
import { engineHost } from '../adapters/docker.ts'
import { createActuatorServer } from './server.ts'

const { COMPOSE_PROJECT_NAME: project = '', SCALER_MAX_REPLICAS: max = '', SCALER_SERVICES = '', SCALER_COMPOSE_FILES = '' } = process.env
const listed = (text: string) => text.split(',').flatMap((part) => part.trim() || [])
const names = listed(SCALER_SERVICES)
const problems = [
  ...(project === '' ? ['COMPOSE_PROJECT_NAME: required'] : []),
  ...(/^[1-9]\d{0,3}$/.test(max) ? [] : [`SCALER_MAX_REPLICAS=${max}: allowed is a whole number from 1 to 9999`]),
  ...(names.length > 0 && names.every((name) => /^[a-zA-Z0-9._-]+$/.test(name))
    ? []
    : [`SCALER_SERVICES=${SCALER_SERVICES}: allowed are names of Compose services, separated by commas`]),
]
if (problems.length > 0) {
  process.stderr.write(problems.map((problem) => `${problem}\n`).join(''))
  process.exit(2)
}
const say = (line: string) => void process.stderr.write(`${new Date().toISOString()} ${line}\n`)
const stop = new AbortController()
const files = (SCALER_COMPOSE_FILES === '' ? overlayFiles : listed(SCALER_COMPOSE_FILES)).map((file) => join(root, file))
const host = await engineHost(process.env)
const actuators = new Map(names.map((service) => [service, composeActuator({ project, service, files, folder: root, host })]))
const server = createActuatorServer(actuators, { maxReplicas: Number(max), stop: stop.signal, say })
server.listen(ports.internal, () => say(`accepts 0 to ${max} replicas of ${names.join(', ')} in ${project}`))
for (const name of ['SIGTERM', 'SIGINT'] as const) {
  process.on(name, () => {
    stop.abort()
    server.close()
    server.closeIdleConnections()
  })
}
