/** The diagrams in docs/architecture.md show all that the Compose files and the contract have, and are Mermaid. That they are fresh: generated.test.ts. */
import { hostPorts, jobs, paths } from '@lab/contract/endpoints.ts'
import { clientMessageTypes, serverMessageTypes } from '@lab/contract/messages.ts'
import { describe, expect, test } from 'vitest'
import { type ComposeFile, modelOf } from '../../scripts/generate/diagrams/compose-model.ts'
import { flowchartText } from '../../scripts/generate/diagrams/mermaid.ts'
import { read, readYaml } from './lib/repo-files.ts'

const files = ['compose.yaml', 'compose.k8s-sim.yaml'].map((file) => readYaml<ComposeFile>(file))
const networks = files.flatMap((file) => Object.keys(file.networks ?? {}))
const services = new Map<string, ComposeFile['services'][string]>()
for (const file of files)
  for (const [name, service] of Object.entries(file.services)) services.set(name, { ...service, ...services.get(name) })

/** Networks of a service; one that lives in another's has that one's. */
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
/** The node of each id, with its label. */
const nodesOf = (text: string) =>
  new Map([...text.matchAll(/^ +([\w-]+)[[({]+"(.*)"[\])}]+$/gm)].map(([, id = '', label = '']) => [id, label]))
const edgesOf = (text: string) =>
  [...text.matchAll(/^ {2}([\w-]+) (-->|---|-\.->)(?:\|"(.*)"\|)? ([\w-]+)$/gm)].map(([, from = '', , label = '', to = '']) => ({
    ...{ from, to, label },
  }))

test('there are four', () => {
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

  test('no service stands alone', () => {
    const touched = new Set(arrows.flatMap(({ from, to }) => [from, to]))
    expect([...services.keys()].filter((name) => !touched.has(name))).toEqual([])
  })

  test('whoever waits for another calls it', () => {
    for (const [name, { depends_on = {} }] of services)
      for (const other of Object.keys(depends_on)) expect(arrows).toContainEqual(expect.objectContaining({ from: name, to: other }))
  })

  test('Prometheus has an arrow to everybody that it scrapes', () => {
    const scraped = arrows.filter(({ from }) => from === 'prometheus').map(({ to }) => to)
    expect(scraped).toEqual(expect.arrayContaining(Object.values(jobs).filter((job) => job !== jobs.prometheus)))
  })

  test('only the proxies reach the engine', () => {
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

  test.each([...services.keys()])('%s stands in all of its networks and no other', (name) => {
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

  test('has every path, every message type and every job', () => {
    const all = [...Object.values(paths), ...clientMessageTypes, ...serverMessageTypes]
    expect(all.filter((word) => !words.has(word))).toEqual([])
  })

  test('lets clients and replicas say what is theirs', () => {
    const label = (from: string, to: string) => edgesOf(text).find((edge) => edge.from === from && edge.to === to)?.label ?? ''
    for (const type of clientMessageTypes) expect(label('clients', 'traefik').match(/\w+/g)).toContain(type)
    for (const type of serverMessageTypes) expect(label('traefik', 'clients').match(/\w+/g)).toContain(type)
  })
})

test('the scaling loop comes back to where it began', () => {
  const edges = edgesOf(diagram('scaling-loop'))
  const seen = new Set<string>()
  for (const waiting = ['replicas']; waiting.length > 0; ) {
    const at = waiting.pop()
    for (const { to } of edges.filter(({ from }) => from === at)) if (!seen.has(to)) waiting.push(to)
    for (const { to } of edges.filter(({ from }) => from === at)) seen.add(to)
  }
  for (const step of ['observe', 'recommend', 'stabilize', 'limit', 'replicas']) expect([...seen]).toContain(step)
})

/** The part of Mermaid's flowcharts that is used: what else stands there may be wrong, or mean something. */
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
/** Words of the language, which are no names. */
const reserved = ['end', 'graph', 'flowchart', 'subgraph', 'style', 'class', 'click', 'default', 'linkStyle', 'direction']

describe.each([...drawn])('%s is Mermaid', (_, text) => {
  test('in every line', () => {
    expect(text.split('\n').filter((line) => !grammar.some((form) => form.test(line)))).toEqual([])
    expect(text.split('\n').filter((line) => line.startsWith('flowchart'))).toHaveLength(1)
    expect(text.match(/^ {2}subgraph/gm)?.length).toBe(text.match(/^ {2}end$/gm)?.length)
  })

  test('with edges between nodes that are there, each once', () => {
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

  test('takes neither itself, nor a part of a name, nor what it cannot reach', () => {
    expect(calls({ command: 'api:11 my-store:12 store-two:13 https://example.org/store:14' })).toEqual(['store api 80'])
  })

  test('draws what takes the place of another', () => {
    expect(calls({}, { proxy: { network_mode: 'service:store' } })).toContain('proxy store ')
  })

  test('refuses a port that is open to all', () => {
    expect(() => lab({ ports: ['8000:8000'] })).toThrow('port 8000:8000: allowed is 127.0.0.1')
  })
})

test('a label cannot end itself', () => {
  const text = flowchartText({ direction: 'LR', nodes: [{ id: 'a', lines: ['say "<b>#1"', 'two'] }], edges: [] })
  expect(text).toBe('flowchart LR\n  a["say #quot;#lt;b#gt;#35;1#quot;<br>two"]')
})
