/** Tests the conversion of KEDA's ScaledObject to an HPA, and its scaling to zero. */
import { defaultControllerOptions } from '@lab/scaler/core/types.ts'
import { describe, expect, test } from 'vitest'
import { autoscalersAmong } from './core/autoscalers.ts'
import { objectsIn } from './core/documents.ts'
import { readExpectations } from './core/expectations.ts'
import { judge } from './core/judge.ts'
import { loadOfCurves } from './core/load-curve.ts'
import { play } from './core/play.ts'

const scaledObject = (triggers: string, more = '') => `apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: { name: worker, namespace: jobs }
spec:
  scaleTargetRef: { name: worker }
${more}  triggers:
${triggers}`

const rabbit = `    - type: rabbitmq
      metadata: { queueName: orders/new, mode: QueueLength, value: "20", activationValue: "5" }
`

function read(text: string) {
  const objects = objectsIn(text, 'so.yaml')
  return objects.ok ? autoscalersAmong(objects.value, text, 'so.yaml') : objects
}

function only(text: string) {
  const result = read(text)
  if (!result.ok) throw new Error(result.problems.join('\n'))
  const [first] = result.value
  if (first === undefined) throw new Error('no autoscaler')
  return first
}

describe('the HPA that KEDA makes', () => {
  test('has KEDA defaults, an external metric for each trigger, and the metrics in the order of their types', () => {
    const { hpa, activation } = only(
      scaledObject(`    - { type: cpu, metricType: Utilization, metadata: { value: "70", containerName: app } }
    - { type: memory, metricType: AverageValue, metadata: { value: 200Mi } }
    - { type: prometheus, metadata: { serverAddress: "http://p:9090", query: sum(x), threshold: "1.5", activationThreshold: "0.5" } }
${rabbit}    - { type: redis-streams, metricType: Value, metadata: { stream: s, consumerGroup: g, lagCount: "7", activationLagCount: "2" } }
`),
    )
    expect(hpa).toMatchObject({
      name: 'keda-hpa-worker',
      namespace: 'jobs',
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'worker' },
      minReplicas: 1,
      maxReplicas: 100,
    })
    expect(hpa.metrics.map((metric) => [metric.type, 'metric' in metric ? metric.metric.name : metric.name, metric.target])).toEqual([
      ['ContainerResource', 'cpu', { type: 'Utilization', averageUtilization: 70 }],
      ['External', 's2-prometheus', { type: 'AverageValue', averageValueMilli: 1500 }],
      ['External', 's3-rabbitmq-orders-2Fnew', { type: 'AverageValue', averageValueMilli: 20_000 }],
      ['External', 's4-redis-streams-s', { type: 'Value', valueMilli: 7000 }],
      ['Resource', 'memory', { type: 'AverageValue', averageValueMilli: 209_715_200_000 }],
    ])
    expect(Object.values(activation?.thresholdsMilli ?? {})).toEqual([500, 5000, 2000])
    expect(activation).toMatchObject({ idleReplicas: 0, wakeReplicas: 1, cooldownSeconds: 300, pollingSeconds: 30 })
  })

  test('has the bounds, the name and the behavior of the ScaledObject', () => {
    const { hpa, activation } = only(
      scaledObject(
        rabbit,
        `  minReplicaCount: 3
  maxReplicaCount: 9
  idleReplicaCount: 0
  cooldownPeriod: 60
  advanced: { horizontalPodAutoscalerConfig: { name: mine, behavior: { scaleDown: { stabilizationWindowSeconds: 30 } } } }
`,
      ),
    )
    expect(hpa).toMatchObject({ name: 'mine', minReplicas: 3, maxReplicas: 9, behavior: { scaleDown: { stabilizationWindowSeconds: 30 } } })
    expect(activation).toMatchObject({ idleReplicas: 0, wakeReplicas: 3, cooldownSeconds: 60 })
  })

  test('is beside other autoscalers in a file', () => {
    const hpa =
      'apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: { name: web }\nspec: { maxReplicas: 3, scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: web } }\n'
    const both = read(`${scaledObject(rabbit)}---\n${hpa}`)
    expect(both.ok && both.value.map((one) => one.hpa.name)).toEqual(['keda-hpa-worker', 'web'])
  })
})

test.each([
  [
    'apiVersion: keda.sh/v1alpha1\nkind: ScaledJob\nmetadata: { name: j }\n',
    /^so.yaml:2: kind: a ScaledJob starts one Job for each piece of work.*allowed are HorizontalPodAutoscaler and ScaledObject$/,
  ],
  [
    scaledObject('    - { type: kafka, metadata: { topic: t } }\n'),
    /^so.yaml:7: spec.triggers\[0\].type: kafka: allowed are cpu, memory, prometheus, rabbitmq, redis-streams$/,
  ],
  [
    scaledObject(rabbit.replace('value: "20"', 'value: many')),
    /^so.yaml:8: spec.triggers\[0\].metadata.value: many: allowed is a number above 0$/,
  ],
  [scaledObject(rabbit.replace('queueName: orders/new, ', '')), /^so.yaml:8: spec.triggers\[0\].metadata.queueName: must be set$/],
  [
    scaledObject('    - { type: cpu, metricType: Value, metadata: { value: "70" } }\n'),
    /^so.yaml:7: spec.triggers\[0\].metricType: Value: allowed for cpu are/,
  ],
  [
    scaledObject(`    - { type: prometheus, metricType: Utilization, metadata: {} }\n`),
    /^so.yaml:7: spec.triggers\[0\].metricType: Utilization is allowed only/,
  ],
  [
    scaledObject(rabbit, '  minReplicaCount: 2\n  idleReplicaCount: 2\n'),
    /^so.yaml:7: spec.idleReplicaCount: 2 must be less than minReplicaCount, which is 2$/,
  ],
  [
    scaledObject(rabbit, '  minReplicaCount: 5\n  maxReplicaCount: 2\n'),
    /^so.yaml:7: spec.maxReplicaCount: Invalid value: 2: must be greater than/,
  ],
  [scaledObject(''), /^so.yaml:6: spec.triggers: must have at least one trigger/],
  [scaledObject(rabbit).replace('v1alpha1', 'v1'), /^so.yaml:1: apiVersion: must be "keda.sh\/v1alpha1"$/],
])('an object that KEDA or this program refuses is one line', (text, says) => {
  const result = read(text)
  expect(result.ok ? [] : result.problems).toEqual([expect.stringMatching(says)])
})

describe('scaling to zero', () => {
  const expectations = (expect: string, replicas = 0) => {
    const text = `load:
  curves:
    s0-rabbitmq-orders-2Fnew:
      - { at: 0s, value: 0 }
      - { at: 119s, value: 0 }
      - { at: 2m, value: 4 }
      - { at: 3m, value: 4 }
      - { at: 4m, value: 100 }
      - { at: 6m, value: 100 }
      - { at: 7m, value: 0 }
  length: 20m
workload: { replicas: ${replicas}, start: 5s }
expect:
${expect}`
    const read = readExpectations(text, 'e.yaml')
    if (!read.ok) throw new Error(read.problems.join('\n'))
    return read.value
  }
  const run = (text: string, expect: string, replicas = 0) => {
    const { hpa, activation } = only(text)
    const wanted = expectations(expect, replicas)
    const played = loadOfCurves(wanted, hpa, defaultControllerOptions, 'e.yaml')
    if (!played.ok) throw new Error(played.problems.join('\n'))
    return judge(wanted.expect, play('so', played.value.hpa, played.value.load, activation)).filter(({ met }) => !met)
  }

  test('a queue above the activation threshold wakes the workload up, and the cooldown period puts it to sleep', () => {
    const failed = run(
      scaledObject(rabbit),
      `  - { name: asleep at the threshold, replicas: { atMost: 0 }, until: 3m }
  - { name: awake soon after, replicas: { atLeast: 1 }, after: 3m, within: 45s }
  - { name: as many as the HPA wants, replicas: { atLeast: 5 }, after: 4m, within: 45s }
  - { name: awake during the cooldown, replicas: { atLeast: 1 }, after: 5m, until: 11m }
  - { name: asleep after it, replicas: { atMost: 0 }, after: 7m, within: 6m }
  - { name: nothing is missing while asleep, aboveTarget: { total: 60s } }
`,
    )
    expect(failed).toEqual([])
  })

  test('an idle workload wakes up with minReplicaCount', () => {
    const failed = run(
      scaledObject(rabbit, '  minReplicaCount: 3\n  idleReplicaCount: 0\n  cooldownPeriod: 30\n'),
      `  - { replicas: { atMost: 0 }, until: 3m }
  - { replicas: { atLeast: 3 }, after: 3m, within: 45s }
  - { replicas: { atMost: 0 }, after: 7m, within: 2m }
`,
    )
    expect(failed).toEqual([])
  })

  test('without an active trigger from the start, KEDA puts the workload to sleep at once', () => {
    expect(run(scaledObject(rabbit), '  - { replicas: { atMost: 0 }, until: 2m }\n', 4)).toEqual([])
  })

  test('a minReplicaCount above 0 leaves the number to the HPA', () => {
    expect(run(scaledObject(rabbit, '  minReplicaCount: 1\n'), '  - { replicas: { atLeast: 1 } }\n', 1)).toEqual([])
  })
})
