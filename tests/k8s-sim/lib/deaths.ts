/** Records Docker's events about replicas that stop or exit. */

import { services } from '@lab/contract/endpoints.ts'
import { follow } from '@lab/host/docker.ts'
import { replicaName, serviceLabels } from '@lab/host/replicas.ts'
import type { Stack } from '../../stack/lib/stack.ts'

export interface ReplicaEvent {
  action: 'kill' | 'die' | 'destroy'
  /** The name of the replica, for example ws-3. */
  replica: string
  atSeconds: number
  signal: string | undefined
  exitCode: string | undefined
}

/**
 * Collects Docker events until `stop` is called. The events are recorded continuously, because Docker itself stores only the most recent
 * ones.
 */
export function watchDeaths(stack: Stack): { events: ReplicaEvent[]; stop: () => Promise<void> } {
  const events: ReplicaEvent[] = []
  const filters = [
    'event=kill',
    'event=die',
    'event=destroy',
    ...serviceLabels(stack.project, services.ws).map((label) => `label=${label}`),
  ]
  let failure: string | undefined
  const reading = follow(
    'docker',
    ['events', '--format', 'json', ...filters.flatMap((filter) => ['--filter', filter])],
    (line) => {
      const { Action, Actor, timeNano } = JSON.parse(line) as {
        Action: ReplicaEvent['action']
        Actor: { Attributes: Record<string, string> }
        timeNano: number
      }
      const { signal, exitCode } = Actor.Attributes
      events.push({ action: Action, replica: replicaName(Actor.Attributes), atSeconds: timeNano / 1e9, signal, exitCode })
    },
    (exitCode) => {
      failure = `docker events has ended with ${exitCode}`
    },
  )
  const stop = async () => {
    await reading.stop()
    // If the event stream ended early, later events are missing, so stop() must fail.
    if (failure !== undefined) throw new Error(failure)
  }
  return { events, stop }
}
