/** When replicas start, become healthy and end, as Docker says it: read while it happens, for Docker forgets it soon. */
import { createInterface } from 'node:readline'
import { execa } from 'execa'
import { services } from '../contract/src/endpoints.ts'
import type { ContainerEvent } from './report/scaling.ts'

interface DockerEvent {
  Action: string
  timeNano: number
  Actor: { Attributes: Record<string, string> }
}

const words: Readonly<Record<string, ContainerEvent['what']>> = {
  start: 'started',
  die: 'gone',
  'health_status: healthy': 'ready',
  'health_status: unhealthy': 'unready',
}

/** @param line as `docker events --format '{{json .}}'` writes it */
export function readEvent(line: string): ContainerEvent | undefined {
  const { Action, timeNano, Actor } = JSON.parse(line) as DockerEvent
  const what = words[Action]
  const number = Actor.Attributes['com.docker.compose.container-number']
  return what === undefined || number === undefined ? undefined : { atMs: timeNano / 1e6, replica: `${services.ws}-${number}`, what }
}

export interface EventReader {
  /** In order of time. */
  readonly events: readonly ContainerEvent[]
  stop(): Promise<void>
}

/** Begins to read the events of this project's replicas. @param log told when there is no reading any more */
export function readContainerEvents(project: string, log: (line: string) => void): EventReader {
  const label = (name: string, value: string) => ['--filter', `label=com.docker.compose.${name}=${value}`]
  const kinds = ['start', 'die', 'health_status'].flatMap((event) => ['--filter', `event=${event}`])
  const filters = ['--filter', 'type=container', ...label('project', project), ...label('service', services.ws), ...kinds]
  const reading = execa('docker', ['events', ...filters, '--format', '{{json .}}'], { stdin: 'ignore', buffer: false, reject: false })
  const events: ContainerEvent[] = []
  let stopping = false
  createInterface({ input: reading.stdout }).on('line', (line) => {
    const event = readEvent(line)
    if (event !== undefined) events.push(event)
  })
  reading.then(({ exitCode }) => {
    if (!stopping) log(`docker events has ended with ${exitCode}: from here on the report does not know when replicas come and go`)
  })
  return {
    events,
    stop: async () => {
      stopping = true
      reading.kill('SIGTERM')
      await reading
    },
  }
}
