/**
 * Checks that the diagrams in docs/architecture.md are complete and are valid Mermaid. Whether the diagrams are up to date is checked in
 * generated.test.ts.
 */
import { hostPorts, jobs, paths } from '@lab/contract/endpoints.ts'
import { clientMessageTypes, serverMessageTypes } from '@lab/contract/messages.ts'
import { type ComposeFile, modelOf } from '@lab/generate/diagrams/compose-model.ts'
import { flowchartText } from '@lab/generate/diagrams/mermaid.ts'
import { describe, expect, test } from 'vitest'
import { read, readCompose } from './lib/repo-files.ts'

const files = ['compose.yaml', 'compose.k8s-sim.yaml'].map((file) => readCompose<ComposeFile>(file))
const networks = files.flatMap((file) => Object.keys(file.networks ?? {}))
const services = new Map<string, ComposeFile['services'][string]>()
for (const file of files)
  for (const [name, service] of Object.entries(file.services)) services.set(name, { ...service, ...services.get(name) })

/**
 * Returns the networks that a service belongs to. A service that shares another service's network belongs to the same networks as that
 * service.
 */
function networksOf(name: string): string[] {
  const { networks = [], network_mode } = services.get(name) ?? {}
  const host = /^service:(.+)$/.exec(network_mode ?? '')?.[1]
  return host === undefined ? networks : networksOf(host)
}

const page = read('docs/architecture.md')
const drawn = new Map(
  [...page.matchAll(/<!-- diagram ([\w-]+):.*-->\n\n```mermaid\n([\s\S]*?)\n```\n\n<!-- end of diagram \1 -->/g)].map(
    ([, name = '', text = '']) => [name, text],
  ),
)
const diagram = (name: string) => drawn.get(name) ?? ''
/** Returns the labels of all nodes, by node id. */
const nodesOf = (text: string) =>
  new Map([...text.matchAll(/^ +([\w-]+)[[({]+"(.*)"[\])}]+$/gm)].map(([, id = '', label = '']) => [id, label]))
const edgesOf = (text: string) =>
  [...text.matchAll(/^ {2}([\w-]+) (-->|---|-\.->)(?:\|"(.*)"\|)? ([\w-]+)$/gm)].map(([, from = '', , label = '', to = '']) => ({
    from,
    to,
    label,
  }))

test('the page has four generated diagrams', () => {
  expect([...drawn.keys()]).toEqual(['system', 'network', 'data-flow', 'scaling-loop'])
})

describe('the system diagram', () => {
  const text = diagram('system')
  const groups = [...text.matchAll(/subgraph net-(\S+) .*\n([\s\S]*?)\n {2}end/g)].map(([, network = '', members = '']) => ({
    network,
    members: [...nodesOf(members).keys()],
  }))
  const arrows = edgesOf(text).filter(({ to }) => to !== 'engine')

  test('shows every service once, and every network', () => {
    expect(groups.flatMap(({ members }) => members).sort()).toEqual([...services.keys()].sort())
    expect(groups.map(({ network }) => network).sort()).toEqual(networks.sort())
  })

  test.each(groups.flatMap(({ network, members }) => members.map((name) => [name, network])))(
    '%s is in the network %s',
    (name, network) => {
      expect(networksOf(name)).toContain(network)
    },
  )

  test.each(arrows.map(({ from, to }) => [from, to]))('%s can reach %s', (from = '', to = '') => {
    expect(networksOf(from).filter((network) => networksOf(to).includes(network))).not.toEqual([])
  })

  test('connects every service with another one', () => {
    const touched = new Set(arrows.flatMap(({ from, to }) => [from, to]))
    expect([...services.keys()].filter((name) => !touched.has(name))).toEqual([])
  })

  test('has an arrow from each service to the services in its depends_on', () => {
    for (const [name, { depends_on = {} }] of services)
      for (const other of Object.keys(depends_on)) expect(arrows).toContainEqual(expect.objectContaining({ from: name, to: other }))
  })

  test('has an arrow from Prometheus to every scrape target', () => {
    const scraped = arrows.filter(({ from }) => from === 'prometheus').map(({ to }) => to)
    // The job kube-state-metrics scrapes the scaler, and the job cadvisor scrapes the live page's server.
    const ofOthers: readonly string[] = [jobs.prometheus, jobs.kubeStateMetrics, jobs.cadvisor]
    const scrapedServices = Object.values(jobs).filter((job) => !ofOthers.includes(job))
    expect(scraped).toEqual(expect.arrayContaining(scrapedServices))
  })

  test('connects only the socket proxy and the actuator with the engine', () => {
    const withSocket = [...services].filter(([, { volumes = [] }]) => volumes.some((volume) => volume.includes('docker.sock')))
    expect(
      edgesOf(text)
        .filter(({ to }) => to === 'engine')
        .map(({ from }) => from),
    ).toEqual(withSocket.map(([name]) => name))
  })
})

describe('the network diagram', () => {
  const text = diagram('network')
  const edges = edgesOf(text)

  test.each([...services.keys()])('%s has edges to its own networks only', (name) => {
    expect(nodesOf(text).has(name)).toBe(true)
    const host = /^service:(.+)$/.exec(services.get(name)?.network_mode ?? '')?.[1]
    const expected = host === undefined ? networksOf(name).map((network) => `net-${network}`) : [host]
    expect(edges.filter(({ from, to }) => from === name && (host !== undefined || to.startsWith('net-'))).map(({ to }) => to)).toEqual(
      expected,
    )
  })

  test('shows every network', () => {
    const shown = [...nodesOf(text).keys()].filter((id) => id.startsWith('net-'))
    expect(shown.sort()).toEqual(networks.map((network) => `net-${network}`).sort())
  })

  test.each(Object.entries(hostPorts))('%s leads from the host to its service', (variable, port) => {
    const [owner] = [...services].find(([, { ports = [] }]) => ports.some((published) => published.includes(`\${${variable}:-`))) ?? []
    const edge = edges.find(({ from, to }) => from === 'host' && to === owner)
    expect(edge?.label.split('<br>')).toContain(`${variable} ${port}`)
    expect(networksOf(owner ?? '')).toContain('front')
  })
})

describe('the data flow', () => {
  const text = diagram('data-flow')
  const words = new Set(text.match(/[\w/:*-]+/g))

  test('shows every path, message type and scrape job', () => {
    const all = [...Object.values(paths), ...clientMessageTypes, ...serverMessageTypes]
    expect(all.filter((word) => !words.has(word))).toEqual([])
  })

  test('shows client messages and service messages in the right direction', () => {
    const label = (from: string, to: string) => edgesOf(text).find((edge) => edge.from === from && edge.to === to)?.label ?? ''
    for (const type of clientMessageTypes) expect(label('clients', 'traefik').match(/\w+/g)).toContain(type)
    for (const type of serverMessageTypes) expect(label('traefik', 'clients').match(/\w+/g)).toContain(type)
  })
})

test('the scaling loop is a closed loop that starts and ends at the replicas', () => {
  const edges = edgesOf(diagram('scaling-loop'))
  const seen = new Set<string>()
  for (const waiting = ['replicas']; waiting.length > 0; ) {
    const at = waiting.pop()
    for (const { to } of edges.filter(({ from }) => from === at)) if (!seen.has(to)) waiting.push(to)
    for (const { to } of edges.filter(({ from }) => from === at)) seen.add(to)
  }
  for (const step of ['observe', 'recommend', 'stabilize', 'limit', 'replicas']) expect([...seen]).toContain(step)
})

/** The subset of Mermaid's flowchart syntax that the diagrams may use. This test's parser rejects all other Mermaid syntax. */
const label = '"[^"<>#]*(?:(?:<br>|#(?:quot|lt|gt|35);)[^"<>#]*)*"'
const grammar = [
  /^flowchart (LR|TB)$/,
  new RegExp(`^  subgraph [a-z][\\w-]* \\[${label}\\]$`),
  /^ {2}end$/,
  ...['\\[L\\]', '\\(\\[L\\]\\)', '\\[\\(L\\)\\]', '\\{\\{L\\}\\}'].map(
    (shape) => new RegExp(`^ {2,4}[a-z][\\w-]*${shape.replace('L', label)}$`),
  ),
  new RegExp(`^  [a-z][\\w-]* (-->|---|-\\.->)(\\|${label}\\|)? [a-z][\\w-]*$`),
]
/** Mermaid's reserved words, which cannot be node ids. */
const reserved = ['end', 'graph', 'flowchart', 'subgraph', 'style', 'class', 'click', 'default', 'linkStyle', 'direction']

describe.each([...drawn])('the diagram %s', (_, text) => {
  test('has only valid lines', () => {
    expect(text.split('\n').filter((line) => !grammar.some((form) => form.test(line)))).toEqual([])
    expect(text.split('\n').filter((line) => line.startsWith('flowchart'))).toHaveLength(1)
    expect(text.match(/^ {2}subgraph/gm)?.length).toBe(text.match(/^ {2}end$/gm)?.length)
  })

  test('has edges between existing nodes, each of them once', () => {
    const nodes = nodesOf(text)
    expect([...nodes.keys()].filter((id) => reserved.includes(id))).toEqual([])
    expect(edgesOf(text).filter(({ from, to }) => !nodes.has(from) || !nodes.has(to))).toEqual([])
    const pairs = edgesOf(text).map(({ from, to }) => `${from} ${to}`)
    expect(pairs.filter((pair, index) => pairs.indexOf(pair) !== index)).toEqual([])
  })
})

describe('the model', () => {
  const lab = (api: object, more: object = {}) =>
    modelOf({
      files: [
        {
          services: { api: { networks: ['a'], ...api }, store: { networks: ['a'] }, 'store-two': { networks: ['b'] }, ...more },
          networks: { a: null },
        },
      ],
      prometheus: { scrape_configs: [] },
      configuration: { store: 'see api:80' },
    })
  const calls = (api: object, more?: object) => lab(api, more).calls.map(({ from, to, ports }) => `${from} ${to} ${ports.join()}`)

  test('finds addresses in environment, command and configuration, with their defaults', () => {
    const environment = { STORE: '$'.concat('{STORE-tcp://store:11}') }
    expect(calls({ environment, command: ['run', '--store=store:12'] })).toEqual(['api store 11,12', 'store api 80'])
  })

  test('ignores its own address, partial names, and services on other networks', () => {
    expect(calls({ command: 'api:11 my-store:12 store-two:13 https://example.org/store:14' })).toEqual(['store api 80'])
  })

  test('draws a service that shares the network of another service', () => {
    expect(calls({}, { proxy: { network_mode: 'service:store' } })).toContain('proxy store ')
  })

  test('refuses a port that is not bound to 127.0.0.1', () => {
    expect(() => lab({ ports: ['8000:8000'] })).toThrow('port 8000:8000: allowed is 127.0.0.1')
  })
})

test('special characters in a label are escaped', () => {
  const text = flowchartText({ direction: 'LR', nodes: [{ id: 'a', lines: ['say "<b>#1"', 'two'] }], edges: [] })
  expect(text).toBe('flowchart LR\n  a["say #quot;#lt;b#gt;#35;1#quot;<br>two"]')
})
