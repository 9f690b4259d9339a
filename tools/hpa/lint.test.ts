/** Tests the rules of `./lab hpa lint`: each rule has a file in which it finds something, and a corrected file in which it does not. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from '@lab/host/root.ts'
import { execa } from 'execa'
import { afterAll, describe, expect, test } from 'vitest'
import { composeWorkloads, manifestWorkloads } from './context.ts'
import { type RuleName, rules } from './core/lint.ts'
import { type Context, lintFile, lintText } from './core/lint-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'hpa-lint-'))
afterAll(() => rmSync(folder, { recursive: true }))

const base = `apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: web }
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: web }
  minReplicas: 2
  maxReplicas: 6
  metrics:
    - type: Pods
      pods:
        metric: { name: websocket_connections_active }
        target: { type: AverageValue, averageValue: "100" }
`
const cpu = (target: string) =>
  base.replace(/metrics:[\s\S]*/, `metrics: [{ type: Resource, resource: { name: cpu, target: ${target} } }]\n`)
const half = cpu('{ type: Utilization, averageUtilization: 50 }')
const behavior = (text: string) => `${base}  behavior:\n${text}`
const nothing: Context = { workloads: undefined, running: null, maxConnections: null }

function written(name: string, text: string): string {
  const file = join(folder, name)
  mkdirSync(folder, { recursive: true })
  writeFileSync(file, text)
  return file
}

function compose(service: string): Context {
  const workloads = composeWorkloads([written('compose.yaml', `services:\n  web:\n    image: web\n${service}`)], {})
  if (!workloads.ok) throw new Error(workloads.problems.join())
  return { ...nothing, workloads: workloads.value }
}

function manifest(spec: string, pod = ''): Context {
  const head = 'apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\nspec:\n'
  const text = `${head}${spec}  template:\n    spec:\n${pod || '      containers: [{ name: web }]\n'}`
  const workloads = manifestWorkloads([written('deployment.yaml', text)])
  if (!workloads.ok) throw new Error(workloads.problems.join())
  return { ...nothing, workloads: workloads.value }
}
const containers = (resources: string) => manifest('', `      containers: [{ name: web, resources: ${resources} }]\n`)

const keda = `apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: { name: worker }
spec:
  scaleTargetRef: { name: worker }
  minReplicaCount: 0
  maxReplicaCount: 8
  triggers:
    - type: rabbitmq
      metadata: { queueName: orders, mode: QueueLength, value: "20", activationValue: "5" }
`
const cpuTrigger = keda.replace(/triggers:[\s\S]*/, 'triggers: [{ type: cpu, metadata: { value: "70" } }]\n')
const redis = (settings: string) =>
  keda.replace(/triggers:[\s\S]*/, `triggers:\n    - type: redis-streams\n      metadata: { stream: s, consumerGroup: g, ${settings} }\n`)

/** For each rule: a file in which the rule finds something, the line of the finding, and a corrected file. */
const cases: Readonly<Record<RuleName, readonly [wrong: [string, Context?], line: number, right: [string, Context?]][]>> = {
  'ambiguous-target': [[[`${base}---\n${base.replace('name: web }', 'name: web-2 }')}`], 5, [base]]],
  'target-missing': [[[base.replace('Deployment, name: web', 'Deployment, name: wbe'), manifest('')], 5, [base, manifest('')]]],
  'target-cannot-scale': [
    [[base.replace('Deployment', 'DaemonSet')], 5, [base]],
    [[base, compose('    container_name: web\n')], 4, [base, compose('')]],
    [[base, compose('    ports: ["80:8080"]\n')], 4, [base, compose('    ports: ["8080", "127.0.0.1::80", "8000-8009:80"]\n')]],
  ],
  'cannot-scale': [[[base.replace('maxReplicas: 6', 'maxReplicas: 2')], 7, [base]]],
  'replicas-in-workload': [
    [[base, manifest('  replicas: 1\n')], 5, [base, manifest('')]],
    [[base, compose('    deploy: { replicas: 4 }\n')], 4, [base, compose('')]],
  ],
  'min-below-running': [
    [[base, { ...nothing, running: 5 }], 6, [base, { ...nothing, running: 2 }]],
    [
      [base, compose('    deploy: { replicas: 4 }\n')],
      6,
      [base.replace('minReplicas: 2', 'minReplicas: 4'), compose('    deploy: { replicas: 4 }\n')],
    ],
  ],
  'single-replica': [[[base.replace('minReplicas: 2', 'minReplicas: 1')], 6, [base]]],
  'default-metric': [[[base.replace(/ {2}metrics:[\s\S]*/, '')], 4, [base]]],
  'missing-request': [
    [[half, containers('{}')], 8, [half, containers('{ requests: { cpu: 250m } }')]],
    [[half, compose('')], 8, [half, compose('    labels: ["lab.requests.cpu=250m"]\n')]],
    [[half, compose('')], 8, [half, compose('    deploy: { resources: { reservations: { cpus: "0.5" } } }\n')]],
  ],
  'target-above-limit': [
    [
      [cpu('{ type: Utilization, averageUtilization: 120 }'), containers('{ requests: { cpu: 250m }, limits: { cpu: 250m } }')],
      8,
      [half, containers('{ requests: { cpu: 250m }, limits: { cpu: 250m } }')],
    ],
  ],
  'target-above-capacity': [
    [[base, compose('    environment: { MAX_CONNECTIONS: 105 }\n')], 12, [base, compose('    environment: { MAX_CONNECTIONS: 200 }\n')]],
    [[base, { ...nothing, maxConnections: 80 }], 12, [base, { ...nothing, maxConnections: 150 }]],
  ],
  'target-type-ignored': [[[cpu('{ type: Utilization, averageValue: 200m }')], 8, [cpu('{ type: AverageValue, averageValue: 200m }')]]],
  'memory-scale-down': [[[half.replace('name: cpu', 'name: memory')], 8, [half]]],
  'window-shorter-than-drain': [
    [
      [behavior('    scaleDown: { stabilizationWindowSeconds: 20 }\n'), compose('    stop_grace_period: 1m\n')],
      14,
      [behavior('    scaleDown: { stabilizationWindowSeconds: 60 }\n'), compose('    stop_grace_period: 1m\n')],
    ],
    [
      [behavior('    scaleDown: { stabilizationWindowSeconds: 20 }\n'), manifest('')],
      14,
      [behavior('    scaleDown: { stabilizationWindowSeconds: 30 }\n'), manifest('')],
    ],
  ],
  'no-scale-down-window': [[[behavior('    scaleDown: { stabilizationWindowSeconds: 0 }\n')], 14, [behavior('    scaleDown: {}\n')]]],
  'policy-never-acts': [
    [
      [
        behavior(
          '    scaleUp:\n      policies:\n        - { type: Percent, value: 100, periodSeconds: 15 }\n        - { type: Pods, value: 8, periodSeconds: 15 }\n',
        ),
      ],
      16,
      [
        behavior(
          '    scaleUp:\n      selectPolicy: Max\n      policies:\n        - { type: Percent, value: 100, periodSeconds: 15 }\n        - { type: Pods, value: 4, periodSeconds: 15 }\n',
        ),
      ],
    ],
    [
      [behavior('    scaleDown:\n      selectPolicy: Disabled\n      policies: [{ type: Pods, value: 1, periodSeconds: 60 }]\n')],
      16,
      [behavior('    scaleDown: { selectPolicy: Disabled }\n')],
    ],
  ],
  'scale-up-disabled': [[[behavior('    scaleUp: { selectPolicy: Disabled }\n')], 14, [base]]],
  'policy-overflow': [[[behavior('    scaleUp: { policies: [{ type: Pods, value: 2147483647, periodSeconds: 15 }] }\n')], 14, [base]]],
  'period-below-sync': [[[behavior('    scaleUp: { policies: [{ type: Pods, value: 1, periodSeconds: 10 }] }\n')], 14, [base]]],
  'tolerance-hides-step': [
    [[behavior('    scaleUp: { tolerance: "0.25" }\n')], 14, [behavior('    scaleUp: { tolerance: "0.1" }\n')]],
    [[base.replace('maxReplicas: 6', 'maxReplicas: 20')], 7, [base]],
    [[keda.replace('maxReplicaCount: 8', 'maxReplicaCount: 20')], 7, [keda]],
  ],
  'never-idle': [
    [[cpuTrigger], 6, [cpuTrigger.replace('minReplicaCount: 0', 'minReplicaCount: 1')]],
    [
      [`${redis('pendingEntriesCount: "5"')}    - { type: rabbitmq, metadata: { queueName: q, mode: QueueLength, value: "5" } }\n`],
      9,
      [redis('lagCount: "5", activationLagCount: "1"')],
    ],
  ],
  'activation-never-acts': [
    [[keda.replace('minReplicaCount: 0', 'minReplicaCount: 1')], 10, [keda]],
    [[keda.replace('minReplicaCount: 0', 'minReplicaCount: 1\n  cooldownPeriod: 60')], 7, [keda]],
  ],
  'activation-above-target': [[[keda.replace('activationValue: "5"', 'activationValue: "50"')], 10, [keda]]],
  'idle-not-zero': [
    [
      [keda.replace('minReplicaCount: 0', 'minReplicaCount: 3\n  idleReplicaCount: 1')],
      7,
      [keda.replace('minReplicaCount: 0', 'minReplicaCount: 3\n  idleReplicaCount: 0')],
    ],
  ],
  'fallback-never-acts': [
    [[`${cpuTrigger}  fallback: { failureThreshold: 3, replicas: 6 }\n`], 9, [`${keda}  fallback: { failureThreshold: 3, replicas: 6 }\n`]],
  ],
}

const found = ([text, context = nothing]: [string, Context?]) => {
  const result = lintFile(text, 'hpa.yaml', context)
  if (!result.ok) throw new Error(result.problems.join('\n'))
  return result.value
}

describe.each(Object.keys(rules) as RuleName[])('%s', (rule) => {
  test.each(cases[rule])('finds it, with its line, and not in the corrected file', (wrong, line, right) => {
    expect(found(wrong).filter((one) => one.rule === rule)[0]).toMatchObject({ line, what: expect.stringMatching(/\w/) })
    expect(found(right).filter((one) => one.rule === rule)).toEqual([])
  })
})

test('every finding is one line of text for each of what, why and write', () => {
  const all = Object.values(cases).flatMap((rows) => rows.flatMap(([wrong]) => found(wrong)))
  expect(all.length).toBeGreaterThan(Object.keys(rules).length)
  for (const { what, why, write } of all) for (const text of [what, why, write]) expect(text).toMatch(/^[^\n]+[^.]$/)
})

test('a Compose service that starts minReplicas replicas is a note', () => {
  expect(found([base, compose('    deploy: { replicas: 2 }\n')])).toMatchObject([{ rule: 'replicas-in-workload', severity: 'note' }])
})

test('a Deployment in the same file is the target', () => {
  const text = `apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\nspec: { replicas: 1 }\n---\n${base}`
  expect(found([text])).toMatchObject([{ rule: 'replicas-in-workload', line: 4, severity: 'warning' }])
})

test.each([
  ['a: [', /^hpa.yaml:1: /],
  [base.replace('maxReplicas: 6', 'maxReplicas: 1'), /^hpa.yaml:7:16: spec.maxReplicas: Invalid value: 1: must be greater/],
  [
    'apiVersion: v1\nkind: Service\nmetadata: { name: web }\n',
    /^hpa.yaml: has no HorizontalPodAutoscaler and no ScaledObject, only Service$/,
  ],
  ['', /^hpa.yaml:1:1: the file has no HorizontalPodAutoscaler$/],
])('an invalid file is one line', (text, says) => {
  const result = lintFile(text, 'hpa.yaml', nothing)
  expect(result.ok ? [] : result.problems).toEqual([expect.stringMatching(says)])
})

test('the text ends with the number of findings', () => {
  expect(lintText([], ['hpa.yaml'])).toBe('hpa.yaml: 0 errors, 0 warnings, 0 notes\n')
})

describe('the command', () => {
  const run = (...words: string[]) =>
    execa(process.execPath, [join(root, 'tools/cli/src/main.ts'), 'hpa', 'lint', ...words], { cwd: root, reject: false, timeout: 60_000 })

  test("finds only notes in the lab's own file, with the lab's Compose files as the default", async () => {
    const { exitCode, stdout } = await run('scaler/hpa.yaml')
    expect([exitCode, stdout]).toEqual([0, expect.stringMatching(/^compose.k8s-sim.yaml:\d+: note replicas-in-workload/)])
  })

  test('exits with 1 if there is a warning, and prints JSON', async () => {
    const file = written('wrong.yaml', half)
    const { exitCode, stdout } = await run(file, '--compose', written('compose.yaml', 'services: { web: {} }\n'), '-o', 'json')
    expect([exitCode, JSON.parse(stdout).findings]).toEqual([1, [expect.objectContaining({ rule: 'missing-request', line: 8, file })]])
  })

  test('finds two autoscalers for one target in two files', async () => {
    const files = [written('one.yaml', base), written('two.yaml', base.replace('name: web }', 'name: web-2 }'))]
    const { exitCode, stdout } = await run(...files)
    expect([exitCode, stdout]).toEqual([
      1,
      expect.stringMatching(/one.yaml:5: error ambiguous-target[\s\S]*two.yaml:5: error ambiguous-target/),
    ])
  })

  test.each([
    [['nothing.yaml'], /^lab: nothing.yaml: cannot be read/],
    [['scaler/hpa.yaml', '--compose', 'scaler/hpa.yaml'], /^lab: scaler\/hpa.yaml: has no services/],
    [['scaler/hpa.yaml', '--running', 'many'], /^lab: --running many: allowed is a whole number/],
  ])('%j exits with 2 and one line', async (words, says) => {
    const { exitCode, stderr } = await run(...words)
    expect([exitCode, stderr.split('\n').length, stderr]).toEqual([2, 1, expect.stringMatching(says)])
  })
})
