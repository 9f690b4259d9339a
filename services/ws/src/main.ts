/** Entry point of the process: reads the environment, starts the replica, and drains it on a stop signal. */
import pino from 'pino'
import packageJson from '../package.json' with { type: 'json' }
import { readConfig } from './config.ts'
import { startReplica } from './replica.ts'
import { replicaName } from './replica-name.ts'
import { SecretError } from './resume-secret.ts'
import { startTelemetry, telemetrySettings } from './telemetry/start.ts'
import { fingerprintOf, sourceFiles } from './version.ts'

const result = readConfig(process.env)
if (!result.ok) {
  for (const problem of result.problems) console.error(problem)
  process.exit(1)
}
// Until the replica has started, a stop signal makes the process exit immediately.
let leave = async (_signal: NodeJS.Signals) => process.exit(0)
process.on('SIGTERM', (signal) => leave(signal))
process.on('SIGINT', (signal) => leave(signal))

const config = result.value
const id = await replicaName(config)
const version = `${config.LAB_VERSION || packageJson.version}+${fingerprintOf(config, sourceFiles())}`
// Log lines are written in batches, so that not every line needs its own system call.
const destination = pino.destination({ dest: 1, sync: false, minLength: 4096 })
const logOptions = { level: config.LOG_LEVEL, base: { replica: id }, timestamp: pino.stdTimeFunctions.isoTime }
const localLog = pino(logOptions, destination)
const telemetry = await startTelemetry({
  ...telemetrySettings(config),
  replica: id,
  version,
  onTrouble: (text) => localLog.warn({ text }, 'telemetry could not be exported'),
})
const streams = [destination, telemetry.logs].flatMap((stream) => (stream ? [{ stream, level: 'trace' as const }] : []))
const log = telemetry.logs ? pino(logOptions, pino.multistream(streams)) : localLog
setInterval(() => destination.flush(), 250).unref()

try {
  const replica = await startReplica({ config, id, version, log, tracer: telemetry.tracer })
  log.info({ version, port: replica.port, internalPort: replica.internalPort }, 'ready')
  leave = async (signal) => {
    // A repeated SIGTERM must not cut off the clients: `docker stop` sends one again if it is repeated. A second Ctrl-C ends the drain.
    const atOnce = signal === 'SIGINT' && replica.state() !== 'ready'
    await replica.drain({ atOnce })
    log.info('replica stopped')
    await telemetry.stop()
    destination.flushSync()
    process.exit(0)
  }
} catch (error) {
  destination.flushSync()
  console.error(describeStartError(error))
  process.exit(1)
}

/** Returns a one-line message for a common configuration mistake, and the stack trace for any other error. */
function describeStartError(error: unknown): string {
  const { code, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number }
  if (code === 'EADDRINUSE') return `port ${port} on ${address} is in use: set PORT or INTERNAL_PORT to a free one, or 0 for any`
  if (code === 'EACCES') return `port ${port} on ${address} may not be opened by this user: set PORT or INTERNAL_PORT to one above 1023`
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return `HOST=${JSON.stringify(config.HOST)}: allowed is an address of this machine, or a name of one`
  }
  if (error instanceof SecretError) return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
