/** HTTP client for the actuator, through which the scaler reads and scales the replicas. Every call to the actuator has a timeout. */
import { actuatorPaths } from '@lab/contract/endpoints.ts'
import { startWithinSeconds } from '@lab/host/scaling.ts'
import type { ListedReplica, WorkingSet } from '../ports.ts'
import { type Actuator, composeWithinSeconds } from './compose.ts'

/** Timeout for a call that lists the replicas or reads their memory usage, in seconds. */
const readWithinSeconds = 5
/** Timeout for a scaling call, in seconds: the Compose timeout, plus the timeout for starting containers, plus 5 s for the response. */
const scaleWithinSeconds = composeWithinSeconds + startWithinSeconds + 5

/** Returns an actuator client for one service. @param url URL without a path, such as http://actuator:9464 */
export function actuatorAt(url: string, service: string): Actuator {
  const call = async (path: string, withinSeconds: number, signal: AbortSignal, put?: object): Promise<unknown> => {
    const bound = AbortSignal.any([signal, AbortSignal.timeout(withinSeconds * 1000)])
    const how = put === undefined ? {} : { method: 'PUT', body: JSON.stringify(put) }
    let response: Response
    let text: string
    try {
      response = await fetch(new URL(path, url), { ...how, signal: bound })
      text = await response.text()
    } catch (error) {
      signal.throwIfAborted()
      const why = bound.aborted ? `not within ${withinSeconds} s` : String((error as Error).cause ?? error)
      throw new Error(`the actuator at ${url} does not answer: ${why}`)
    }
    if (!response.ok) throw new Error(`the actuator answers ${response.status}: ${errorIn(text)}`)
    return JSON.parse(text)
  }
  return {
    // The actuator and its client always have the same version, so the client does not need to validate the actuator's responses.
    list: async (signal) => (await call(actuatorPaths.replicas(service), readWithinSeconds, signal)) as ListedReplica[],
    workingSets: async (signal) => (await call(actuatorPaths.workingSets(service), readWithinSeconds, signal)) as WorkingSet[],
    scale: async (replicas, signal) => {
      await call(actuatorPaths.replicas(service), scaleWithinSeconds, signal, { replicas })
    },
  }
}

/** Returns the error message in the actuator's answer, or the answer itself if it has another form. */
function errorIn(answer: string): string {
  try {
    const { error } = JSON.parse(answer) as { error?: unknown }
    return typeof error === 'string' ? error : answer.trim()
  } catch {
    return answer.trim()
  }
}
