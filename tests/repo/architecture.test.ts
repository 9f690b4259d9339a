/** The picture in docs/architecture.md is that of the Compose files. */
import { expect, test } from 'vitest'
import { read, readYaml } from './lib/repo-files.ts'

interface Service {
  networks?: string[]
  network_mode?: string
  ports?: string[]
}
interface Compose {
  services: Record<string, Service>
  networks: Record<string, unknown>
}

const files = ['compose.yaml', 'compose.k8s-sim.yaml'].map((file) => readYaml<Compose>(file))
const networks = files.flatMap((file) => Object.keys(file.networks ?? {}))
const services = new Map<string, Service>()
for (const file of files)
  for (const [name, service] of Object.entries(file.services)) services.set(name, { ...service, ...services.get(name) })

/** Networks of a service; one that lives in another's has that one's. */
function networksOf(name: string): string[] {
  const { networks = [], network_mode } = services.get(name) ?? {}
  const host = /^service:(.+)$/.exec(network_mode ?? '')?.[1]
  return host === undefined ? networks : networksOf(host)
}

const [picture = ''] = read('docs/architecture.md').match(/```mermaid[\s\S]*?```/) ?? []
const groups = [...picture.matchAll(/subgraph (\S+) .*\n([\s\S]*?)\n {2}end/g)].map(([, network = '', members = '']) => ({
  network,
  members: members.trim().split(/\s+/),
}))
const arrows = [...picture.matchAll(/^ {2}(\S+) --> (\S+)$/gm)].map(([, from = '', to = '']) => [from, to] as const)

test('shows every service once, and every network', () => {
  expect(groups.flatMap(({ members }) => members).sort()).toEqual([...services.keys()].sort())
  expect(groups.map(({ network }) => network).sort()).toEqual(networks.sort())
})

test.each(groups.flatMap(({ network, members }) => members.map((name) => [name, network])))('%s is in the network %s', (name, network) => {
  expect(networksOf(name)).toContain(network)
})

test('only what is in the network front has a host port', () => {
  for (const [name, { ports }] of services)
    if (ports !== undefined) expect([name, networksOf(name)]).toEqual([name, expect.arrayContaining(['front'])])
})

test.each(arrows)('%s can reach %s', (from, to) => {
  expect(networksOf(from).filter((network) => networksOf(to).includes(network))).not.toEqual([])
})

test('no service stands alone but for a reason', () => {
  const drawn = new Set(arrows.flat())
  expect([...services.keys()].filter((name) => !drawn.has(name))).toEqual([])
})
