/**
 * Follows Docker events for the start, health and exit of replicas. Events are read as they occur, because Docker stores only the most
 * recent ones.
 */
import { services } from '@lab/contract/endpoints.ts'
import { follow } from '@lab/host/docker.ts'
import { replicaName, serviceLabels } from '@lab/host/replicas.ts'
import type { ReplicaChange, ReplicaWatch } from '../lab.ts'

interface DockerEvent {
  Action: string
  timeNano: number
  Actor: { Attributes: Record<string, string> }
}

const changes: Readonly<Record<string, ReplicaChange['what']>> = {
  start: 'started',
  die: 'gone',
  'health_status: healthy': 'ready',
  'health_status: unhealthy': 'unready',
}

/**
 * Parses one event.
 * @param line a line printed by `docker events --format '{{json .}}'`
 * @returns the replica event, or undefined if the Docker event does not change a replica's state
 */
export function readEvent(line: string): ReplicaChange | undefined {
  const { Action, timeNano, Actor } = JSON.parse(line) as DockerEvent
  const what = changes[Action]
  return what === undefined ? undefined : { atMs: timeNano / 1e6, replica: replicaName(Actor.Attributes), what }
}

/** Starts following the Docker events of a project's replicas. */
export function watchEvents(project: string, say: (line: string) => void): ReplicaWatch {
  const labels = serviceLabels(project, services.ws).flatMap((label) => ['--filter', `label=${label}`])
  const events = ['start', 'die', 'health_status'].flatMap((event) => ['--filter', `event=${event}`])
  const found: ReplicaChange[] = []
  const following = follow(
    'docker',
    ['events', '--filter', 'type=container', ...labels, ...events, '--format', '{{json .}}'],
    (line) => {
      const change = readEvent(line)
      if (change !== undefined) found.push(change)
    },
    (exitCode) => say(`docker events ended with exit code ${exitCode}: starts and exits of replicas are no longer recorded`),
  )
  return { changes: found, stop: following.stop }
}
