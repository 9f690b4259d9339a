/** Builds the diagrams of the Compose model: one of the calls between services, and one of the networks. Pure. */
import type { Model, Service } from './compose-model.ts'
import type { Flowchart, Group, Node } from './mermaid.ts'

/** The machine's Docker Engine, which is not a Compose service. */
const engine: Node = { id: 'engine', lines: ['Docker Engine'], shape: 'round' }

function nodeOf({ name, profiles, added, replicas }: Service): Node {
  const notes = [...profiles.map((profile) => `profile ${profile}`), ...(added ? ['k8s-sim'] : [])]
  return { id: name, lines: [replicas === undefined ? name : `${name} × ${replicas}`, ...notes] }
}

/** Renders the calls between services, with their ports. Each service is drawn inside the smallest network that it belongs to. */
export function systemDiagram({ services, networks, calls }: Model): Flowchart {
  const members = (network: string) => services.filter((service) => service.networks.includes(network)).length
  const smallest = ({ networks }: Service) => [...networks].sort((a, b) => members(a) - members(b))[0]
  return {
    direction: 'TB',
    groups: networks.map(({ name }): Group => {
      return { id: `net-${name}`, label: `network ${name}`, nodes: services.filter((service) => smallest(service) === name).map(nodeOf) }
    }),
    nodes: [engine],
    edges: [
      ...calls.map(({ from, to, ports }) => ({ from, to, lines: [ports.length === 0 ? 'uses its port' : ports.join(', ')] })),
      ...services.filter(({ hasEngine }) => hasEngine).map(({ name }) => ({ from: name, to: engine.id, lines: ['docker.sock'] })),
    ],
  }
}

/** Renders each service's networks, and the host ports. */
export function networkDiagram({ services, networks }: Model): Flowchart {
  const idOf = (network: string) => `net-${network}`
  const open = services.filter(({ hostPorts }) => hostPorts.length > 0)
  return {
    direction: 'LR',
    nodes: [
      { id: 'host', lines: ['host', '127.0.0.1'], shape: 'round' },
      ...services.map(nodeOf),
      ...networks.map(({ name, internal }): Node => {
        return { id: idOf(name), lines: [name, internal ? 'internal' : 'host ports'], shape: 'hexagon' }
      }),
    ],
    edges: [
      ...open.map(({ name, hostPorts }) => ({
        from: 'host',
        to: name,
        lines: hostPorts.map(({ variable, fallback, target }) => `${variable} ${fallback}${target === fallback ? '' : ` to ${target}`}`),
      })),
      ...services.flatMap(({ name, networks, inside }) =>
        inside === undefined
          ? networks.map((network) => ({ from: name, to: idOf(network), kind: 'line' as const }))
          : [{ from: name, to: inside, kind: 'line' as const, lines: ['shares its network'] }],
      ),
    ],
  }
}
