/** Checks each row of docs/kubernetes-mapping.md against compose.k8s-sim.yaml and hpa.yaml. */
import { ports, services } from '@lab/contract/endpoints.ts'
import { overlayServices } from '@lab/host/compose.ts'
import { settings } from '@lab/ws/config.ts'
import { describe, expect, test } from 'vitest'
import { publicQueries } from '../k8s-sim/lib/public-queries.ts'
import { read, readCompose, readYaml, withDefaults } from './lib/repo-files.ts'

type Tree = { [key: string]: Tree | string | number | boolean | null | Tree[] }

const files: Record<string, Tree> = {
  'compose.k8s-sim.yaml': readCompose('compose.k8s-sim.yaml'),
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

/**
 * The rows of the page's five-column tables: the field, its value in Kubernetes, the lab's file, the path within that file, and the value
 * there.
 */
const rows: Row[] = read(page)
  .split('\n')
  .filter((line) => /^\| `/.test(line))
  .map((line) => line.split('|').slice(1, -1).map(unquoted))
  .filter((cells) => cells.length === 5)
  .map(([field = '', kubernetes = '', file = '', path = '', here = '']) => ({ field, kubernetes, file, path, here }))

describe('the table', () => {
  test('has rows for both files', () => {
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

  test('has a row for every setting of ws in the overlay', () => {
    const settingsOfWs = leaves(valueAt(files['compose.k8s-sim.yaml'], 'services.ws') as Tree, 'services.ws')
    expect(settingsOfWs.filter((path) => !rows.some((row) => row.path === path))).toEqual([])
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

  test('finds values with dots in their key, and values in lists', () => {
    expect(valueAt({ a: { 'b.c': [{ d: 1 }] } } as unknown as Tree, 'a."b.c"[0].d')).toBe(1)
  })
})

describe('compose.k8s-sim.yaml', () => {
  const overlay = files['compose.k8s-sim.yaml'] as unknown as {
    services: Record<
      string,
      { environment?: Record<string, string>; volumes?: string[]; networks?: string[]; container_name?: string; stop_grace_period?: string }
    >
  }
  const { [services.scaler]: scaler, [services.actuator]: actuator } = overlay.services

  test('adds only the scaler and its actuator, and changes ws', () => {
    expect(Object.keys(overlay.services).sort()).toEqual([...overlayServices, services.ws].sort())
  })

  test('passes every variable of ws to the actuator', () => {
    const base = readCompose<typeof overlay>('compose.yaml').services[services.ws]
    const text = JSON.stringify([base, overlay.services[services.ws]])
    const filledIn = [...text.matchAll(/\$\{([A-Z_]+)[^}]*\}/g)].map(([whole, name = '']) => [name, whole] as const)
    expect(filledIn.length).toBeGreaterThan(20)
    for (const [name, value] of filledIn) expect([name, actuator?.environment?.[name]]).toEqual([name, value])
  })

  test('gives only the actuator the Docker socket, and only the scaler access to the actuator', () => {
    const holders = Object.entries(overlay.services).filter(([, { volumes = [] }]) => volumes.some((one) => one.includes('docker.sock')))
    expect(holders.map(([name]) => name)).toEqual([services.actuator])
    expect(actuator?.networks).toEqual(['docker-control'])
    expect(overlay.services[services.ws]?.networks).toBeUndefined()
    expect(scaler?.networks).toEqual(['lab', 'docker-control'])
  })

  test('has grace periods that are long enough for an action of the scaler and a drain of ws', () => {
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

test('the scaler listens on the port that Prometheus scrapes', () => {
  const { scaler } = (files['compose.k8s-sim.yaml'] as unknown as { services: Record<string, { environment: Record<string, string> }> })
    .services
  expect(scaler?.environment.SCALER_LISTEN).toBe(String(ports.internal))
})

function unquoted(cell: string): string {
  return cell.trim().replace(/^`(.*)`$/, '$1')
}

/** The value at a path such as `a.b[0].c`. A key with dots is in quotes, as in labels."lab.requests.cpu". */
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

/** Converts a Compose value to Kubernetes: seconds lose their unit, `m` becomes `Mi`, and start-first is maxUnavailable 0. */
function inKubernetesWords(value: string, path: string): string {
  if (/mem(swap)?_limit$/.test(path)) return value.replace(/m$/, 'Mi')
  if (path.endsWith('.order')) return value === 'start-first' ? '0' : '1'
  return value.replace(/^(\d+)s$/, '$1')
}

describe('the section about public dashboards and rules', () => {
  const section =
    read(page)
      .split(/^## /m)
      .find((text) => text.startsWith('Public dashboards and rules\n')) ?? ''

  test.each([...new Set(publicQueries.map(({ source }) => source))])('names %s, whose queries a test sends', (source) => {
    expect(section).toContain(`| ${source} |`)
  })

  const alerts = publicQueries.filter(({ alert }) => alert !== undefined).map(({ name }) => name.replace(/,.*/, ''))
  test.each([...new Set(alerts)])('names the alert %s', (name) => {
    expect(section).toContain(name)
  })
})
