/** Builds the data flow diagram from the paths, message types and metrics in the shared contract/ folder. Pure. */
import { stickyCookie } from '@lab/contract/endpoints.ts'
import type { Edge, Flowchart } from './mermaid.ts'

/** The part of the shared contract/ folder that the diagram shows. */
export interface Contract {
  services: Readonly<
    Record<'traefik' | 'ws' | 'valkey' | 'prometheus' | 'alertmanager' | 'alertReceiver' | 'grafana' | 'live' | 'k6', string>
  >
  ports: Readonly<Record<'public' | 'internal' | 'alerts', number>>
  paths: Readonly<Record<string, string>>
  /** Paths that the service serves on its internal port. */
  internalPaths: readonly string[]
  webhook: string
  clientMessageTypes: readonly string[]
  serverMessageTypes: readonly string[]
  /** Names of metrics, by exporter. */
  metrics: Readonly<Record<'ws' | 'scaler' | 'alert-receiver' | 'live' | 'k6', readonly string[]>>
  replicaHeader: string
}

/** Number of names per line of a label. */
const perLine = 2

export function dataFlowDiagram(contract: Contract): Flowchart {
  const { services, ports, paths, internalPaths } = contract
  const all = Object.values(paths)
  const onlyPublic = all.filter((path) => !internalPaths.includes(path))
  return {
    direction: 'TB',
    nodes: [
      { id: 'clients', lines: ['clients', 'pages, k6, prove, live'], shape: 'round' },
      { id: services.traefik, lines: [services.traefik, `cookie ${stickyCookie}`] },
      { id: 'public', lines: [`${services.ws} :${ports.public}`, ...inLines(onlyPublic)] },
      { id: 'internal', lines: [`${services.ws} :${ports.internal}`, ...inLines(internalPaths)] },
      { id: services.valkey, lines: [services.valkey], shape: 'store' },
      { id: services.prometheus, lines: [services.prometheus], shape: 'store' },
      { id: services.alertmanager, lines: [services.alertmanager] },
      { id: services.alertReceiver, lines: [services.alertReceiver] },
      { id: services.grafana, lines: [services.grafana] },
      { id: services.live, lines: [services.live, 'the live page'] },
      { id: 'scaler', lines: ['scaler'] },
    ],
    edges: [...messages(contract), ...shared(contract), ...measured(contract)],
  }
}

function messages({ services, clientMessageTypes, serverMessageTypes, replicaHeader }: Contract): Edge[] {
  return [
    { from: 'clients', to: services.traefik, lines: inLines(clientMessageTypes) },
    { from: services.traefik, to: 'clients', lines: inLines(serverMessageTypes) },
    { from: services.traefik, to: 'public', lines: ['the same frames'] },
    { from: 'public', to: services.traefik, lines: [`101 with ${replicaHeader}`, 'the same frames'] },
    { from: services.traefik, to: 'internal', kind: 'dotted', lines: ['ready?'] },
  ]
}

function shared({ services }: Contract): Edge[] {
  return [
    { from: 'public', to: services.valkey, lines: ['room messages, sessions,', 'who is in which room,', 'how full each replica is'] },
    { from: services.valkey, to: 'public', lines: ['the room log, in order'] },
  ]
}

function measured({ services, metrics, paths, webhook, ports }: Contract): Edge[] {
  const scraped = (names: readonly string[]) => [
    paths.metrics ?? '',
    names.length === 1 ? 'one metric:' : `${names.length} metrics, as`,
    names[0] ?? '',
  ]
  return [
    { from: 'internal', to: services.prometheus, lines: scraped(metrics.ws) },
    { from: 'scaler', to: services.prometheus, lines: scraped(metrics.scaler) },
    { from: services.alertReceiver, to: services.prometheus, lines: scraped(metrics['alert-receiver']) },
    { from: services.live, to: services.prometheus, lines: scraped(metrics.live) },
    { from: 'clients', to: services.prometheus, lines: ['remote write of k6', `${metrics.k6.length} metrics, as`, metrics.k6[0] ?? ''] },
    { from: services.prometheus, to: services.alertmanager, lines: ['alerts'] },
    { from: services.alertmanager, to: services.alertReceiver, lines: [`POST :${ports.alerts}${webhook}`] },
    { from: services.prometheus, to: services.grafana, lines: ['PromQL'] },
    { from: services.prometheus, to: 'scaler', lines: ['PromQL'] },
    { from: services.prometheus, to: services.live, lines: ['PromQL'] },
    { from: 'scaler', to: services.live, lines: ['decision log'] },
  ]
}

function inLines(names: readonly string[]): string[] {
  const lines: string[] = []
  for (let i = 0; i < names.length; i += perLine)
    lines.push(names.slice(i, i + perLine).join(', ') + (i + perLine < names.length ? ',' : ''))
  return lines
}
