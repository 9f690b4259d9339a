/** Finds what is valid but wrong in an autoscaler's settings. Pure. */
import {
  type ControllerOptions,
  type HorizontalPodAutoscaler,
  type MetricSpec,
  type ScalingPolicy,
  type ScalingRules,
  seriesKey,
} from '@lab/scaler/core/types.ts'
import { countAt, listAt, textAt, valueAt } from './documents.ts'
import type { Activation } from './keda.ts'
import type { Place, Workload } from './workload.ts'

/** `error`: the autoscaler does not work; `warning`: it does not do what the file says; `note`: worth knowing, often intended. */
export type Severity = 'error' | 'warning' | 'note'

export interface Finding extends Place {
  readonly rule: RuleName
  readonly severity: Severity
  /** Path of the field, such as spec.minReplicas. */
  readonly field: string
  readonly what: string
  readonly why: string
  readonly write: string
}

/** An autoscaler, and what is known about its surroundings. */
export interface Subject {
  readonly hpa: HorizontalPodAutoscaler
  readonly options: ControllerOptions
  /** Returns the field of the file that corresponds to a field of the HPA; the same field, unless the file has a ScaledObject. */
  sourceOf(field: string): string
  /** Returns the place of a field of the file, or of its nearest existing parent. */
  placeOf(field: string): Place
  /** Whether the file itself has the source of a field, so that its value is not a default. */
  isWritten(field: string): boolean
  /** The ScaledObject from which the HPA was made; undefined for an HPA. */
  readonly keda: { readonly activation: Activation; readonly value: unknown } | undefined
  /** The target, null if it is not among the given files, or undefined if no files were given. */
  readonly workload: Workload | null | undefined
  /** The number of replicas that are running; null if it is unknown. */
  readonly running: number | null
  /** The number of connections that one replica accepts; null if it is unknown. */
  readonly maxConnections: number | null
  /** The names of the other autoscalers with the same target. */
  readonly rivals: readonly string[]
}

type Found = Pick<Finding, 'severity' | 'field' | 'what' | 'why' | 'write'> & { readonly place?: Place }
type Rule = (subject: Subject) => readonly Found[]

const directions = ['scaleUp', 'scaleDown'] as const
type Direction = (typeof directions)[number]

/** The rules, in the order in which their findings are listed. */
export const rules = {
  'ambiguous-target': ({ hpa, rivals }) =>
    rivals.length === 0
      ? []
      : [
          {
            severity: 'error',
            field: 'spec.scaleTargetRef',
            what: `${rivals.join(' and ')} also scales ${hpa.scaleTargetRef.kind} ${hpa.scaleTargetRef.name}`,
            why: 'with two autoscalers for one target, Kubernetes stops both with AmbiguousSelector',
            write: 'one autoscaler with the metrics of both',
          },
        ],

  'target-missing': ({ hpa: { scaleTargetRef }, workload }) =>
    workload !== null
      ? []
      : [
          {
            severity: 'error',
            field: 'spec.scaleTargetRef.name',
            what: `the given files have no ${scaleTargetRef.kind} or service ${scaleTargetRef.name}`,
            why: 'without its target, the autoscaler reports FailedGetScale and does nothing',
            write: 'the name of a Deployment or of a service in the given files',
          },
        ],

  'target-cannot-scale': ({ hpa: { scaleTargetRef }, workload }) => [
    ...(['DaemonSet', 'Job', 'CronJob', 'Pod'].includes(scaleTargetRef.kind)
      ? [
          {
            severity: 'error' as const,
            field: 'spec.scaleTargetRef.kind',
            what: `a ${scaleTargetRef.kind} has no number of replicas`,
            why: 'the autoscaler writes the scale subresource, which this kind does not have',
            write: 'a Deployment or a StatefulSet as the target',
          },
        ]
      : []),
    ...(workload?.single ?? []).map((place) => ({
      severity: 'error' as const,
      place,
      field: place.field,
      what: `${place.field} allows only one replica of ${workload?.name}`,
      why: place.why,
      write: `no ${place.field.includes('ports') ? 'port of the host for this service; a router such as Traefik reaches its replicas' : 'container_name'}`,
    })),
  ],

  'cannot-scale': ({ hpa: { minReplicas, maxReplicas } }) =>
    minReplicas !== maxReplicas
      ? []
      : [
          {
            severity: 'warning',
            field: 'spec.maxReplicas',
            what: `minReplicas and maxReplicas are both ${maxReplicas}`,
            why: 'the number of replicas can never change',
            write: `a maxReplicas above ${minReplicas}, or no autoscaler`,
          },
        ],

  'replicas-in-workload': ({ hpa: { minReplicas, maxReplicas }, workload }) => {
    const set = workload?.replicas
    if (set == null || workload == null) return []
    const isService = workload.kind === 'service'
    // Without `replicas`, Compose starts one replica, so a service needs the field if minReplicas is above 1.
    const fits = isService && set.value === minReplicas
    if (isService && set.value === 1 && minReplicas <= 1) return []
    const command = isService ? 'docker compose up' : 'kubectl apply'
    const range =
      set.value < minReplicas ? `, below minReplicas ${minReplicas}` : set.value > maxReplicas ? `, above maxReplicas ${maxReplicas}` : ''
    return [
      {
        severity: fits ? 'note' : 'warning',
        place: set,
        field: set.field,
        what: `${workload.kind} ${workload.name} sets ${set.value} replicas${range}`,
        why: `each \`${command}\` sets the number back to ${set.value}, whatever the autoscaler decided`,
        write: isService
          ? `${fits ? 'nothing, but' : `${set.field}: ${minReplicas}, and`} start later changes with \`docker compose up --no-deps --scale ${workload.name}=NUMBER\``
          : 'no spec.replicas in the manifest (remove it with `kubectl apply edit-last-applied` first)',
      },
    ]
  },

  'min-below-running': ({ hpa: { minReplicas }, workload, running }) => {
    const declared = workload?.replicas
    const up = running ?? declared?.value ?? 0
    if (up <= minReplicas) return []
    const source = running === null ? `${workload?.name} is started with ${up} replicas` : `${up} replicas are running`
    return [
      {
        severity: 'warning',
        field: 'spec.minReplicas',
        what: `${source}, and minReplicas is ${minReplicas}`,
        why: `while the load is low, the autoscaler removes ${up - minReplicas} of them after the scale-down window`,
        write: `minReplicas: ${up} if that many are always needed`,
      },
    ]
  },

  'single-replica': ({ hpa: { minReplicas }, keda }) =>
    minReplicas !== 1 || keda !== undefined
      ? []
      : [
          {
            severity: 'note',
            field: 'spec.minReplicas',
            what: 'minReplicas is 1',
            why: 'while one replica runs, nothing serves during its restart or after its death',
            write: 'minReplicas: 2 for a service that must stay reachable',
          },
        ],

  'default-metric': ({ isWritten }) =>
    isWritten('spec.metrics') || isWritten('spec.targetCPUUtilizationPercentage')
      ? []
      : [
          {
            severity: 'note',
            field: 'spec',
            what: 'there is no metric',
            why: 'Kubernetes then uses a CPU utilization of 80 %',
            write: 'the metric and its target',
          },
        ],

  'missing-request': ({ hpa, workload }) => {
    if (workload == null) return []
    return hpa.metrics.flatMap((metric, i): Found[] => {
      if (metric.type !== 'Resource' && metric.type !== 'ContainerResource') return []
      if (metric.target.averageUtilization === undefined) return []
      const counted = metric.type === 'Resource' ? workload.containers : workload.containers.filter(({ name }) => name === metric.container)
      const lacking = counted.filter(({ requestsMilli }) => requestsMilli[metric.name] === undefined).map(({ name }) => name)
      const absent = counted.length === 0 && metric.type === 'ContainerResource'
      if (lacking.length === 0 && !absent) return []
      return [
        {
          severity: 'error',
          field: `spec.metrics[${i}]`,
          what: absent
            ? `${workload.name} has no container ${metric.type === 'ContainerResource' ? metric.container : ''}`
            : `${lacking.join(', ')} in ${workload.file}:${workload.line} requests no ${metric.name}`,
          why: 'utilization is a percentage of the request; if one container has none, the metric fails with FailedGetResourceMetric',
          write:
            workload.kind === 'service'
              ? `the label lab.requests.${metric.name} or deploy.resources.reservations for ${workload.name}`
              : `resources.requests.${metric.name} for each container, or a target of type AverageValue`,
        },
      ]
    })
  },

  'target-above-limit': ({ hpa, workload }) =>
    workload == null
      ? []
      : hpa.metrics.flatMap((metric, i): Found[] => {
          if (metric.type !== 'Resource' && metric.type !== 'ContainerResource') return []
          const counted =
            metric.type === 'Resource' ? workload.containers : workload.containers.filter(({ name }) => name === metric.container)
          const request = total(counted.map(({ requestsMilli }) => requestsMilli[metric.name]))
          const limit = total(counted.map(({ limitsMilli }) => limitsMilli[metric.name]))
          const { averageUtilization, averageValueMilli } = metric.target
          const target = averageValueMilli ?? (request === null ? null : (request * (averageUtilization ?? 0)) / 100)
          if (limit === null || target === null || target < limit) return []
          return [
            {
              severity: 'error',
              field: targetField(hpa, i),
              what: `the target is ${shownMilli(target)} ${metric.name}, and the limit is ${shownMilli(limit)}`,
              why: 'the usage cannot exceed the limit, so this metric never asks for another replica',
              write: `a target below the limit, for example ${request === null ? '80 % of it' : `averageUtilization: ${Math.max(1, Math.floor((80 * limit) / request))}`}`,
            },
          ]
        }),

  'target-above-capacity': ({ hpa, maxConnections, options }) => {
    if (maxConnections === null) return []
    return hpa.metrics.flatMap((metric, i): Found[] => {
      const { averageValueMilli } = metric.target
      if (metric.type !== 'Pods' || averageValueMilli === undefined || !countsConnections(metric.metric.name)) return []
      const target = averageValueMilli / 1000
      const tolerance = hpa.behavior?.scaleUp.tolerance ?? options.tolerance
      const acts = target * (1 + tolerance)
      if (acts < maxConnections) return []
      return [
        {
          severity: 'error',
          field: targetField(hpa, i),
          what: `the target is ${target} connections, and a replica accepts ${maxConnections}`,
          why: `replicas are added only above ${round(acts)} connections (the target and its tolerance), but a full replica refuses clients before that`,
          write: `averageValue: "${Math.max(1, Math.floor(maxConnections * 0.7))}" or less`,
        },
      ]
    })
  },

  'target-type-ignored': ({ hpa }) =>
    hpa.metrics.flatMap((metric, i): Found[] => {
      const { type, averageValueMilli, averageUtilization, valueMilli } = metric.target
      const used =
        metric.type === 'Object'
          ? null
          : averageValueMilli !== undefined
            ? 'averageValue'
            : averageUtilization !== undefined
              ? 'averageUtilization'
              : 'value'
      const types: Readonly<Record<string, string>> = { AverageValue: 'averageValue', Utilization: 'averageUtilization', Value: 'value' }
      if (used === null || types[type] === used || (metric.type === 'Pods' && averageValueMilli === undefined && valueMilli === undefined))
        return []
      const expected = Object.entries(types).find(([, field]) => field === used)?.[0] ?? type
      return [
        {
          severity: 'warning',
          field: `spec.metrics[${i}].${sourceField(metric)}.target.type`,
          what: `the type is ${type}, but the target sets ${used}`,
          why: `for a ${metric.type} metric, Kubernetes ignores the type and uses ${used}`,
          write: `type: ${expected}`,
        },
      ]
    }),

  'memory-scale-down': ({ hpa }) =>
    hpa.metrics.flatMap((metric, i): Found[] =>
      (metric.type === 'Resource' || metric.type === 'ContainerResource') && metric.name === 'memory'
        ? [
            {
              severity: 'note',
              field: `spec.metrics[${i}]`,
              what: 'memory is a metric',
              why: 'most runtimes do not return memory when the load falls, so the number of replicas rises and stays high',
              write: 'a metric that follows the load, such as CPU, requests or connections',
            },
          ]
        : [],
    ),

  'window-shorter-than-drain': ({ hpa, options, workload }) => {
    if (workload == null) return []
    const own = hpa.behavior?.scaleDown.stabilizationWindowSeconds
    const window = own ?? options.downscaleStabilizationSeconds
    const { value: grace, field, file, line } = workload.graceSeconds
    if (window >= grace || hpa.behavior?.scaleDown.selectPolicy === 'Disabled') return []
    return [
      {
        severity: 'warning',
        field: 'spec.behavior.scaleDown.stabilizationWindowSeconds',
        what: `the window is ${window} s, and a drain may take ${grace} s (${field}, ${file}:${line})`,
        why: 'the next replica is removed before the clients of the last one have moved, so the load of the remaining replicas is not yet known',
        write: `stabilizationWindowSeconds: ${Math.ceil(grace)} or more`,
      },
    ]
  },

  'no-scale-down-window': ({ hpa }) => {
    const { scaleDown } = hpa.behavior ?? {}
    if (scaleDown?.stabilizationWindowSeconds !== 0 || scaleDown.selectPolicy === 'Disabled') return []
    return [
      {
        severity: 'warning',
        field: 'spec.behavior.scaleDown.stabilizationWindowSeconds',
        what: 'the scale-down window is 0',
        why: 'a single low reading removes replicas, and the next high reading adds them again',
        write: 'at least the time in which the load varies; the default is 300',
      },
    ]
  },

  'policy-never-acts': (subject) => directions.flatMap((direction) => idlePolicies(subject, direction)),

  'scale-up-disabled': ({ hpa }) =>
    hpa.behavior?.scaleUp.selectPolicy !== 'Disabled'
      ? []
      : [
          {
            severity: 'warning',
            field: 'spec.behavior.scaleUp.selectPolicy',
            what: 'scaling up is disabled',
            why: 'the number of replicas can only fall; only another client can raise it',
            write: 'selectPolicy: Max or Min',
          },
        ],

  'policy-overflow': ({ hpa: { behavior, maxReplicas } }) =>
    (behavior?.scaleUp.policies ?? []).flatMap((policy, i): Found[] =>
      policy.type === 'Pods' && policy.value + maxReplicas >= 2 ** 31
        ? [
            {
              severity: 'error',
              field: `spec.behavior.scaleUp.policies[${i}].value`,
              what: `a policy of ${policy.value} pods`,
              why: 'Kubernetes adds it to the number of replicas as a 32-bit number, which becomes negative, so nothing is added',
              write: `value: ${maxReplicas}, which allows every change`,
            },
          ]
        : [],
    ),

  'period-below-sync': ({ hpa: { behavior }, options, isWritten }) =>
    directions.flatMap((direction) =>
      (behavior?.[direction].policies ?? []).flatMap((policy, i): Found[] =>
        isWritten(`spec.behavior.${direction}.policies`) && policy.periodSeconds < options.syncPeriodSeconds
          ? [
              {
                severity: 'warning',
                field: `spec.behavior.${direction}.policies[${i}].periodSeconds`,
                what: `the period is ${policy.periodSeconds} s, and the controller decides every ${options.syncPeriodSeconds} s`,
                why: `the policy allows its change once per decision, so it is slower than it reads`,
                write: `periodSeconds: ${options.syncPeriodSeconds}, the shortest that makes a difference`,
              },
            ]
          : [],
      ),
    ),

  'tolerance-hides-step': (subject) => directions.flatMap((direction) => hiddenStep(subject, direction)),

  'never-idle': ({ keda }) => {
    if (keda === undefined || (keda.activation.idleReplicas === null && countAt(keda.value, 'spec', 'minReplicaCount') !== 0)) return []
    const able = keda.activation.idleReplicas !== null
    const stuck = listAt(keda.value, 'spec', 'triggers').findIndex(
      (trigger) => textAt(trigger, 'type') === 'redis-streams' && valueAt(trigger, 'metadata', 'lagCount') === undefined,
    )
    if (able && stuck < 0) return []
    return [
      {
        severity: 'warning',
        field: able ? `spec.triggers[${stuck}]` : 'spec.minReplicaCount',
        what: able ? 'a redis-streams trigger without lagCount' : 'minReplicaCount is 0, and no trigger can wake the workload up',
        why: able
          ? 'a stream keeps its entries after they were read, and pending entries exist only with a consumer, so this trigger cannot wake the workload up'
          : 'CPU and memory have no value without replicas, so KEDA does not scale to zero for them',
        write: able ? 'lagCount and activationLagCount' : 'minReplicaCount: 1, or a trigger such as prometheus',
      },
    ]
  },

  'activation-never-acts': ({ keda }) => {
    if (keda === undefined || keda.activation.idleReplicas !== null) return []
    const settings = ['cooldownPeriod', 'initialCooldownPeriod'].filter((name) => valueAt(keda.value, 'spec', name) !== undefined)
    const triggers = listAt(keda.value, 'spec', 'triggers').flatMap((trigger, i) => {
      const names = ['activationThreshold', 'activationValue', 'activationLagCount']
      return names.filter((name) => valueAt(trigger, 'metadata', name) !== undefined).map((name) => `triggers[${i}].metadata.${name}`)
    })
    return [...settings, ...triggers].map((field) => ({
      severity: 'warning',
      field: `spec.${field}`,
      what: `${field.split('.').at(-1)} never acts`,
      why: 'it applies only between zero and one replica, and this workload never has zero replicas',
      write: 'minReplicaCount: 0 or idleReplicaCount: 0, or remove the setting; for the HPA, use a stabilization window',
    }))
  },

  'activation-above-target': ({ hpa, keda }) => {
    if (keda === undefined || keda.activation.idleReplicas === null) return []
    return hpa.metrics.flatMap((metric, i): Found[] => {
      const threshold = keda.activation.thresholdsMilli[seriesKey(metric)] ?? 0
      const target = metric.target.averageValueMilli ?? metric.target.valueMilli ?? 0
      if (threshold <= target) return []
      return [
        {
          severity: 'warning',
          field: `spec.metrics[${i}].target`,
          what: `the activation threshold is ${threshold / 1000}, and the target of one replica is ${target / 1000}`,
          why: `without replicas, a load of up to ${threshold / 1000} is not served, although it needs ${Math.ceil(threshold / target)} replicas`,
          write: `an activation threshold of at most ${target / 1000}; the default is 0`,
        },
      ]
    })
  },

  'idle-not-zero': ({ keda }) => {
    const idle = keda?.activation.idleReplicas ?? 0
    if (idle === 0) return []
    return [
      {
        severity: 'error',
        field: 'spec.idleReplicaCount',
        what: `idleReplicaCount is ${idle}`,
        why: 'the HPA raises every number above zero to its minimum, so only 0 works',
        write: 'idleReplicaCount: 0, or only minReplicaCount',
      },
    ]
  },

  'fallback-never-acts': ({ keda, hpa }) => {
    const able = hpa.metrics.some(({ type, target }) => type === 'External' && target.averageValueMilli !== undefined)
    if (keda === undefined || valueAt(keda.value, 'spec', 'fallback') === undefined || able) return []
    return [
      {
        severity: 'warning',
        field: 'spec.fallback',
        what: 'the fallback never acts',
        why: 'KEDA replaces only missing values of triggers with metricType AverageValue, which cpu and memory are not',
        write: 'a trigger with metricType AverageValue, or no fallback',
      },
    ]
  },
} as const satisfies Readonly<Record<string, Rule>>

export type RuleName = keyof typeof rules

/** Returns the findings about an autoscaler, rule by rule. */
export function lint(subject: Subject): Finding[] {
  return (Object.entries(rules) as [RuleName, Rule][]).flatMap(([rule, find]) =>
    find(subject).map(({ place, ...found }) => {
      const field = place === undefined ? subject.sourceOf(found.field) : found.field
      const { file, line } = place ?? subject.placeOf(field)
      return { rule, file, line, ...found, field }
    }),
  )
}

/** Returns the policies of a direction that never decide how far the count may change. */
function idlePolicies({ hpa, isWritten }: Subject, direction: Direction): Found[] {
  const rules = hpa.behavior?.[direction]
  const field = `spec.behavior.${direction}.policies`
  if (rules === undefined || !isWritten(field)) return []
  const { policies, selectPolicy } = rules
  if (selectPolicy === 'Disabled') {
    const what = `selectPolicy is Disabled, so ${policies.length === 1 ? 'the policy' : `none of the ${policies.length} policies`} ${policies.length === 1 ? 'never acts' : 'acts'}`
    return [
      {
        severity: 'warning',
        field,
        what,
        why: 'Disabled forbids every change in this direction',
        write: 'selectPolicy: Max or Min, or no policies',
      },
    ]
  }
  const counts = countsOf(hpa, direction)
  return policies.flatMap((policy, i): Found[] => {
    const other = policies.findIndex((one, j) => j !== i && overrules(one, policy, { selectPolicy, direction, counts, first: j < i }))
    if (other < 0) return []
    return [
      {
        severity: 'warning',
        field: `${field}[${i}]`,
        what: `${policyText(policy)} never acts: ${policyText(policies[other])} always allows ${selectPolicy === 'Min' ? 'less' : 'more'}`,
        why: `selectPolicy ${selectPolicy} uses the policy with the ${selectPolicy === 'Min' ? 'smallest' : 'largest'} change, which is the other one at every count from ${counts[0]} to ${counts.at(-1)}`,
        write:
          selectPolicy === 'Min' ? 'selectPolicy: Max, or only one policy' : 'selectPolicy: Min if both should limit, or only one policy',
      },
    ]
  })
}

interface Comparison {
  readonly selectPolicy: ScalingRules['selectPolicy']
  readonly direction: Direction
  readonly counts: readonly number[]
  /** Whether the overruling policy is listed first. Of two equal policies, only the later one is reported. */
  readonly first: boolean
}

/** Whether `one` decides at every count, so that `other` has no effect. */
function overrules(one: ScalingPolicy, other: ScalingPolicy, { selectPolicy, direction, counts, first }: Comparison): boolean {
  const sign = selectPolicy === 'Min' ? -1 : 1
  // A shorter period allows its change more often.
  if (sign * (other.periodSeconds - one.periodSeconds) < 0) return false
  const differences = counts.map((count) => sign * (change(one, count, direction) - change(other, count, direction)))
  if (differences.some((difference) => difference < 0)) return false
  return first || one.periodSeconds !== other.periodSeconds || differences.some((difference) => difference > 0)
}

/** Returns how many replicas a policy allows to add or remove in one period. */
function change({ type, value }: ScalingPolicy, count: number, direction: Direction): number {
  if (type === 'Pods') return value
  return direction === 'scaleUp' ? Math.ceil(count * (1 + value / 100)) - count : count - Math.trunc(count * (1 - value / 100))
}

/** Returns the counts at which a change in the direction is possible; at most 1,000 of them. */
function countsOf({ minReplicas, maxReplicas }: HorizontalPodAutoscaler, direction: Direction): number[] {
  const first = direction === 'scaleUp' ? Math.max(1, minReplicas) : minReplicas + 1
  const last = direction === 'scaleUp' ? maxReplicas - 1 : maxReplicas
  return Array.from({ length: Math.min(1000, Math.max(0, last - first + 1)) }, (_, i) => first + i)
}

/** Reports a step next to a bound that is so small that the tolerance ignores it. */
function hiddenStep({ hpa, options }: Subject, direction: Direction): Found[] {
  const own = hpa.behavior?.[direction].tolerance
  const tolerance = own ?? options.tolerance
  const { minReplicas, maxReplicas } = hpa
  const up = direction === 'scaleUp'
  // The step from `from` to `to` replicas is the relative change of the load from one full count to the other.
  const [from, to] = up ? [maxReplicas - 1, maxReplicas] : [minReplicas + 1, minReplicas]
  if (maxReplicas <= minReplicas || from < 1 || 1 / from > tolerance) return []
  const percent = round(100 / from)
  return [
    {
      severity: own === undefined ? 'note' : 'warning',
      field: own === undefined ? (up ? 'spec.maxReplicas' : 'spec.minReplicas') : `spec.behavior.${direction}.tolerance`,
      what: `the step from ${from} to ${to} replicas is ${percent} %, and the tolerance is ${round(tolerance * 100)} %`,
      why: up
        ? `when the load needs exactly ${to} replicas, the ${from} are only ${percent} % above the target, which is ignored`
        : `when the load fits on ${to} replicas, the ${from} are only ${percent} % below the target, so one too many stays`,
      write: `tolerance: "${round(0.5 / from, 3)}" under spec.behavior.${direction}, or a target that leaves room`,
    },
  ]
}

/** Whether a metric counts connections, to which the MAX_CONNECTIONS setting of a service applies. */
function countsConnections(name: string): boolean {
  return /connections|sockets/i.test(name) && !/per_second|rate|total|opened|closed/i.test(name)
}

function policyText(policy: ScalingPolicy | undefined): string {
  if (policy === undefined) return ''
  return `${policy.value} ${policy.type === 'Pods' ? 'pods' : '%'} per ${policy.periodSeconds} s`
}

function sourceField({ type }: MetricSpec): string {
  return `${type.charAt(0).toLowerCase()}${type.slice(1)}`
}

function targetField({ metrics }: HorizontalPodAutoscaler, index: number): string {
  const metric = metrics[index]
  return metric === undefined ? 'spec.metrics' : `spec.metrics[${index}].${sourceField(metric)}.target`
}

/** Returns the sum of amounts, or null if the list is empty or an amount is unknown. */
function total(amounts: readonly (number | undefined)[]): number | null {
  return amounts.length === 0
    ? null
    : amounts.reduce<number | null>((sum, one) => (sum === null || one === undefined ? null : sum + one), 0)
}

/** Formats thousandths: 250 → 0.25. */
function shownMilli(milli: number): string {
  return String(round(milli / 1000, 3))
}

function round(value: number, digits = 1): number {
  return Math.round(value * 10 ** digits) / 10 ** digits
}
