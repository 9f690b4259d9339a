/** Reads what an autoscaler's target is: a service of a Compose file, or a Deployment in a manifest. Pure. */
import { milliOf, parseQuantity } from '@lab/scaler/core/quantities.ts'
import type { ResourceAmounts } from '@lab/scaler/core/types.ts'
import { countAt, type FileObject, listAt, textAt, valueAt } from './documents.ts'

/** A line in a file. */
export interface Place {
  readonly file: string
  readonly line: number
}

/** A number, and the field that sets it. */
export interface Setting extends Place {
  readonly value: number
  readonly field: string
}

export interface WorkloadContainer {
  readonly name: string
  readonly requestsMilli: ResourceAmounts
  readonly limitsMilli: ResourceAmounts
}

export interface Workload extends Place {
  /** `service` for a service of a Compose file, otherwise the kind of the Kubernetes object. */
  readonly kind: string
  readonly name: string
  /** The number of replicas that the file sets; null if the file leaves it to the autoscaler. */
  readonly replicas: Setting | null
  /** The time that a replica has for its drain. */
  readonly graceSeconds: Setting
  readonly containers: readonly WorkloadContainer[]
  /** The number of connections that one replica accepts, from the MAX_CONNECTIONS setting; null if it is unknown. */
  readonly maxConnections: Setting | null
  /** The settings that make it impossible to run a second replica. */
  readonly single: readonly (Place & { readonly field: string; readonly why: string })[]
}

export const maxConnectionsSetting = 'MAX_CONNECTIONS'

const scalableKinds = ['Deployment', 'StatefulSet', 'ReplicaSet', 'ReplicationController']
const kubernetesGraceSeconds = 30
const composeGraceSeconds = 10

/** Returns the workloads among the objects of Kubernetes manifests. */
export function workloadsAmong(objects: readonly FileObject[]): Workload[] {
  return objects.filter(({ kind }) => scalableKinds.includes(kind)).map(kubernetesWorkload)
}

function kubernetesWorkload({ file, kind, name, value, lineOf }: FileObject): Workload {
  const pod = valueAt(value, 'spec', 'template', 'spec')
  const setting = (field: string, number: number): Setting => ({ file, line: lineOf(field), field, value: number })
  const replicas = countAt(value, 'spec', 'replicas')
  const graceField = 'spec.template.spec.terminationGracePeriodSeconds'
  const containers = listAt(pod, 'containers')
  const limit = containers
    .flatMap((container) => listAt(container, 'env'))
    .find((one) => textAt(one, 'name') === maxConnectionsSetting && /^\d+$/.test(textAt(one, 'value')))
  return {
    file,
    line: lineOf('metadata.name'),
    kind,
    name,
    replicas: replicas === null ? null : setting('spec.replicas', replicas),
    graceSeconds: setting(graceField, countAt(pod, 'terminationGracePeriodSeconds') ?? kubernetesGraceSeconds),
    containers: containers.map((container) => ({
      name: textAt(container, 'name'),
      // A container without a request for a resource requests its limit.
      requestsMilli: { ...amounts(valueAt(container, 'resources', 'limits')), ...amounts(valueAt(container, 'resources', 'requests')) },
      limitsMilli: amounts(valueAt(container, 'resources', 'limits')),
    })),
    maxConnections: limit === undefined ? null : setting('spec.template.spec.containers', Number(textAt(limit, 'value'))),
    single: [],
  }
}

/** Returns the amounts of a mapping such as `cpu: 250m`; entries that are not quantities are omitted. */
function amounts(mapping: unknown): Record<string, number> {
  if (typeof mapping !== 'object' || mapping === null) return {}
  return Object.fromEntries(
    Object.entries(mapping).flatMap(([name, amount]) => {
      const quantity = parseQuantity(String(amount))
      return quantity === null ? [] : [[name, milliOf(quantity)]]
    }),
  )
}

/** A service as merged from Compose files, with its variables replaced. */
export interface ComposeSource {
  readonly name: string
  readonly service: unknown
  /** Returns the place of a field in the last of the files that has it. */
  placeOf(field: string): Place
}

const requestLabel = /^lab\.requests\.(\w+)$/

/** Returns the workload that a Compose service is. */
export function composeWorkload({ name, service, placeOf }: ComposeSource): Workload {
  const at = (field: string): Place & { field: string } => ({ ...placeOf(`services.${name}.${field}`), field: `services.${name}.${field}` })
  const replicas = countAt(service, 'deploy', 'replicas') ?? countAt(service, 'scale')
  const grace = secondsIn(textAt(service, 'stop_grace_period'))
  const limit = mappingOf(valueAt(service, 'environment'))[maxConnectionsSetting] ?? ''
  const labels = mappingOf(valueAt(service, 'labels'))
  const labelled = Object.fromEntries(
    Object.entries(labels).flatMap(([label, text]) => {
      const [, resource] = requestLabel.exec(label) ?? []
      return resource === undefined ? [] : [[resource, text]]
    }),
  )
  const reserved = resources(valueAt(service, 'deploy', 'resources', 'reservations'))
  const limited = { cpu: valueAt(service, 'cpus'), memory: bytes(valueAt(service, 'mem_limit')) }
  const limits = { ...known(limited), ...resources(valueAt(service, 'deploy', 'resources', 'limits')) }
  return {
    ...placeOf(`services.${name}`),
    kind: 'service',
    name,
    replicas: replicas === null ? null : { ...at(countAt(service, 'scale') === replicas ? 'scale' : 'deploy.replicas'), value: replicas },
    graceSeconds: { ...at('stop_grace_period'), value: grace ?? composeGraceSeconds },
    containers: [{ name, requestsMilli: { ...amounts(reserved), ...amounts(labelled) }, limitsMilli: amounts(limits) }],
    maxConnections: /^\d+$/.test(limit) ? { ...at(`environment.${maxConnectionsSetting}`), value: Number(limit) } : null,
    single: [
      ...(textAt(service, 'container_name') === '' ? [] : [{ ...at('container_name'), why: 'two containers cannot have the same name' }]),
      ...listAt(service, 'ports').flatMap((port, i) =>
        hasFixedPort(port) ? [{ ...at(`ports[${i}]`), why: 'two containers cannot use the same port of the host' }] : [],
      ),
    ],
  }
}

function resources(mapping: unknown): Record<string, unknown> {
  return known({ cpu: valueAt(mapping, 'cpus'), memory: bytes(valueAt(mapping, 'memory')) })
}

function known(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
}

/** Converts an amount of memory in Compose's units, which are powers of 1024, to a quantity. */
function bytes(value: unknown): string | undefined {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?$/i.exec(String(value ?? '')) ?? []
  return amount === undefined ? undefined : `${amount}${unit === '' ? '' : `${unit.toUpperCase()}i`}`
}

/** Returns the entries of a Compose mapping, which is written as a mapping or as a list of NAME=VALUE. */
function mappingOf(value: unknown): Record<string, string> {
  if (Array.isArray(value)) return Object.fromEntries(value.map((entry) => String(entry).split(/=(.*)/s).slice(0, 2)))
  if (typeof value !== 'object' || value === null) return {}
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, String(one ?? '')]))
}

/** Whether a port mapping names a single port of the host: "8080:80", but not "80", "8080-8090:80" or "127.0.0.1::80". */
function hasFixedPort(port: unknown): boolean {
  if (typeof port === 'object' && port !== null) return /^\d+$/.test(String(valueAt(port, 'published') ?? ''))
  return /(^|:)\d+:\d+(\/\w+)?$/.test(String(port))
}

/** Returns the seconds in a Compose duration such as 1m30s, or null if there is none. */
function secondsIn(duration: string): number | null {
  const parts = [...duration.matchAll(/(\d+(?:\.\d+)?)(ms|us|h|m|s)/g)]
  if (parts.length === 0) return null
  const unit: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1, ms: 0.001, us: 0.000_001 }
  return parts.reduce((sum, [, amount, name = '']) => sum + Number(amount) * (unit[name] ?? 0), 0)
}
