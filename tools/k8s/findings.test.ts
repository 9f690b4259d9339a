import { describe, expect, test } from 'vitest'
import type { Facts } from './facts.ts'
import { exitCodeOf, findingsOf, line } from './findings.ts'

const healthy: Facts = {
  kubectlMissing: false,
  context: 'kind-lab',
  server: { version: 'v1.36.3' },
  missingRights: [],
  foreign: [],
  missingImages: [],
  ingressClass: true,
  secretFile: true,
  metrics: { resource: 'available', custom: 'available' },
  connectionsMetric: true,
}
const problems = (facts: Partial<Facts>) =>
  findingsOf({ ...healthy, ...facts })
    .filter(({ level }) => level !== 'ok')
    .map(line)

test('a cluster with everything has no problem', () => {
  expect(problems({})).toEqual([])
  expect(exitCodeOf(findingsOf(healthy))).toBe(0)
})

describe('each problem is one line with the command that solves it', () => {
  test.each<[string, Partial<Facts>, string, 1 | 2]>([
    ['no kubectl', { kubectlMissing: true }, 'install kubectl', 1],
    ['no context', { context: undefined, server: { error: 'x' } }, 'kubectl config use-context NAME', 1],
    ['no cluster', { server: { error: 'connection refused' } }, 'does not answer: connection refused: kubectl config use-context NAME', 1],
    ['no rights', { missingRights: ['create deployments'] }, 'kubectl create rolebinding', 1],
    ['foreign objects', { foreign: [{ kind: 'deployment', name: 'shop' }] }, 'kubectl -n ws-lab delete deployment/shop', 2],
    [
      'an image that a node does not have',
      { missingImages: ['websocket-lab/ws:1.0.0'] },
      'kind load docker-image websocket-lab/ws:1.0.0 --name lab',
      1,
    ],
    ['no secret', { secretFile: false }, './lab k8s export', 1],
    ['no Ingress class', { ingressClass: false }, 'k8s/components/ingress-nginx', 2],
    [
      'no metrics-server',
      { metrics: { resource: 'absent', custom: 'available' } },
      'kubectl apply -f https://github.com/kubernetes-sigs/metrics-server',
      2,
    ],
    ['no metrics adapter', { metrics: { resource: 'available', custom: 'absent' } }, 'helm install metrics-adapter', 2],
    ['an adapter that does not answer', { metrics: { resource: 'available', custom: 'unavailable' } }, 'kubectl get apiservices', 2],
    ['an adapter without the rules', { connectionsMetric: false }, 'kubectl apply -k k8s/metrics-adapter', 2],
  ])('%s', (_, facts, command, exitCode) => {
    const found = problems(facts)
    expect(found).toHaveLength(1)
    expect(found[0]).toContain(command)
    expect(found[0]).not.toContain('\n')
    expect(exitCodeOf(findingsOf({ ...healthy, ...facts }))).toBe(exitCode)
  })
})

test.each([
  ['kind-a', 'kind load docker-image x/ws:1 --name a'],
  ['k3d-a', 'k3d image import x/ws:1 -c a'],
  ['minikube', 'minikube image load x/ws:1'],
  ['arn:aws:eks', 'kustomize edit set image x/ws=REGISTRY/x/ws'],
])('in the context %s, images are copied by: %s', (context, command) => {
  expect(problems({ context, missingImages: ['x/ws:1'] })[0]).toContain(command)
})

test('many foreign objects are counted', () => {
  const foreign = Array.from({ length: 8 }, (_, i) => ({ kind: 'service', name: `s${i}` }))
  expect(problems({ foreign })[0]).toContain('and 3 more')
})
