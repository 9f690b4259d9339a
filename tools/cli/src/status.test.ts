/** Tests the output of the `status` command. */

import { nameLabel } from '@lab/contract/kubernetes.ts'
import { failure, success } from '@lab/contract/result.ts'
import { readContainers } from '@lab/lab/compose/project.ts'
import { readPods } from '@lab/lab/kubernetes/pods.ts'
import { expect, test } from 'vitest'
import { opener } from './commands/open.ts'
import { embeddedPlaces } from './embedded.ts'
import { forwardHint, kubernetesPlaces } from './kubernetes.ts'
import { embeddedStatus, kubernetesStatus, statusOf, statusText } from './status.ts'

const line = (service: string, number: number, changes: object = {}) =>
  JSON.stringify({
    Name: `lab-${service}-${number}`,
    Service: service,
    State: 'running',
    Health: 'healthy',
    Labels: `com.docker.compose.depends_on=valkey:service_started:false,com.docker.compose.container-number=${number}`,
    Publishers: [],
    ...changes,
  })
const published = { Publishers: [{ TargetPort: 8000, PublishedPort: 8123 }] }
const containers = readContainers(
  [line('ws', 10), line('ws', 2), line('ws', 3, { State: 'exited', Health: '' }), line('traefik', 1, published)].join('\n'),
)

test('replicas are sorted by number, with their reported state and their sockets', () => {
  const readings = {
    sockets: new Map(Object.entries({ 'ws-2': 7, 'ws-10': 5, 'ws-3': 9 })),
    states: new Map(Object.entries({ 'ws-2': 'draining', 'ws-10': 'ready', 'ws-3': 'ready' } as const)),
  }
  const status = statusOf(containers, success(readings))
  expect(status.replicas).toEqual([
    { name: 'ws-2', state: 'draining', health: 'healthy', connections: 7 },
    { name: 'ws-10', state: 'ready', health: 'healthy', connections: 5 },
  ])
  expect(status.connections).toBe(12)
  expect(status.running).toBe(true)
  // An exited container does not count as a replica, but the output still lists it among the services.
  expect(status.services.map(({ service, state }) => [service, state])).toEqual([
    ['traefik', 'running'],
    ['ws-3', 'exited'],
  ])
  expect(status.urls).toEqual([{ word: 'page', what: expect.any(String), url: 'http://localhost:8123' }])
})

test('without Prometheus, the number of sockets is unknown rather than zero', () => {
  const status = statusOf(containers, failure('no connection'))
  expect(status.connections).toBeNull()
  expect(statusText(status)).toMatch(/ws-2 +running +healthy +\?\n[\s\S]*no connection/)
})

test('without a running lab, the text contains the command that starts it', () => {
  expect(statusText(statusOf([], failure('Prometheus does not run')))).toContain('./lab up')
})

test('the status of an embedded lab has its replicas and its two pages', () => {
  const replicas = [
    { id: 'ws-1', state: 'ready', sockets: 3, startedAtSeconds: 1 },
    { id: 'ws-2', state: 'draining', sockets: 4, startedAtSeconds: 1 },
  ] as const
  const status = embeddedStatus(replicas, embeddedPlaces({ name: 'http://localhost:3000', entry: 'http://localhost:8000' }))
  expect(status.connections).toBe(7)
  expect(statusText(status)).toMatch(/ws-2 +draining +- +4\nall +7\n\nlive page +http:\/\/localhost:3000\n/)
  expect(statusText(status)).not.toContain('SERVICE')
})

test('the status of the lab in a cluster has its pods, their readiness, and the entry', () => {
  const pod = (name: string, service: string, more: object = {}) => ({
    metadata: { name, creationTimestamp: '2026-01-31T12:00:00Z', labels: { [nameLabel]: service }, ...more },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  })
  const items = [pod('ws-a', 'ws'), pod('ws-b', 'ws', { deletionTimestamp: '2026-01-31T13:00:00Z' }), pod('valkey-0', 'valkey')]
  const readings = { sockets: new Map([['ws-a', 3]]), states: new Map([['ws-a', 'ready'] as const]) }
  const places = kubernetesPlaces({ entry: 'http://127.0.0.1:30080' })
  const status = kubernetesStatus(readPods(JSON.stringify({ items })), success(readings), places)
  expect(status.replicas).toEqual([
    { name: 'ws-a', state: 'ready', health: 'Ready', connections: 3 },
    { name: 'ws-b', state: 'terminating', health: 'not Ready', connections: null },
  ])
  expect(status.connections).toBeNull()
  expect(statusText(status)).toMatch(/valkey +running +Ready\n\ntest client page, sockets at \/ws +http:\/\/127\.0\.0\.1:30080\n/)
  expect(forwardHint('grafana')).toContain('kubectl -n ws-lab port-forward service/grafana 3000')
  expect(forwardHint('live')).toBeUndefined()
})

test('reads one JSON array as well as one JSON object per line', () => {
  expect(readContainers(`[${line('ws', 1)}]`)).toEqual(readContainers(line('ws', 1)))
})

test('the browser is opened with the command of the platform, and not at all without a desktop', () => {
  const url = 'http://localhost:8000'
  expect(opener('darwin', {}, url)).toEqual(['open', url])
  expect(opener('linux', { DISPLAY: ':0' }, url)).toEqual(['xdg-open', url])
  expect(opener('linux', {}, url)).toBeUndefined()
  expect(opener('win32', {}, url)?.at(-1)).toBe(url)
})
