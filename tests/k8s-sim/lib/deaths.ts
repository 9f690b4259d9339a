/** What Docker says of the ends of replicas, as it happens. */
import { execa } from 'execa'
import { services } from '../../../contract/src/endpoints.ts'
import type { Stack } from '../../stack/lib/stack.ts'

export interface ReplicaEvent {
  action: 'kill' | 'die' | 'destroy'
  /** As in ws-3. */
  replica: string
  atSeconds: number
  signal: string | undefined
  exitCode: string | undefined
}

/** Collects until stopped; Docker itself remembers the last few events only. */
export function watchDeaths(stack: Stack): { events: ReplicaEvent[]; stop: () => void } {
  const events: ReplicaEvent[] = []
  const labels = [`com.docker.compose.project=${stack.project}`, `com.docker.compose.service=${services.ws}`]
  const filters = [...labels.map((label) => `label=${label}`), 'event=kill', 'event=die', 'event=destroy']
  const stream = execa('docker', ['events', '--format', 'json', ...filters.flatMap((filter) => ['--filter', filter])], {
    reject: false,
    stdin: 'ignore',
    timeout: 600_000,
  })
  let stopped = false
  let failure: unknown
  const reading = (async () => {
    for await (const line of stream) {
      const { Action, Actor, timeNano } = JSON.parse(String(line)) as {
        Action: ReplicaEvent['action']
        Actor: { Attributes: Record<string, string> }
        timeNano: number
      }
      const { signal, exitCode } = Actor.Attributes
      const replica = `${services.ws}-${Actor.Attributes['com.docker.compose.container-number']}`
      events.push({ action: Action, replica, atSeconds: timeNano / 1e9, signal, exitCode })
    }
  })()
  // Being ended by us is how it ends; anything else would leave events out unnoticed, so it fails whoever stops watching.
  reading.catch((error: unknown) => {
    if (!stopped) failure = error
  })
  const stop = () => {
    stopped = true
    stream.kill()
    if (failure !== undefined) throw failure
  }
  return { events, stop }
}
