/** What `lab status` shows, from containers and what Prometheus knows. Pure. */
import { services } from '@lab/contract/endpoints.ts'
import { columns } from './columns.ts'
import { type OpenPlace, openPlaces } from './places.ts'
import type { LabContainer } from './project.ts'

/** What Prometheus read last, by replica name as in ws-1; or why that is not known. */
export type Readings = { connections: Readonly<Record<string, number>>; states: Readonly<Record<string, string>> } | { problem: string }

export interface Replica {
  name: string
  /** What the replica says of itself (starting, ready, draining, closed), or what Docker says of its container. */
  state: string
  /** Docker's health check: only a healthy replica gets new sockets. */
  health: string
  /** Open sockets at the last scrape; null where Prometheus has no answer. */
  connections: number | null
}

export interface Status {
  running: boolean
  replicas: Replica[]
  /** Open sockets of all replicas; null where one is not known. */
  connections: number | null
  services: { service: string; state: string; health: string }[]
  urls: OpenPlace[]
  /** Why connections are not known. */
  problem?: string
}

export function statusOf(containers: readonly LabContainer[], readings: Readings): Status {
  const known = 'problem' in readings ? undefined : readings
  const replicas = containers
    .filter(({ service }) => service === services.ws)
    .map(({ name, state, health }): Replica => {
      const replica = `${services.ws}-${name.split('-').at(-1)}`
      const runs = state === 'running'
      return {
        name: replica,
        state: (runs && known?.states[replica]) || state,
        health,
        connections: (runs ? known?.connections[replica] : undefined) ?? null,
      }
    })
  const counted = replicas.map(({ connections }) => connections)
  return {
    running: containers.some(({ state }) => state === 'running'),
    replicas,
    connections: counted.includes(null) || counted.length === 0 ? null : counted.reduce<number>((sum, count) => sum + (count ?? 0), 0),
    services: containers.filter(({ service }) => service !== services.ws).map(({ service, state, health }) => ({ service, state, health })),
    urls: openPlaces(containers),
    ...('problem' in readings && { problem: readings.problem }),
  }
}

/** For a person. */
export function statusText({ running, replicas, connections, services: others, urls, problem }: Status): string {
  if (!running) return 'Nothing runs. Start it: lab up\n'
  const unknown = '?'
  const parts = [
    columns([
      ['REPLICA', 'STATE', 'HEALTH', 'SOCKETS'],
      ...replicas.map(({ name, state, health, connections: count }) => [name, state, health || '-', String(count ?? unknown)]),
      ['all', '', '', String(connections ?? unknown)],
    ]),
    columns([['SERVICE', 'STATE', 'HEALTH'], ...others.map(({ service, state, health }) => [service, state, health || '-'])]),
    columns(urls.map(({ what, url }) => [what, url])),
    problem === undefined ? '' : `Sockets are not known: ${problem}\n`,
  ]
  return parts.filter(Boolean).join('\n')
}
