/** Builds the pods and Services in the Kubernetes manifests from the Compose services. Pure. */
import type { ComposeService } from '@lab/host/compose-service.ts'
import { metadata, selected, type Tree } from './objects.ts'
import { probes } from './probes.ts'
import { bytesOf, cpu, memory, secondsOf } from './quantities.ts'

/** The grace period that Docker uses for services without `stop_grace_period`. */
const dockerGracePeriod = '10s'

/**
 * The numeric user ids with which the images run. Numbers are needed because kubelet cannot verify that a user given by name is not root.
 * With Compose, k6 runs as the owner of the checkout instead.
 */
const users: Readonly<Record<string, number>> = {
  ws: 1000,
  'alert-receiver': 1000,
  valkey: 999,
  prometheus: 65534,
  'kube-state-metrics': 65534,
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
  /** The ports, by name, on which other parts of the lab call this part. */
  ports: Readonly<Record<string, number>>
  /** Version of the lab, which is the tag of the images that the lab builds. */
  version: string
}

/** A volume, and the path at which the container mounts it. */
export interface Volume {
  name: string
  mountPath: string
  readOnly?: boolean
  /** The volume's type with its settings, for example `{ emptyDir: {} }`. */
  source: Tree
}

/** Settings of a pod that are not derived from its Compose service. */
export interface Additions {
  volumes?: readonly Volume[]
  container?: Tree
  pod?: Tree
  resources?: { requests: Tree; limits: Tree }
}

/**
 * Returns the name of a part's image. The names of images that the lab builds contain no registry; `kustomize edit set image` can replace
 * these names.
 */
export function imageOf({ name, service, version }: Pick<Part, 'name' | 'service' | 'version'>): string {
  return service.image ?? `websocket-lab/${name}:${version}`
}

/**
 * Returns the resource limits of a Compose service, and its resource requests. Compose has no requests, so a service without the labels
 * lab.requests.cpu and lab.requests.memory requests a tenth of its CPU limit and a quarter of its memory limit.
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

/** Returns a pod template that complies with the `restricted` policy of Pod Security Admission. */
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
      // With a shared process namespace, the pod sandbox's process has the id 1, and takes the place of the init process that Compose adds.
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

/**
 * Returns a Deployment with a single pod. During an update, the old pod is stopped before the new one starts, because both would use the
 * same volume.
 */
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

/** Returns a Service that has the name of the Compose service, so that other pods can call the part by the same name as with Compose. */
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
