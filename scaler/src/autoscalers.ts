/**
 * Runs one control loop for each autoscaler in the HPA files, all at the same time. The loops share nothing, so an autoscaler that is slow
 * or fails does not delay the others. Autoscalers that are added to the files or removed from them start and end at the next sync.
 */
import type { LiveFiles, LiveHpa } from './live-files.ts'
import { type LoopPorts, type LoopSettings, type LoopState, runLoop } from './loop.ts'
import type { Clock } from './ports.ts'

/** What a control loop needs to run. */
export interface LoopStart {
  readonly settings: LoopSettings
  readonly ports: LoopPorts
  readonly state: LoopState
}

export interface AutoscalersPorts {
  readonly clock: Clock
  /** Rereads the files. Never rejects. */
  readonly reread: () => Promise<LiveFiles>
  /** Prepares the control loop of an autoscaler. */
  readonly prepare: (found: LiveHpa) => Promise<LoopStart>
  /** Called after the control loop of a removed autoscaler has ended. */
  readonly removed: (name: string) => void
  /** Called after any control loop has ended. */
  readonly ended: (name: string) => void
  /** Prints one line for the operator. */
  readonly say: (line: string) => void
}

interface Running {
  readonly stop: AbortController
  readonly ended: Promise<void>
}

/**
 * Runs the control loops until the `stop` signal is aborted, and resolves when all of them have ended.
 * @param periodSeconds the time between two readings of the files
 */
export async function runAutoscalers(ports: AutoscalersPorts, periodSeconds: number, stop: AbortSignal): Promise<void> {
  const running = new Map<string, Running>()
  while (!stop.aborted) {
    const { autoscalers } = await ports.reread()
    const wanted = new Map(autoscalers.map((one) => [one.hpa.name, one]))
    for (const [name, { stop: end }] of running) {
      if (wanted.has(name) || end.signal.aborted) continue
      ports.say(`${name}: removed from the files; its replicas stay as they are`)
      end.abort()
    }
    // An autoscaler that is still ending starts again after a later reading.
    for (const [name, found] of wanted) if (!running.has(name) && !stop.aborted) running.set(name, start(found, running, ports, stop))
    await ports.clock.sleep(periodSeconds, stop)
  }
  await Promise.all([...running.values()].map(({ ended }) => ended))
}

function start(found: LiveHpa, running: Map<string, Running>, ports: AutoscalersPorts, stop: AbortSignal): Running {
  const { name } = found.hpa
  const own = new AbortController()
  const run = async () => {
    const { settings, ports: loopPorts, state } = await ports.prepare(found)
    await runLoop(settings, loopPorts, state, AbortSignal.any([stop, own.signal]))
  }
  const ended = run()
    .catch((error: unknown) =>
      ports.say(`${name}: stopped by an error, and starts again: ${error instanceof Error ? error.message : error}`),
    )
    .then(() => {
      running.delete(name)
      ports.ended(name)
      if (own.signal.aborted) ports.removed(name)
    })
  return { stop: own, ended }
}
