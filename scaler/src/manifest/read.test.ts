import { readFileSync } from 'node:fs'
import { services } from '@lab/contract/endpoints.ts'
import { metrics } from '@lab/contract/metrics.ts'
import { describe, expect, test } from 'vitest'
import { defaultFeatureGates } from '../core/types.ts'
import { readHpa } from './read.ts'

const read = (text: string) => readHpa(text, 'hpa.yaml', defaultFeatureGates)

/** Returns the error lines for a manifest file, or an empty list for a valid file. */
function problemsOf(text: string): string[] {
  const result = read(text)
  return result.ok ? [] : [...result.problems]
}

function hpaOf(text: string) {
  const result = read(text)
  if (!result.ok) throw new Error(result.problems.join('\n'))
  return result.value
}

const head = `apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: ws }
`
const spec = (text: string): string => `${head}spec:\n  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: ws }\n${text}`

describe('a file', () => {
  test('with all fields is read', () => {
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

  test('with the required fields only gets the defaults, and no behavior', () => {
    const hpa = hpaOf(spec('  maxReplicas: 3\n'))
    expect(hpa.minReplicas).toBe(1)
    expect(hpa.metrics).toEqual([{ type: 'Resource', name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } }])
    expect(hpa).not.toHaveProperty('behavior')
  })

  test('an empty behavior gets defaults, and null is no behavior', () => {
    expect(hpaOf(spec('  maxReplicas: 3\n  behavior: {}\n'))).toHaveProperty('behavior.scaleUp.stabilizationWindowSeconds', 0)
    expect(hpaOf(spec('  maxReplicas: 3\n  behavior:\n'))).not.toHaveProperty('behavior')
  })

  test('in the output of kubectl, with status and all metadata, is accepted', () => {
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
      'a missing field, with the place of its nearest parent',
      spec('  maxReplicas: 3\n  metrics:\n    - type: Pods\n'),
      ['hpa.yaml:8:7: spec.metrics[0].pods: Required value: must populate information for the given metric source'],
    ],
    [
      'a negative tolerance',
      spec('  maxReplicas: 3\n  behavior: { scaleUp: { tolerance: -0.1 } }\n'),
      ['hpa.yaml:7:37: spec.behavior.scaleUp.tolerance: Invalid value: "-100m": must be greater than or equal to 0'],
    ],
    ['another API', 'apiVersion: apps/v1\nkind: HorizontalPodAutoscaler\n', ['hpa.yaml:1:13: apiVersion: must be "autoscaling/v2"']],
    ['broken YAML', 'a: [1\nb: 2\n', ['hpa.yaml:2:1: Flow sequence in block collection must be sufficiently indented and end with a ]']],
    ['a duplicate key', 'a: 1\na: 2\n', ['hpa.yaml:2:1: duplicate key a']],
    ['an empty file', '', ['hpa.yaml:1:1: the file has no HorizontalPodAutoscaler']],
    [
      'only objects of other kinds',
      'kind: Service\n---\nkind: Deployment\n',
      ['hpa.yaml:1:1: the file has no HorizontalPodAutoscaler, only Service, Deployment'],
    ],
    [
      'two HorizontalPodAutoscalers',
      `${spec('  maxReplicas: 3\n')}---\n${spec('  maxReplicas: 3\n')}`,
      ['hpa.yaml:8:1: a second HorizontalPodAutoscaler: this file may have only one'],
    ],
    [
      'an error in the second document',
      `kind: Deployment\n---\n${spec('  maxReplicas: 0\n')}`,
      [
        'hpa.yaml:8:16: spec.maxReplicas: Required value: must be set and greater than 0',
        'hpa.yaml:8:16: spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`',
      ],
    ],
    ['plain text', 'hello\n', ['hpa.yaml:1:1: document: must be a mapping of fields']],
  ])('%s', (_what, text, lines) => {
    expect(problemsOf(text)).toEqual(lines)
  })

  test('the error of an invalid quantity describes the format', () => {
    const metric = '{ type: External, external: { metric: { name: q }, target: { type: Value, value: 10x } } }'
    const [line] = problemsOf(spec(`  maxReplicas: 3\n  metrics:\n    - ${metric}\n`))
    expect(line).toMatch(
      /^hpa\.yaml:8:88: spec\.metrics\[0\]\.external\.target\.value: must be a number with an optional suffix n, u, m, k, /,
    )
  })

  test('all problems are reported together, each of them once', () => {
    const lines = problemsOf(`${head}spec:\n  maxReplicas: 0\n  metrics: [{ type: Foo }]\n  behavior: { scaleDown: { policies: [] } }\n`)
    expect(lines.map((line) => line.split(': ')[1])).toEqual([
      'spec.maxReplicas',
      'spec.maxReplicas',
      'spec.scaleTargetRef.kind',
      'spec.scaleTargetRef.name',
      'spec.scaleTargetRef.apiVersion',
      'spec.metrics[0].type',
      'spec.behavior.scaleDown.policies',
    ])
  })

  test('nested aliases that expand to many values are refused', () => {
    const bomb = [
      'a: &a [x, x, x, x, x, x, x, x, x]',
      ...'bcdefg'.split('').map((key, i) => {
        const before = 'abcdefg'[i]
        return `${key}: &${key} [${new Array(9).fill(`*${before}`).join(', ')}]`
      }),
    ].join('\n')
    expect(problemsOf(bomb)[0]).toMatch(/alias/i)
    expect(problemsOf('a: &a [*a]\n')).toEqual(['hpa.yaml:1:8: the anchor contains its own alias'])
    expect(problemsOf(`a: ${'['.repeat(20_000)}`)).toHaveLength(1)
  })
})

test('feature gates change the validation', () => {
  const text = spec(
    '  minReplicas: 0\n  maxReplicas: 3\n  metrics: [{ type: External, external: { metric: { name: q }, target: { type: Value, value: 1 } } }]\n',
  )
  expect(problemsOf(text)[0]).toMatch(/spec\.minReplicas: Invalid value: 0: must be greater than or equal to 1$/)
  expect(readHpa(text, 'hpa.yaml', { ...defaultFeatureGates, HPAScaleToZero: true })).toHaveProperty('value.minReplicas', 0)
  const tolerant = spec('  maxReplicas: 3\n  behavior: { scaleUp: { tolerance: -1 } }\n')
  expect(readHpa(tolerant, 'hpa.yaml', { ...defaultFeatureGates, HPAConfigurableTolerance: false })).toHaveProperty('ok', true)
})

test('scaler/hpa.yaml scales the service ws on connections and CPU', () => {
  const text = readFileSync(new URL('../../hpa.yaml', import.meta.url), 'utf8')
  const hpa = hpaOf(text)
  expect(hpa).toMatchObject({ minReplicas: 2, maxReplicas: 10, scaleTargetRef: { name: services.ws } })
  expect(hpa.metrics).toEqual([
    { type: 'Pods', metric: { name: metrics.connectionsActive.name }, target: { type: 'AverageValue', averageValueMilli: 100_000 } },
    { type: 'Resource', name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } },
  ])
})

describe('a file is read like kubectl reads it', () => {
  const whole = spec('  maxReplicas: 3\n')
  test.each<[string, string]>([
    ['a separator after it', `${whole}---\n`],
    ['comments after the separator', `${whole}---\n# nothing more\n`],
    ['two separators before it', `---\n--- # one\n${whole}`],
    ['a document that is null', `null\n---\n${whole}`],
    ['lines that end with CR and LF', whole.replaceAll('\n', '\r\n')],
    ['another kind of object beside it', `kind: Deployment\n---\n${whole}`],
    ['a byte order mark', `\ufeff${whole}`],
  ])('with %s', (_what, text) => {
    expect(problemsOf(text)).toEqual([])
    expect(hpaOf(text)).toMatchObject({ name: 'ws', maxReplicas: 3 })
  })

  test.each([
    ['%YAML 1.1\n---\n', 'hpa.yaml:1:1: kubectl does not support directives such as %YAML: remove the line'],
    ['--- {}\n', 'hpa.yaml:1:1: a document separator must be on its own line; found "{}" after it'],
    ['# \u0001\n', 'hpa.yaml:1:3: control characters are not allowed'],
  ])('%j before it is refused', (text, problem) => {
    expect(problemsOf(text + whole)).toEqual([problem])
  })

  test('<< merges mappings, and duplicate keys are refused', () => {
    const behavior = (down: string): string =>
      spec(`  maxReplicas: 3\n  behavior:\n    scaleUp: &up { selectPolicy: Min }\n    scaleDown: ${down}\n`)
    expect(hpaOf(behavior('{ <<: *up, stabilizationWindowSeconds: 5 }')).behavior?.scaleDown).toMatchObject({
      selectPolicy: 'Min',
      stabilizationWindowSeconds: 5,
    })
    expect(hpaOf(behavior('{ <<: [*up, { tolerance: 1 }] }')).behavior?.scaleDown).toMatchObject({ selectPolicy: 'Min', tolerance: 1 })
    expect(problemsOf(behavior('{ <<: *up, selectPolicy: Max }'))).toEqual(['hpa.yaml:9:27: duplicate key selectPolicy'])
    expect(problemsOf(behavior('{ "<<": *up }'))[0]).toContain('spec.behavior.scaleDown.<<: unknown field')
    expect(problemsOf(behavior('{ <<: x }'))).toEqual(['hpa.yaml:9:22: << merges mappings, alone or in a list'])
  })

  test('a generated name is constant', () => {
    expect(hpaOf(whole.replace('{ name: ws }', '{ generateName: ws- }')).name).toBe('ws-local')
  })
})

describe('other forms of the object', () => {
  const v1 = (spec: string, metadata = '{ name: ws }'): string =>
    `apiVersion: autoscaling/v1\nkind: HorizontalPodAutoscaler\nmetadata: ${metadata}\nspec: { scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: ws }, ${spec} }\n`
  const cpu = (averageUtilization: number) => [{ type: 'Resource', name: 'cpu', target: { type: 'Utilization', averageUtilization } }]

  test('autoscaling/v1 is converted to an HPA with one metric', () => {
    expect(hpaOf(v1('maxReplicas: 3, targetCPUUtilizationPercentage: 50'))).toMatchObject({ maxReplicas: 3, metrics: cpu(50) })
    expect(hpaOf(`${v1('maxReplicas: 3')}status: { currentReplicas: 1, desiredReplicas: 1 }\n`).metrics).toEqual(cpu(80))
    expect(problemsOf(v1('maxReplicas: 3, metrics: []'))[0]).toContain('spec.metrics: unknown field')
    expect(problemsOf(v1('maxReplicas: 3, targetCPUUtilizationPercentage: 0'))[0]).toContain('must be greater than 0')
    const annotated = v1('maxReplicas: 3', '{ name: ws, annotations: { autoscaling.alpha.kubernetes.io/metrics: "[]" } }')
    expect(problemsOf(annotated)[0]).toContain('`kubectl get hpa.v2.autoscaling -o yaml` prints it as autoscaling/v2')
  })

  test('removed API versions are refused with the version to use', () => {
    const old = (version: string): string => problemsOf(v1('maxReplicas: 3').replace('/v1\nkind: H', `/${version}\nkind: H`)).join()
    expect(old('v2beta2')).toContain('write "autoscaling/v2": the fields are the same')
    expect(old('v2beta1')).toContain('its metrics have other fields')
  })

  test.each(['v1\nkind: List', 'autoscaling/v2\nkind: HorizontalPodAutoscalerList'])('apiVersion: %j has its items read', (list) => {
    const item = (max: number): string => `- ${spec(`  maxReplicas: ${max}\n`).trimEnd().replaceAll('\n', '\n  ')}\n`
    const listed = (...items: string[]): string => `apiVersion: ${list}\nmetadata: { resourceVersion: "" }\nitems:\n${items.join('')}`
    expect(hpaOf(listed(item(3)))).toMatchObject({ name: 'ws', maxReplicas: 3 })
    expect(problemsOf(listed(item(0)))[0]).toBe('hpa.yaml:10:18: spec.maxReplicas: Required value: must be set and greater than 0')
    expect(problemsOf(listed(item(3), item(4)))[0]).toMatch(/^hpa.yaml:11:3: a second HorizontalPodAutoscaler/)
    expect(problemsOf(listed())).toEqual(['hpa.yaml:1:1: the file has no HorizontalPodAutoscaler'])
  })
})
