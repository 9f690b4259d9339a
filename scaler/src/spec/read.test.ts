import { readFileSync } from 'node:fs'
import { services } from '@lab/contract/endpoints.ts'
import { metrics } from '@lab/contract/metrics.ts'
import { describe, expect, test } from 'vitest'
import { defaultFeatureGates } from '../core/types.ts'
import { problemText, readHpa } from './read.ts'

const read = (text: string) => readHpa(text, 'hpa.yaml', defaultFeatureGates)

/** The lines a person sees; empty: the file is accepted. */
function problemsOf(text: string): string[] {
  const result = read(text)
  return 'problems' in result ? result.problems.map(problemText) : []
}

function hpaOf(text: string) {
  const result = read(text)
  if ('problems' in result) throw new Error(result.problems.map(problemText).join('\n'))
  return result.hpa
}

const head = `apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: ws }
`
const spec = (text: string): string => `${head}spec:\n  scaleTargetRef: { kind: Deployment, name: ws }\n${text}`

describe('a file', () => {
  test('with everything in it is read', () => {
    const hpa = hpaOf(`${head}spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: ws }
  minReplicas: 2
  maxReplicas: 20
  metrics:
    - { type: Resource, resource: { name: cpu, target: { type: Utilization, averageUtilization: 70 } } }
    - { type: Resource, resource: { name: memory, target: { type: AverageValue, averageValue: 2Gi } } }
    - { type: ContainerResource, containerResource: { name: cpu, container: ws, target: { type: AverageValue, averageValue: 100m } } }
    - { type: Pods, pods: { metric: { name: sockets, selector: { matchLabels: { a: b } } }, target: { type: AverageValue, averageValue: 1k } } }
    - type: Object
      object: { metric: { name: rps }, describedObject: { kind: Ingress, name: front }, target: { type: Value, value: 1.5 } }
    - { type: External, external: { metric: { name: queue }, target: { type: AverageValue, averageValue: "30" } } }
  behavior:
    scaleUp:
      stabilizationWindowSeconds: 30
      selectPolicy: Min
      policies: [{ type: Percent, value: 300, periodSeconds: 60 }]
      tolerance: 0.05
`)
    expect(hpa).toEqual({
      name: 'ws',
      namespace: 'default',
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'ws' },
      minReplicas: 2,
      maxReplicas: 20,
      metrics: [
        { type: 'Resource', name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } },
        { type: 'Resource', name: 'memory', target: { type: 'AverageValue', averageValueMilli: 2 * 1024 ** 3 * 1000 } },
        { type: 'ContainerResource', name: 'cpu', container: 'ws', target: { type: 'AverageValue', averageValueMilli: 100 } },
        {
          type: 'Pods',
          metric: { name: 'sockets', selector: { matchLabels: { a: 'b' } } },
          target: { type: 'AverageValue', averageValueMilli: 1_000_000 },
        },
        {
          type: 'Object',
          metric: { name: 'rps' },
          describedObject: { kind: 'Ingress', name: 'front' },
          target: { type: 'Value', valueMilli: 1500 },
        },
        { type: 'External', metric: { name: 'queue' }, target: { type: 'AverageValue', averageValueMilli: 30_000 } },
      ],
      behavior: {
        scaleUp: {
          stabilizationWindowSeconds: 30,
          selectPolicy: 'Min',
          policies: [{ type: 'Percent', value: 300, periodSeconds: 60 }],
          tolerance: 0.05,
        },
        scaleDown: { selectPolicy: 'Max', policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] },
      },
    })
  })

  test('with the least in it gets the defaults, and no behavior', () => {
    const hpa = hpaOf(spec('  maxReplicas: 3\n'))
    expect(hpa.minReplicas).toBe(1)
    expect(hpa.metrics).toEqual([{ type: 'Resource', name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } }])
    expect(hpa).not.toHaveProperty('behavior')
  })

  test('an empty behavior is one, a null is none', () => {
    expect(hpaOf(spec('  maxReplicas: 3\n  behavior: {}\n'))).toHaveProperty('behavior.scaleUp.stabilizationWindowSeconds', 0)
    expect(hpaOf(spec('  maxReplicas: 3\n  behavior:\n'))).not.toHaveProperty('behavior')
  })

  test('as kubectl prints it, with status and all of metadata, is accepted', () => {
    const text = spec('  maxReplicas: 3\n').replace('{ name: ws }', '{ name: ws, uid: 1-2, creationTimestamp: null, labels: { app: ws } }')
    expect(problemsOf(`${text}status:\n  currentReplicas: 2\n`)).toEqual([])
  })
})

describe('the place of a problem', () => {
  test.each<[string, string, string[]]>([
    [
      'an unknown field',
      spec('  maxReplica: 3\n'),
      ['hpa.yaml:6:3: spec.maxReplica: unknown field; allowed here: scaleTargetRef, minReplicas, maxReplicas, metrics, behavior'],
    ],
    [
      'an unknown field deep inside',
      spec('  maxReplicas: 3\n  metrics:\n    - type: Resource\n      resource:\n        nam: cpu\n'),
      ['hpa.yaml:10:9: spec.metrics[0].resource.nam: unknown field; allowed here: name, target'],
    ],
    ['a wrong type', spec('  maxReplicas: three\n'), ['hpa.yaml:6:16: spec.maxReplicas: must be a whole number that fits 32 bits']],
    ['a fraction', spec('  maxReplicas: 2.5\n'), ['hpa.yaml:6:16: spec.maxReplicas: must be a whole number that fits 32 bits']],
    [
      'a list where fields belong',
      spec('  maxReplicas: 3\n  behavior: [1]\n'),
      ['hpa.yaml:7:13: spec.behavior: must be a mapping of fields'],
    ],
    [
      'max below min',
      spec('  minReplicas: 5\n  maxReplicas: 3\n'),
      ['hpa.yaml:7:16: spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`'],
    ],
    [
      'a wrong kind of metric',
      spec('  maxReplicas: 3\n  metrics: [{ type: CPU }]\n'),
      [
        'hpa.yaml:7:21: spec.metrics[0].type: Unsupported value: "CPU": supported values: "ContainerResource", "External", "Object", "Pods", "Resource"',
      ],
    ],
    [
      'something missing, at its nearest parent',
      spec('  maxReplicas: 3\n  metrics:\n    - type: Pods\n'),
      ['hpa.yaml:8:7: spec.metrics[0].pods: Required value: must populate information for the given metric source'],
    ],
    [
      'a negative tolerance',
      spec('  maxReplicas: 3\n  behavior: { scaleUp: { tolerance: -0.1 } }\n'),
      ['hpa.yaml:7:37: spec.behavior.scaleUp.tolerance: Invalid value: "-100m": must be greater than or equal to 0'],
    ],
    ['another API', 'apiVersion: autoscaling/v1\nkind: HorizontalPodAutoscaler\n', ['hpa.yaml:1:13: apiVersion: must be "autoscaling/v2"']],
    ['broken YAML', 'a: [1\nb: 2\n', ['hpa.yaml:2:1: Flow sequence in block collection must be sufficiently indented and end with a ]']],
    ['a key twice', 'a: 1\na: 2\n', ['hpa.yaml:2:1: Map keys must be unique']],
    ['an empty file', '', ['hpa.yaml:1:1: the file holds no document; expected one HorizontalPodAutoscaler']],
    [
      'two documents',
      `${spec('  maxReplicas: 3\n')}---\na: 1\n`,
      ['hpa.yaml:7:1: expected one HorizontalPodAutoscaler, found a second document'],
    ],
    ['plain text', 'hello\n', ['hpa.yaml:1:1: document: must be a mapping of fields']],
  ])('%s', (_what, text, lines) => {
    expect(problemsOf(text)).toEqual(lines)
  })

  test('a quantity that is none names what is allowed', () => {
    const metric = '{ type: External, external: { metric: { name: q }, target: { type: Value, value: 10x } } }'
    const [line] = problemsOf(spec(`  maxReplicas: 3\n  metrics:\n    - ${metric}\n`))
    expect(line).toMatch(
      /^hpa\.yaml:8:88: spec\.metrics\[0\]\.external\.target\.value: must be a number with an optional suffix n, u, m, k, /,
    )
  })

  test('every problem is told at once, each once', () => {
    const lines = problemsOf(`${head}spec:\n  maxReplicas: 0\n  metrics: [{ type: Foo }]\n  behavior: { scaleDown: { policies: [] } }\n`)
    expect(lines.map((line) => line.split(': ')[1])).toEqual([
      'spec.maxReplicas',
      'spec.maxReplicas',
      'spec.scaleTargetRef.kind',
      'spec.scaleTargetRef.name',
      'spec.metrics[0].type',
      'spec.behavior.scaleDown.policies',
    ])
  })

  test('aliases that multiply are refused, not unfolded', () => {
    const bomb = [
      'a: &a [x, x, x, x, x, x, x, x, x]',
      ...'bcdefg'.split('').map((key, i) => {
        const before = 'abcdefg'[i]
        return `${key}: &${key} [${new Array(9).fill(`*${before}`).join(', ')}]`
      }),
    ].join('\n')
    expect(problemsOf(bomb)[0]).toMatch(/alias/i)
  })
})

test('gates decide what is refused', () => {
  const text = spec(
    '  minReplicas: 0\n  maxReplicas: 3\n  metrics: [{ type: External, external: { metric: { name: q }, target: { type: Value, value: 1 } } }]\n',
  )
  expect(problemsOf(text)[0]).toMatch(/spec\.minReplicas: Invalid value: 0: must be greater than or equal to 1$/)
  expect(readHpa(text, 'hpa.yaml', { ...defaultFeatureGates, HPAScaleToZero: true })).toHaveProperty('hpa.minReplicas', 0)
  const tolerant = spec('  maxReplicas: 3\n  behavior: { scaleUp: { tolerance: -1 } }\n')
  expect(readHpa(tolerant, 'hpa.yaml', { ...defaultFeatureGates, HPAConfigurableTolerance: false })).toHaveProperty('hpa')
})

test('the shipped hpa.yaml scales the service on connections and CPU', () => {
  const text = readFileSync(new URL('../../hpa.yaml', import.meta.url), 'utf8')
  const hpa = hpaOf(text)
  expect(hpa).toMatchObject({ minReplicas: 2, maxReplicas: 10, scaleTargetRef: { name: services.ws } })
  expect(hpa.metrics).toEqual([
    { type: 'Pods', metric: { name: metrics.connectionsActive.name }, target: { type: 'AverageValue', averageValueMilli: 100_000 } },
    { type: 'Resource', name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } },
  ])
})
