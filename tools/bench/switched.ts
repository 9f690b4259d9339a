/**
 * Runs the service with tracing that the benchmark can switch on and off at run time. The difference in speed between two processes of the
 * same program exceeds the cost of tracing, so tracing is switched on and off within a single process.
 */
import { readConfig } from '@lab/ws/config.ts'
import { startReplica } from '@lab/ws/replica.ts'
import { startTelemetry, telemetrySettings } from '@lab/ws/telemetry/start.ts'
import { noTracer, type Tracer } from '@lab/ws/telemetry/tracer.ts'
import { onSwitch } from './preload.ts'

const result = readConfig(process.env)
if (!result.ok) throw new Error(result.problems.join('\n'))
const config = result.value
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
