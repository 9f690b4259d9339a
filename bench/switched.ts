/**
 * The service with tracing that the bench switches on and off while it runs. Two processes of the same program differ by more than
 * tracing costs, so it is compared with itself.
 */
import { readConfig } from '../services/ws/src/config.ts'
import { startReplica } from '../services/ws/src/replica.ts'
import { startTelemetry, telemetrySettings } from '../services/ws/src/telemetry/start.ts'
import { noTracer, type Tracer } from '../services/ws/src/telemetry/tracer.ts'
import { onSwitch } from './preload.ts'

const result = readConfig(process.env)
if (!result.ok) throw new Error(result.problems.join('\n'))
const { config } = result
const quiet = () => {}
const [id, version] = ['bench', '0']
const telemetry = await startTelemetry({
  ...telemetrySettings(config),
  replica: id,
  version,
  onTrouble: (text) => console.error(text),
})

let now = noTracer
onSwitch((on) => {
  now = on ? telemetry.tracer : noTracer
})
const tracer: Tracer = {
  upgrade: (...what) => now.upgrade(...what),
  message: (connection, type) => now.message(connection, type),
  publish: (...what) => now.publish(...what),
  deliver: (...what) => now.deliver(...what),
}
await startReplica({ config, id, version, log: { info: quiet, error: quiet }, tracer })
