/** Tests how the lab in a cluster is derived from the objects that kubectl prints, and the kubectl commands that change it. */
import { readFileSync } from 'node:fs'
import { services } from '@lab/contract/endpoints.ts'
import { defaultIngress, nameLabel } from '@lab/contract/kubernetes.ts'
import { root } from '@lab/host/root.ts'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { entryOf } from './entry.ts'
import { isPaused, limitProblem, patchOf, paused, policiesOf, readHpa } from './hpa.ts'
import { signalArgs, stateArgs } from './inside.ts'
import { podLogsArgs } from './logs.ts'
import { isCrashLooping, podsOf, readPods, replicaOf, stateOf } from './pods.ts'

interface PodOptions {
  created?: string
  service?: string
  ready?: boolean
  deleted?: boolean
  phase?: string
  state?: object
}

/** Returns the fields of a pod that the lab reads, among others that the API server adds. */
function pod(name: string, options: PodOptions = {}) {
  const { created = '2026-01-31T12:00:00Z', service = services.ws, ready = true, deleted = false, phase = 'Running' } = options
  const { state = { running: { startedAt: '2026-01-31T12:00:05Z' } } } = options
  return {
    kind: 'Pod',
    metadata: {
      name,
      creationTimestamp: created,
      labels: { [nameLabel]: service },
      ...(deleted && { deletionTimestamp: '2026-01-31T13:00:00Z' }),
    },
    status: {
      phase,
      conditions: [
        { type: 'PodScheduled', status: 'True' },
        { type: 'Ready', status: ready ? 'True' : 'False' },
      ],
      containerStatuses: [{ name: 'ws', restartCount: 0, ready, state }],
    },
  }
}
const read = (...items: object[]) => readPods(JSON.stringify({ items }))

describe('replicas', () => {
  const startedAtSeconds = Date.parse('2026-01-31T12:00:05Z') / 1000

  test.each<[string, PodOptions, { healthy: boolean; startedAtSeconds: number }, string]>([
    ['a Ready pod', {}, { healthy: true, startedAtSeconds }, 'running'],
    ['a pod that is not Ready', { ready: false }, { healthy: false, startedAtSeconds }, 'running'],
    ['a pod that drains', { deleted: true }, { healthy: false, startedAtSeconds }, 'terminating'],
    [
      'a pod whose container has exited',
      { ready: false, state: { waiting: { reason: 'CrashLoopBackOff' } } },
      { healthy: false, startedAtSeconds: 0 },
      'CrashLoopBackOff',
    ],
  ])('%s', (_, options, expected, state) => {
    const [found] = read(pod('ws-x', options))
    if (found === undefined) throw new Error('no pod')
    expect(replicaOf(found)).toEqual({ name: 'ws-x', ...expected })
    expect(stateOf(found)).toBe(state)
    expect(isCrashLooping(found)).toBe(state === 'CrashLoopBackOff')
  })

  test('a pod without a node has no container yet', () => {
    const [found] = read({ metadata: { name: 'ws-x', creationTimestamp: '2026-01-31T12:00:00Z' }, status: { phase: 'Pending' } })
    if (found === undefined) throw new Error('no pod')
    expect(replicaOf(found)).toEqual({ name: 'ws-x', healthy: false, startedAtSeconds: 0 })
    expect(stateOf(found)).toBe('pending')
  })

  test("are a service's pods that have not ended, oldest first", () => {
    const pods = read(
      pod('ws-b', { created: '2026-01-31T12:00:09Z' }),
      pod('ws-c'),
      pod('ws-a'),
      pod('ws-d', { phase: 'Failed' }),
      pod('valkey-0', { service: services.valkey }),
    )
    expect(podsOf(services.ws, pods).map(({ metadata }) => metadata.name)).toEqual(['ws-a', 'ws-c', 'ws-b'])
  })
})

describe('the HPA', () => {
  const text = JSON.stringify(parse(readFileSync(`${root}k8s/base/hpa.yaml`, 'utf8')))
  const hpa = readHpa(text)

  test('is absent if kubectl prints nothing', () => {
    expect(readHpa('')).toBeUndefined()
    expect(limitProblem(undefined, 50)).toBeUndefined()
  })

  test.each([
    [0, false],
    [1, true],
    [2, false],
    [10, false],
    [11, true],
  ])('%i replicas are outside its limits: %s', (replicas, outside) => {
    const problem = limitProblem(hpa, replicas)
    expect(problem !== undefined).toBe(outside)
    if (outside) expect(problem).toContain('allows 2 to 10 replicas, and would undo')
  })

  test('is paused by a patch, and resumed with its own policies', () => {
    if (hpa === undefined) throw new Error('no HPA')
    expect(isPaused(hpa)).toBe(false)
    const own = policiesOf(hpa)
    expect(own).toEqual({ scaleUp: 'Max', scaleDown: 'Max' })
    const patched = (patch: string) => readHpa(JSON.stringify({ ...hpa, spec: { ...hpa.spec, ...JSON.parse(patch).spec } }))
    const held = patched(patchOf(paused))
    expect(held !== undefined && isPaused(held)).toBe(true)
    const resumed = patched(patchOf(own))
    expect(resumed !== undefined && policiesOf(resumed)).toEqual(own)
  })
})

test.each([
  ['http://10.0.0.1:8000/', '', 'http://10.0.0.1:8000'],
  ['ws://10.0.0.1', '', 'http://10.0.0.1'],
  [undefined, '', defaultIngress],
  [undefined, '{"status":{"loadBalancer":{}}}', defaultIngress],
  [undefined, '{"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.7"}]}}}', 'http://192.0.2.7'],
  [undefined, '{"status":{"loadBalancer":{"ingress":[{"ip":"2001:db8::7"}]}}}', 'http://[2001:db8::7]'],
  [undefined, '{"status":{"loadBalancer":{"ingress":[{"hostname":"lab.example.org"}]}}}', 'http://lab.example.org'],
  ['http://10.0.0.1', '{"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.7"}]}}}', 'http://10.0.0.1'],
])('the entry: %s and the Ingress %s', (given, ingress, expected) => {
  expect(entryOf(given, ingress)).toBe(expected)
})

test('the logs of all pods, or of some services', () => {
  expect(podLogsArgs({})).toEqual(['-n', 'ws-lab', 'logs', '--prefix', '-l', nameLabel, '--tail', '-1'])
  const some = podLogsArgs({ services: ['ws', 'valkey'], tail: '20', since: '5m', follow: true }).join(' ')
  expect(some).toContain(`-l ${nameLabel} in (ws,valkey) --tail 20 --since 5m -f`)
  expect(podLogsArgs({ since: '2026-01-31T12:00:00Z' })).toContain('--since-time')
})

test("the programs in a pod look for the program of the image's CMD", () => {
  const args = signalArgs('ws-x', 'SIGKILL')
  const [, program] = /\[1\] === '(.*)'/.exec(args.at(-1) ?? '') ?? []
  expect(readFileSync(`${root}services/ws/Dockerfile`, 'utf8')).toContain(`CMD ["node", "${program}"]`)
  expect(args.at(-1)).toContain("'SIGKILL'")
  expect(stateArgs('ws-x').at(-1)).toContain(`[1] === '${program}'`)
})
