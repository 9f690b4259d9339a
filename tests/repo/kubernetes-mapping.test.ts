/** docs/kubernetes-mapping.md says what compose.k8s-sim.yaml and hpa.yaml say, field by field. */
import { ports, services } from '@lab/contract/endpoints.ts'
import { describe, expect, test } from 'vitest'
import { settings } from '../../services/ws/src/config.ts'
import { read, readYaml, withDefaults } from './lib/repo-files.ts'

type Tree = { [key: string]: Tree | string | number | boolean | null | Tree[] }

const files: Record<string, Tree> = {
  'compose.k8s-sim.yaml': readYaml('compose.k8s-sim.yaml'),
  'scaler/hpa.yaml': readYaml('scaler/hpa.yaml'),
}
const page = 'docs/kubernetes-mapping.md'

interface Row {
  field: string
  kubernetes: string
  file: string
  path: string
  here: string
}

/** Rows of the tables with five columns: field, value in Kubernetes, file, path in it, value there. */
const rows: Row[] = read(page)
  .split('\n')
  .filter((line) => /^\| `/.test(line))
  .map((line) => line.split('|').slice(1, -1).map(unquoted))
  .filter((cells) => cells.length === 5)
  .map(([field = '', kubernetes = '', file = '', path = '', here = '']) => ({ field, kubernetes, file, path, here }))

describe('the table', () => {
  test('is found', () => {
    expect(rows.length).toBeGreaterThan(15)
    expect([...new Set(rows.map(({ file }) => file))].sort()).toEqual(Object.keys(files).sort())
  })

  test.each(rows)('$field: $path in $file is $here', ({ file, path, here }) => {
    expect(withDefaults(String(valueAt(files[file], path)))).toBe(here)
  })

  test.each(rows)('$field: $kubernetes is the same as $here', ({ kubernetes, here, path }) => {
    expect(inKubernetesWords(here, path)).toBe(kubernetes)
  })

  test.each([
    'resources.requests.cpu',
    'resources.requests.memory',
    'resources.limits.cpu',
    'resources.limits.memory',
    'terminationGracePeriodSeconds',
    'readinessProbe.periodSeconds',
    'readinessProbe.timeoutSeconds',
    'readinessProbe.failureThreshold',
    'startupProbe.periodSeconds',
    'spec.minReplicas',
    'spec.maxReplicas',
  ])('has a row for %s', (field) => {
    expect(rows.filter((row) => row.field.endsWith(field)).length).toBe(1)
  })

  test('covers everything that the overlay says of ws', () => {
    const said = leaves(valueAt(files['compose.k8s-sim.yaml'], 'services.ws') as Tree, 'services.ws')
    expect(said.filter((path) => !rows.some((row) => row.path === path))).toEqual([])
  })
})

describe('the check itself', () => {
  test.each([
    ['2s', 'healthcheck.interval', '2'],
    ['256m', 'mem_limit', '256Mi'],
    ['250m', 'labels."lab.requests.cpu"', '250m'],
    ['start-first', 'update_config.order', '0'],
  ])('reads %s at %s as %s', (value, path, inKubernetes) => {
    expect(inKubernetesWords(value, path)).toBe(inKubernetes)
  })

  test('finds values behind labels with dots and in lists', () => {
    expect(valueAt({ a: { 'b.c': [{ d: 1 }] } } as unknown as Tree, 'a."b.c"[0].d')).toBe(1)
  })
})

describe('compose.k8s-sim.yaml', () => {
  const overlay = files['compose.k8s-sim.yaml'] as unknown as {
    services: Record<
      string,
      { environment?: Record<string, string>; volumes?: string[]; container_name?: string; stop_grace_period?: string }
    >
  }
  const scaler = overlay.services[services.scaler]

  test('adds the scaler and its door, and changes ws', () => {
    expect(Object.keys(overlay.services).sort()).toEqual([services.scaler, services.scalerProxy, services.ws].sort())
  })

  test('hands the scaler every variable that ws is made from', () => {
    const base = readYaml<typeof overlay>('compose.yaml').services[services.ws]
    const text = JSON.stringify([base, overlay.services[services.ws]])
    const filledIn = [...text.matchAll(/\$\{([A-Z_]+)[^}]*\}/g)].map(([whole, name = '']) => [name, whole] as const)
    expect(filledIn.length).toBeGreaterThan(20)
    for (const [name, value] of filledIn) expect([name, scaler?.environment?.[name]]).toEqual([name, value])
  })

  test('gives only the door the Docker socket', () => {
    const holders = Object.entries(overlay.services).filter(([, { volumes = [] }]) => volumes.some((one) => one.includes('docker.sock')))
    expect(holders.map(([name]) => name)).toEqual([services.scalerProxy])
  })

  test('lets the scaler finish an action, and ws its drain, before they are killed', () => {
    expect(Number.parseInt(scaler?.stop_grace_period ?? '', 10)).toBeGreaterThan(10)
    expect(Number.parseInt(withDefaults(overlay.services[services.ws]?.stop_grace_period ?? ''), 10) * 1000).toBeGreaterThan(
      settings.DRAIN_TIMEOUT.default + 5000,
    )
  })
})

describe('scaler/metrics.yaml', () => {
  const text = read('scaler/metrics.yaml')
  test('has every metric of hpa.yaml', () => {
    const specs = (
      files['scaler/hpa.yaml'] as unknown as { spec: { metrics: { pods?: { metric: { name: string } }; resource?: { name: string } }[] } }
    ).spec
    for (const { pods, resource } of specs.metrics) expect(text).toContain(`name: ${pods?.metric.name ?? resource?.name}`)
  })
})

test('the scaler is scraped on the port it listens on', () => {
  const { scaler } = (files['compose.k8s-sim.yaml'] as unknown as { services: Record<string, { environment: Record<string, string> }> })
    .services
  expect(scaler?.environment.SCALER_LISTEN).toBe(String(ports.internal))
})

function unquoted(cell: string): string {
  return cell.trim().replace(/^`(.*)`$/, '$1')
}

/** `a.b[0].c`; a label's own dots stand in quotes, as in labels."lab.requests.cpu". */
function valueAt(tree: Tree | undefined, path: string): unknown {
  let value: unknown = tree
  for (const [, quoted, index, key] of path.matchAll(/"([^"]+)"|\[(\d+)\]|([^.[\]"]+)/g)) {
    value = Reflect.get(Object(value), quoted ?? index ?? key ?? '')
  }
  return value
}

function leaves(tree: Tree, path: string): string[] {
  return Object.entries(tree).flatMap(([key, value]) => {
    const below = `${path}.${key.includes('.') ? `"${key}"` : key}`
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? leaves(value, below) : [below]
  })
}

/** Whole seconds without a unit; of memory, Compose's `m` is `Mi`; first starting the new one means that none is missing. */
function inKubernetesWords(value: string, path: string): string {
  if (path.endsWith('mem_limit')) return value.replace(/m$/, 'Mi')
  if (path.endsWith('.order')) return value === 'start-first' ? '0' : '1'
  return value.replace(/^(\d+)s$/, '$1')
}
