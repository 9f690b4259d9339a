/** The process: environment in, replica out, signals to the drain. No decisions here. */
import pino from 'pino'
import packageJson from '../package.json' with { type: 'json' }
import { readConfig } from './config.ts'
import { startReplica } from './replica.ts'
import { replicaName } from './replica-name.ts'
import { startTelemetry, telemetrySettings } from './telemetry/start.ts'

const result = readConfig(process.env)
if (!result.ok) {
  for (const problem of result.problems) console.error(problem)
  process.exit(1)
}
// Until there is a replica to drain, nobody has to be told.
let leave = async () => process.exit(0)
process.on('SIGTERM', () => leave())
process.on('SIGINT', () => leave())

const { config } = result
const id = await replicaName(config)
// Lines are gathered and written together: a line per connection must not cost a system call each.
const destination = pino.destination({ dest: 1, sync: false, minLength: 4096 })
const logOptions = { level: config.LOG_LEVEL, base: { replica: id }, timestamp: pino.stdTimeFunctions.isoTime }
const localLog = pino(logOptions, destination)
const telemetry = await startTelemetry({
  ...telemetrySettings(config),
  replica: id,
  version: packageJson.version,
  onTrouble: (text) => localLog.warn({ text }, 'telemetry can not be sent'),
})
const streams = [destination, telemetry.logs].flatMap((stream) => (stream ? [{ stream, level: 'trace' as const }] : []))
const log = telemetry.logs ? pino(logOptions, pino.multistream(streams)) : localLog
setInterval(() => destination.flush(), 250).unref()

try {
  const replica = await startReplica({ config, id, version: packageJson.version, log, tracer: telemetry.tracer })
  log.info({ port: replica.port, internalPort: replica.internalPort }, 'ready')
  leave = async () => {
    await replica.drain()
    log.info('bye')
    await telemetry.stop()
    destination.flushSync()
    process.exit(0)
  }
} catch (error) {
  destination.flushSync()
  console.error(describeStartError(error))
  process.exit(1)
}

/** One line for the mistakes that people really make; the whole error for the rest. */
function describeStartError(error: unknown): string {
  const { code, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number }
  if (code === 'EADDRINUSE') return `port ${port} on ${address} is in use: set PORT or INTERNAL_PORT to a free one, or 0 for any`
  if (code === 'EACCES') return `port ${port} on ${address} may not be opened by this user: set PORT or INTERNAL_PORT to one above 1023`
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return `HOST=${JSON.stringify(config.HOST)}: allowed is an address of this machine, or a name of one`
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
