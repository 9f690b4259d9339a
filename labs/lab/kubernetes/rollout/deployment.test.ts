/** Tests how a rollout in a cluster is derived from the objects that kubectl prints, and the patch that begins one. */
import { readFileSync } from 'node:fs'
import { services } from '@lab/contract/endpoints.ts'
import { nameLabel } from '@lab/contract/kubernetes.ts'
import { root } from '@lab/host/root.ts'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { readPods } from '../pods.ts'
import { changesOf, configMapOf, observe, readDeployment, readReplicaSets, rolloutPatch } from './deployment.ts'

const manifest = parse(readFileSync(`${root}k8s/base/deployment.yaml`, 'utf8'))
const revision = 'deployment.kubernetes.io/revision'

function deployment({ generation = 2, observedGeneration = 2, replicas = 2, paused = false, conditions = [] as object[] } = {}) {
  const metadata = { ...manifest.metadata, generation, annotations: { [revision]: '2' } }
  const spec = { ...manifest.spec, replicas, ...(paused && { paused }) }
  return readDeployment(JSON.stringify({ metadata, spec, status: { observedGeneration, conditions } }))
}

const replicaSet = (number: number, hash: string, owner: string = services.ws) => ({
  metadata: {
    name: `ws-${hash}`,
    creationTimestamp: '2026-01-31T12:00:00Z',
    annotations: { [revision]: String(number), 'kubernetes.io/change-cause': `rollout ${number}` },
    labels: { 'pod-template-hash': hash },
    ownerReferences: [{ kind: 'Deployment', name: owner }],
  },
  spec: { template: manifest.spec.template },
})
const replicaSets = readReplicaSets(JSON.stringify({ items: [replicaSet(2, 'new'), replicaSet(1, 'old'), replicaSet(3, 'x', 'grafana')] }))

interface PodState {
  ready?: boolean
  deleted?: boolean
  state?: object
  lastState?: object
}
const pod = (
  name: string,
  hash: string,
  { ready = true, deleted, state = { running: { startedAt: '' } }, lastState = {} }: PodState = {},
) => ({
  metadata: {
    name,
    creationTimestamp: '2026-01-31T12:00:00Z',
    labels: { [nameLabel]: services.ws, 'pod-template-hash': hash },
    ...(deleted && { deletionTimestamp: '2026-01-31T12:00:00Z' }),
  },
  status: {
    phase: 'Running',
    conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    containerStatuses: [{ name: services.ws, state, lastState }],
  },
})
const following = { progressDeadlineSeconds: 60, rollingBack: false }
const seen = (pods: readonly object[], options: Parameters<typeof deployment>[0] = {}) =>
  observe(deployment(options), replicaSets, readPods(JSON.stringify({ items: pods })), following)

test('the revisions are the ReplicaSets of the Deployment, with their images and causes', () => {
  const { record } = seen([pod('a', 'new'), pod('b', 'new')])
  expect(record.revisions.map(({ number, cause, version }) => [number, cause, version.image])).toEqual([
    [1, 'rollout 1', 'websocket-lab/ws:1.0.0'],
    [2, 'rollout 2', 'websocket-lab/ws:1.0.0'],
  ])
  expect(record.rollout).toMatchObject({ from: 1, target: 2, replicas: 2, maxSurge: 1, maxUnavailable: 0 })
})

test.each<[string, readonly object[], Parameters<typeof deployment>[0], boolean]>([
  ['all pods are new and Ready', [pod('a', 'new'), pod('b', 'new')], {}, true],
  ['an old pod still drains', [pod('a', 'new'), pod('b', 'new'), pod('c', 'old', { deleted: true })], {}, false],
  ['a new pod is not Ready', [pod('a', 'new'), pod('b', 'new', { ready: false })], {}, false],
  ['a new pod drains after a scale-down', [pod('a', 'new'), pod('b', 'new'), pod('c', 'new', { deleted: true })], {}, true],
  ['the controller has not processed the change', [pod('a', 'new'), pod('b', 'new')], { generation: 3 }, false],
  ['it is paused', [pod('a', 'new'), pod('b', 'new')], { paused: true }, false],
])('complete if %s: %#', (_, pods, options, complete) => {
  expect(seen(pods, options).record.rollout.ended).toBe(complete ? 'complete' : undefined)
})

const waiting = (reason: string) => ({ ready: false, state: { waiting: { reason } } })
const ended = (exitCode: number, reason: string) => ({ lastState: { terminated: { exitCode, reason } } })

test.each<[string, object, string]>([
  ['serves', pod('a', 'new'), 'available: it serves'],
  ['drains', pod('a', 'new', { deleted: true }), 'unavailable: it drains'],
  ['starts', pod('a', 'new', { ready: false }), 'starting: its readiness probe has not passed yet'],
  ['is created', pod('a', 'new', waiting('ContainerCreating')), 'starting: ContainerCreating'],
  ['has no image', pod('a', 'new', waiting('ImagePullBackOff')), 'failed: cannot start: ImagePullBackOff'],
  ['exited', pod('a', 'new', ended(1, 'Error')), 'failed: ended with exit code 1 and was started again'],
  ['exceeded its memory limit', pod('a', 'new', ended(137, 'OOMKilled')), 'failed: ended with exit code 137 and was started again'],
  ['was killed by hand', pod('a', 'new', ended(137, 'Error')), 'available: it serves'],
  ['is old and exited', pod('a', 'old', ended(1, 'Error')), 'available: it serves'],
])('a pod that %s', (_, one, expected) => {
  expect(seen([one]).replicas.map(({ state, detail }) => `${state}: ${detail}`)).toEqual([expected])
})

test("the controller's own reason for a rollout that does not progress", () => {
  const condition = {
    type: 'Progressing',
    status: 'False',
    reason: 'ProgressDeadlineExceeded',
    message: 'timed out',
    lastTransitionTime: 'T',
  }
  const { stuck, record } = seen([pod('a', 'new')], { conditions: [condition] })
  expect(stuck).toBe('ProgressDeadlineExceeded: timed out')
  expect(record.events).toEqual([{ time: 'T', type: 'Warning', reason: 'ProgressDeadlineExceeded', message: 'timed out' }])
})

describe('a change', () => {
  const changes = (change: object) => changesOf(deployment(), { DRAIN_TIMEOUT: '18000' }, { cause: 'rollout', ...change })

  test('lists the image and the variables that differ', () => {
    expect(changes({ image: 'a:2', set: { LOG_LEVEL: 'debug', DRAIN_TIMEOUT: '9000' } })).toEqual([
      'DRAIN_TIMEOUT: "18000" -> "9000"',
      'LOG_LEVEL: not set -> "debug"',
      'image: websocket-lab/ws:1.0.0 -> a:2',
    ])
    expect(changes({ restart: true })).toEqual(['restart: nothing changes'])
  })

  test('is refused if nothing differs, or if Kubernetes sets the variable', () => {
    expect(() => changes({ set: { DRAIN_TIMEOUT: '18000' }, image: 'websocket-lab/ws:1.0.0' })).toThrow('nothing to change: every replica')
    expect(() => changes({ set: { REPLICA_ID: 'x' } })).toThrow('--set REPLICA_ID: Kubernetes sets this variable')
  })

  test('is one patch, and therefore one revision', () => {
    const patch = JSON.parse(rolloutPatch({ image: 'a:2', set: { A: 'b' }, restart: true, cause: 'rollout' }, new Date(0)))
    expect(patch).toEqual({
      metadata: { annotations: { 'kubernetes.io/change-cause': 'rollout' } },
      spec: {
        template: {
          metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': '1970-01-01T00:00:00.000Z' } },
          spec: { containers: [{ name: services.ws, image: 'a:2', env: [{ name: 'A', value: 'b' }] }] },
        },
      },
    })
  })

  test('overrides the settings in the ConfigMap of the manifests', () => {
    expect(configMapOf(deployment())).toBe(services.ws)
  })
})
