/** Access to the lab in the test cluster: its pods, HPA, Prometheus and Ingress controller. */
import { services } from '@lab/contract/endpoints.ts'
import { defaultIngress, ingressVariable, nameLabel, namespace } from '@lab/contract/kubernetes.ts'
import { kubectl } from '@lab/host/kubectl.ts'
import { type Prometheus, prometheusAt } from '@lab/host/prometheus.ts'
import { root } from '@lab/host/root.ts'
import { proxyServices, type ServiceProxy } from '@lab/lab/kubernetes/proxy.ts'
import { execa } from 'execa'
import { expect } from 'vitest'
import { type CommandBlock, commandBlocks } from '../../stack/lib/command-blocks.ts'

/** The address at which this machine reaches the cluster's Ingress controller. */
export const entry = process.env[ingressVariable] ?? defaultIngress

/** The command that copies images to the nodes, to which the image names are appended; undefined if the nodes already have the images. */
export const imageLoader = process.env.LAB_IMAGE_LOADER

/** Services whose images the nodes cannot pull, on machines without access to a registry. */
export const absentParts: readonly string[] = (process.env.LAB_ABSENT_PARTS ?? '').split(',').filter(Boolean)

const page = 'docs/kubernetes.md'

/** Returns the only command block of docs/kubernetes.md that contains the given string. */
export function block(part: string): CommandBlock {
  const found = commandBlocks([page]).filter(({ commands }) => commands.includes(part))
  if (found.length !== 1 || !found[0]) throw new Error(`${page} has ${found.length} command blocks with ${part}, not one`)
  return found[0]
}

/** Runs a command block of docs/kubernetes.md unchanged. @returns the commands' output */
export async function type({ where, commands }: CommandBlock, withinSeconds: number): Promise<string> {
  const ran = await execa('bash', ['-euo', 'pipefail', '-c', commands], {
    cwd: root,
    timeout: withinSeconds * 1000,
    reject: false,
    all: true,
  })
  expect(ran.exitCode, `${where}\n${commands}\n${ran.all}`).toBe(0)
  return String(ran.all)
}

/** Runs kubectl in the lab's namespace. */
export function inLab(args: readonly string[], withinSeconds = 60): Promise<string> {
  return kubectl(['-n', namespace, ...args], { withinSeconds })
}

export interface Pod {
  metadata: { name: string; deletionTimestamp?: string; labels: Record<string, string> }
  status: {
    phase: string
    conditions?: { type: string; status: string }[]
    containerStatuses?: { restartCount: number; lastState: { terminated?: { exitCode: number; reason: string } } }[]
  }
}

/** Returns a service's pods, including those that are being deleted. */
export async function pods(part: string = services.ws): Promise<Pod[]> {
  const text = await inLab(['get', 'pods', '-l', `${nameLabel}=${part}`, '-o', 'json'])
  return (JSON.parse(text) as { items: Pod[] }).items
}

/** Returns the names of a service's pods that are Ready and not being deleted. */
export async function readyPods(part: string = services.ws): Promise<string[]> {
  const ready = (await pods(part)).filter(
    ({ metadata, status }) =>
      metadata.deletionTimestamp === undefined && status.conditions?.some((one) => one.type === 'Ready' && one.status === 'True'),
  )
  return ready.map(({ metadata }) => metadata.name).sort()
}

export interface Hpa {
  currentReplicas: number
  desiredReplicas: number
  currentMetrics?:
    | { type: string; pods?: { current: { averageValue: string } }; resource?: { current: { averageUtilization?: number } } }[]
    | null
  conditions: { type: string; status: string; reason: string; message: string }[]
}

/** Returns the HPA's status. */
export async function hpa(): Promise<Hpa> {
  return (JSON.parse(await inLab(['get', 'hpa', services.ws, '-o', 'json'])) as { status: Hpa }).status
}

/** A connection to the lab's services through the Kubernetes API server. The caller must close it. */
export interface Forwarded extends ServiceProxy {
  prometheus: Prometheus
}

/** Makes the services reachable through `kubectl proxy`. */
export async function forward(): Promise<Forwarded> {
  const { address, close } = await proxyServices()
  return { prometheus: prometheusAt(address(services.prometheus, 9090)), address, close }
}
