/** Computes the output of `./lab status` from the containers or pods and Prometheus, or from the state of an embedded lab. Pure. */
import { services } from '@lab/contract/endpoints.ts'
import type { Result } from '@lab/contract/result.ts'
import type { ReplicaReading } from '@lab/host/readings.ts'
import { isReplica } from '@lab/host/replicas.ts'
import { type OpenPlace, openPlaces } from '@lab/lab/compose/places.ts'
import type { LabContainer } from '@lab/lab/compose/project.ts'
import { isReady, type Pod, podsOf, serviceOf, stateOf } from '@lab/lab/kubernetes/pods.ts'
import { columns } from './columns.ts'

/** The latest readings from Prometheus, by replica name, for example ws-1. */
export interface ReplicaReadings {
  sockets: ReadonlyMap<string, number>
  states: ReadonlyMap<string, ReplicaReading['state']>
}

export interface ReplicaRow {
  name: string
  /** State reported by the replica itself (starting, ready, draining, silent), or else the state of its container in Docker. */
  state: string
  /**
   * Result of Docker's health check, or whether a pod is Ready; an empty string if there is neither. Only a healthy replica receives new
   * sockets.
   */
  health: string
  /** Number of open sockets at the last scrape; null if Prometheus has no value. */
  connections: number | null
}

export interface Status {
  running: boolean
  replicas: ReplicaRow[]
  /** Number of open sockets on all replicas together; null if the number is unknown for any replica. */
  connections: number | null
  /** The containers of all services other than the replicas, as well as the containers of exited replicas. */
  services: { service: string; state: string; health: string }[]
  urls: OpenPlace[]
  /** The reason why the value of `connections` is unknown. */
  problem?: string
}

/** Computes the status of the Compose lab. */
export function statusOf(containers: readonly LabContainer[], readings: Result<ReplicaReadings>): Status {
  const known = readings.ok ? readings.value : undefined
  const isOne = ({ service, state }: LabContainer) => service === services.ws && isReplica({ State: { Status: state } })
  const replicas = containers.filter(isOne).map(({ replica, state, health }): ReplicaRow => {
    const runs = state === 'running'
    return {
      name: replica,
      state: (runs && known?.states.get(replica)) || state,
      health,
      connections: (runs ? known?.sockets.get(replica) : undefined) ?? null,
    }
  })
  return {
    running: containers.some(({ state }) => state === 'running'),
    replicas,
    connections: sumOf(replicas),
    services: containers
      .filter((container) => !isOne(container))
      .map(({ service, replica, state, health }) => ({ service: service === services.ws ? replica : service, state, health })),
    urls: openPlaces(containers),
    ...(!readings.ok && { problem: readings.problems.join('; ') }),
  }
}

/** Computes the status of a running embedded lab. */
export function embeddedStatus(readings: readonly ReplicaReading[], urls: OpenPlace[]): Status {
  const replicas = readings.map(({ id: name, state, sockets: connections }) => ({ name, state, health: '', connections }))
  return { running: true, replicas, connections: sumOf(replicas), services: [], urls }
}

/** Computes the status of the lab in a cluster. */
export function kubernetesStatus(pods: readonly Pod[], readings: Result<ReplicaReadings>, urls: OpenPlace[]): Status {
  const known = readings.ok ? readings.value : undefined
  const health = (pod: Pod) => (isReady(pod) ? 'Ready' : 'not Ready')
  const ofReplicas = podsOf(services.ws, pods)
  const replicas = ofReplicas.map((pod): ReplicaRow => {
    const { name } = pod.metadata
    return { name, state: known?.states.get(name) ?? stateOf(pod), health: health(pod), connections: known?.sockets.get(name) ?? null }
  })
  return {
    running: true,
    replicas,
    connections: sumOf(replicas),
    services: pods
      .filter((pod) => !ofReplicas.includes(pod))
      .map((pod) => ({ service: serviceOf(pod) ?? pod.metadata.name, state: stateOf(pod), health: health(pod) })),
    urls,
    ...(!readings.ok && { problem: readings.problems.join('; ') }),
  }
}

/** Formats the status as text. */
export function statusText({ running, replicas, connections, services: others, urls, problem }: Status): string {
  if (!running) return 'The lab does not run. Start it: ./lab up\n'
  const unknown = '?'
  const parts = [
    columns([
      ['REPLICA', 'STATE', 'HEALTH', 'SOCKETS'],
      ...replicas.map(({ name, state, health, connections: count }) => [name, state, health || '-', String(count ?? unknown)]),
      ['all', '', '', String(connections ?? unknown)],
    ]),
    others.length === 0
      ? ''
      : columns([['SERVICE', 'STATE', 'HEALTH'], ...others.map(({ service, state, health }) => [service, state, health || '-'])]),
    columns(urls.map(({ what, url }) => [what, url])),
    problem === undefined ? '' : `The number of sockets is unknown: ${problem}\n`,
  ]
  return parts.filter(Boolean).join('\n')
}

function sumOf(replicas: readonly ReplicaRow[]): number | null {
  const counts = replicas.flatMap(({ connections }) => connections ?? [])
  return counts.length < replicas.length || counts.length === 0 ? null : counts.reduce((sum, count) => sum + count, 0)
}
