/** Entry point of the actuator. Reads the actuator's settings from the environment and runs its HTTP server until it receives SIGTERM. */
import { join } from 'node:path'
import { ports, services } from '@lab/contract/endpoints.ts'
import { overlayFiles } from '@lab/host/compose.ts'
import { root } from '@lab/host/root.ts'
import { composeActuator } from '../adapters/compose.ts'
import { engineHost } from '../adapters/docker.ts'
import { createActuatorServer } from './server.ts'

const { COMPOSE_PROJECT_NAME: project = '', SCALER_MAX_REPLICAS: max = '' } = process.env
if (project === '' || !/^[1-9]\d{0,3}$/.test(max)) {
  process.stderr.write(`COMPOSE_PROJECT_NAME=${project}: required; SCALER_MAX_REPLICAS=${max}: allowed is a whole number from 1 to 9999\n`)
  process.exit(2)
}
const say = (line: string) => void process.stderr.write(`${new Date().toISOString()} ${line}\n`)
const stop = new AbortController()
const files = overlayFiles.map((file) => join(root, file))
const actuator = composeActuator({ project, service: services.ws, files, folder: root, host: await engineHost(process.env) })
const server = createActuatorServer(actuator, { maxReplicas: Number(max), stop: stop.signal, say })
server.listen(ports.internal, () => say(`accepts 0 to ${max} replicas of ${services.ws} in ${project}`))
for (const name of ['SIGTERM', 'SIGINT'] as const) {
  process.on(name, () => {
    stop.abort()
    server.close()
    server.closeIdleConnections()
  })
}
