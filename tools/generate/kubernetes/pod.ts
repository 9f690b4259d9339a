/** Builds the pods and the Services of the manifests from the Compose services. Pure. */
import type { ComposeService } from './compose-service.ts'
import { metadata, selected, type Tree } from './objects.ts'
import { probes } from './probes.ts'
import { bytesOf, cpu, memory, secondsOf } from './quantities.ts'

/** The grace period of Docker for services without the setting stop_grace_period. */
const dockerGracePeriod = '10s'

/**
 * The users of the images, by number, because kubelet cannot check whether a user who is given by name is root. On Compose, k6 runs as
 * the owner of the checkout.
 */
const users: Readonly<Record<string, number>> = {
  ws: 1000,
  'alert-receiver': 1000,
  valkey: 999,
  prometheus: 65534,
  alertmanager: 65534,
  grafana: 472,
  loki: 10001,
  jaeger: 10001,
  k6: 12345,
}

/** A part of the lab that runs in a pod. */
export interface Part {
  name: string
  service: ComposeService
  /** The ports on which other parts call this part. */
  ports: Readonly<Record<string, number>>
  /** The version of the images that the lab builds. */
  version: string
}

/** A volume and the folder at which the container mounts it. */
export interface Volume {
  name: string
  mountPath: string
  readOnly?: boolean
  /** The kind of the volume, as in `{ emptyDir: {} }`. */
  source: Tree
}

/** What a pod has in addition to its Compose service. */
export interface Additions {
  volumes?: readonly Volume[]
  container?: Tree
  pod?: Tree
  resources?: { requests: Tree; limits: Tree }
}

/** Returns the image of a part. The lab's own images have names without a registry, which `kustomize edit set image` replaces. */
export function imageOf({ name, service, version }: Pick<Part, 'name' | 'service' | 'version'>): string {
  return service.image ?? `websocket-lab/${name}:${version}`
}

/**
 * Returns limits as in Compose. A service without the labels lab.requests requests a tenth of its CPU limit and a quarter of its memory
 * limit, because Compose has no requests.
 */
export function resourcesOf({ labels = {}, cpus, mem_limit }: ComposeService): { requests: Tree; limits: Tree } {
  const bytes = bytesOf(mem_limit)
  return {
    requests: {
      cpu: labels['lab.requests.cpu'] ?? cpu(cpus / 10),
      memory: labels['lab.requests.memory'] ?? memory(bytes / 4),
    },
    limits: { cpu: cpu(cpus), memory: memory(bytes) },
  }
}

/** Returns the template of a pod, which the policy `restricted` of Pod Security Admission accepts. */
export function podTemplate(part: Part, { volumes = [], container = {}, pod = {}, resources }: Additions = {}): Tree {
  const { name, service, ports } = part
  const user = users[name]
  if (user === undefined) throw new Error(`the user of the image of ${name} is not in the table of users`)
  const folders = [...volumes, ...(service.tmpfs ?? []).map(temporary)]
  return {
    metadata: { labels: selected(name) },
    spec: {
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: user,
        runAsGroup: user,
        fsGroup: user,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      terminationGracePeriodSeconds: secondsOf(service.stop_grace_period ?? dockerGracePeriod),
      // With a shared process namespace, the process with id 1 is that of the pod sandbox, which replaces the init process of Compose.
      ...(service.init && { shareProcessNamespace: true }),
      ...pod,
      containers: [
        {
          name,
          image: imageOf(part),
          imagePullPolicy: 'IfNotPresent',
          ...(service.command && { args: service.command }),
          ...(Object.keys(ports).length > 0 && {
            ports: Object.entries(ports).map(([portName, port]) => ({ name: portName, containerPort: port })),
          }),
          ...(service.environment && { env: variables(service.environment) }),
          resources: resources ?? resourcesOf(service),
          ...(service.healthcheck && probes(service.healthcheck)),
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
          ...(folders.length > 0 && {
            volumeMounts: folders.map(({ name: volume, mountPath, readOnly }) => ({
              name: volume,
              mountPath,
              ...(readOnly && { readOnly }),
            })),
          }),
          ...container,
        },
      ],
      ...(folders.length > 0 && { volumes: folders.map(({ name: volume, source }) => ({ name: volume, ...source })) }),
    },
  }
}

function variables(environment: Readonly<Record<string, string>>): Tree[] {
  return Object.entries(environment).map(([name, value]) => ({ name, value: String(value) }))
}

function temporary(folder: string): Volume {
  const [path = ''] = folder.split(':')
  return { name: path.slice(1), mountPath: path, source: { emptyDir: { medium: 'Memory', sizeLimit: '64Mi' } } }
}

/** A Deployment of one pod, which is stopped before its successor starts, because both would use the same volume. */
export function singlePod(part: Part, additions: Additions): Tree {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: metadata(part.name),
    spec: {
      replicas: 1,
      strategy: { type: 'Recreate' },
      selector: { matchLabels: selected(part.name) },
      template: podTemplate(part, additions),
    },
  }
}

/** The Service under whose name other pods call a part, as they call the Compose service. */
export function serviceOf({ name, ports }: Part, more: Tree = {}, annotations?: Record<string, string>): Tree {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: metadata(name, annotations && { annotations }),
    spec: {
      ...more,
      selector: selected(name),
      ports: Object.entries(ports).map(([portName, port]) => ({ name: portName, port, targetPort: portName })),
    },
  }
}
