/** Builds the lab's NetworkPolicies from the calls between services in the Compose model. Pure. */
import { jobs, ports, services } from '@lab/contract/endpoints.ts'
import type { Call } from '../diagrams/compose-model.ts'
import { partOfLab, selected, type Tree } from './objects.ts'

/** Denies all traffic in the namespace that no other policy allows. */
const refuseAll: Tree = policy('refuse-by-default', {}, { policyTypes: ['Ingress', 'Egress'] })

const toDns: Tree = policy(
  'dns',
  {},
  {
    policyTypes: ['Egress'],
    egress: [{ to: [{ namespaceSelector: {}, podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } } }], ports: portList([53], true) }],
  },
)

/** Allows pods in other namespaces to call a part: the ingress controller calls the replicas, and the metrics adapter calls Prometheus. */
function fromOutside(name: string, numbers: readonly number[]): Tree {
  return policy(`${name}-from-other-namespaces`, selected(name), {
    policyTypes: ['Ingress'],
    ingress: [{ from: [{ namespaceSelector: {} }], ports: portList(numbers) }],
  })
}

/** A policy cannot select the API server by pod labels, so this policy allows only its ports, without restricting the destination. */
function toApiServer(name: string): Tree {
  return policy(`${name}-to-api-server`, selected(name), { policyTypes: ['Egress'], egress: [{ ports: portList([443, 6443]) }] })
}

/**
 * Returns one policy for each part that calls other parts or is called by them, and the general policies.
 * @param calls the calls between services in the Compose model
 * @param parts names of the lab's parts that run in the cluster
 */
export function networkPolicies(calls: readonly Call[], parts: readonly string[]): Tree[] {
  const inside = calls.filter(({ from, to }) => parts.includes(from) && parts.includes(to))
  const policies = parts.flatMap((part) => {
    const ingress = inside.filter(({ to }) => to === part).map((call) => ({ from: [pods(call.from)], ports: portList(call.ports) }))
    const egress = inside.filter(({ from }) => from === part).map((call) => ({ to: [pods(call.to)], ports: portList(call.ports) }))
    if (ingress.length + egress.length === 0) return []
    const policyTypes = [...(ingress.length > 0 ? ['Ingress'] : []), ...(egress.length > 0 ? ['Egress'] : [])]
    const rules = { ...(ingress.length > 0 && { ingress }), ...(egress.length > 0 && { egress }) }
    return [policy(part, selected(part), { policyTypes, ...rules })]
  })
  const called = (name: string) => [...new Set(inside.filter(({ to }) => to === name).flatMap((call) => call.ports))]
  const outside = [fromOutside(services.ws, [ports.public]), fromOutside(services.prometheus, called(services.prometheus))]
  return [refuseAll, toDns, ...policies, ...outside, ...[services.prometheus, jobs.kubeStateMetrics].map(toApiServer)]
}

function pods(name: string): Tree {
  return { podSelector: { matchLabels: selected(name) } }
}

function portList(numbers: readonly number[], withUdp = false): Tree[] {
  const protocols = withUdp ? ['UDP', 'TCP'] : ['TCP']
  return numbers.flatMap((port) => protocols.map((protocol) => ({ protocol, port })))
}

function policy(name: string, pods: Record<string, string>, spec: Tree): Tree {
  const podSelector = Object.keys(pods).length === 0 ? {} : { matchLabels: pods }
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, labels: partOfLab },
    spec: { ...spec, podSelector },
  }
}
