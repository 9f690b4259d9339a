/** Builds the replicas' Kubernetes manifests: the Deployment, Service, Ingress, disruption budget and settings. Pure. */
import { ports, services, stickyCookie } from '@lab/contract/endpoints.ts'
import { settings } from '@lab/ws/config.ts'
import { metadata, selected, type Tree } from './objects.ts'
import { type Part, podTemplate, serviceOf } from './pod.ts'
import { livenessProbe } from './probes.ts'

const name = services.ws
const secretName = 'ws-resume'
/** Key under which the secret is stored, which is also the name of the secret's file in the pod. */
export const secretKey = 'resume'

/**
 * How long a pod waits before it receives SIGTERM, so that the ingress controller and kube-proxy can stop routing new connections to it.
 * The wait counts towards the pod's grace period, so the drain timeout is shortened by the same time.
 */
const preStopSeconds = 2

/**
 * Idle timeout of the proxy in ingress-nginx. Clients and replicas exchange heartbeats more often than this, so the proxy does not close
 * their connections.
 */
const proxyTimeoutSeconds = 3600

/** Variables that the pod template sets itself, or that apply only to Compose. */
const setByPod = new Set(['REPLICA_DNS_PREFIX', 'RESUME_SECRET_FILE'])

/** Returns the replicas' settings as lines of an env file: the non-empty settings from the Compose file, and a shortened drain timeout. */
export function replicaSettings({ service: { environment = {} } }: Part): string {
  const drain = { DRAIN_TIMEOUT: String(settings.DRAIN_TIMEOUT.default - preStopSeconds * 1000) }
  const given = Object.entries(environment).filter(([variable, value]) => value !== '' && !setByPod.has(variable))
  return Object.entries({ ...drain, ...Object.fromEntries(given) })
    .map(([variable, value]) => `${variable}=${value}\n`)
    .join('')
}

/** Makes Kustomize generate the secret that signs resume tokens, with the value from a file that is never committed. */
export const secretGenerator: Tree = { name: secretName, files: [secretKey] }

/**
 * Returns the replicas' Deployment. It has no `replicas` field, because applying this field again would override the number set by the
 * HorizontalPodAutoscaler.
 */
export function deployment(part: Part): Tree {
  const { service } = part
  if (service.healthcheck === undefined) throw new Error(`the service ${name} has no health check`)
  const file = service.environment?.RESUME_SECRET_FILE ?? ''
  const { environment: _settings, ...rest } = service
  const template = podTemplate(
    { ...part, service: rest },
    {
      volumes: [
        {
          name: 'secrets',
          mountPath: file.slice(0, file.lastIndexOf('/')),
          readOnly: true,
          source: { secret: { secretName, defaultMode: 0o440 } },
        },
      ],
      container: {
        envFrom: [{ configMapRef: { name } }],
        env: [
          { name: 'REPLICA_ID', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
          { name: 'RESUME_SECRET_FILE', value: file },
        ],
        livenessProbe: livenessProbe(service.healthcheck),
        lifecycle: { preStop: { sleep: { seconds: preStopSeconds } } },
      },
      pod: {
        affinity: {
          podAntiAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              { weight: 100, podAffinityTerm: { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: selected(name) } } },
            ],
          },
        },
        topologySpreadConstraints: [spread('kubernetes.io/hostname', 'ScheduleAnyway')],
      },
    },
  )
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: metadata(name),
    spec: {
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      selector: { matchLabels: selected(name) },
      template,
    },
  }
}

/** Returns a topology spread constraint that distributes the replicas of one revision evenly over nodes or zones. */
export function spread(topologyKey: string, whenUnsatisfiable: 'ScheduleAnyway' | 'DoNotSchedule'): Tree {
  return {
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable,
    labelSelector: { matchLabels: selected(name) },
    matchLabelKeys: ['pod-template-hash'],
  }
}

/**
 * Returns the replicas' Service, with Traefik's annotations for the sticky cookie. The Service does not expose the replicas' internal port.
 */
export function replicaService(part: Part): Tree {
  const prefix = `traefik.http.services.${name}.loadbalancer.sticky.`
  const sticky = Object.entries(part.service.labels ?? {}).filter(([label]) => label.startsWith(prefix))
  const annotations = Object.fromEntries(
    sticky.map(([label, value]) => [`traefik.ingress.kubernetes.io/service.sticky.${label.slice(prefix.length)}`, value]),
  )
  const cookie = { 'traefik.ingress.kubernetes.io/service.sticky.cookie': 'true', ...annotations }
  return serviceOf({ ...part, ports: { http: ports.public } }, {}, cookie)
}

/**
 * Returns the replicas' Ingress. Its annotations configure ingress-nginx, which ignores Traefik's annotations on the Service: they set a
 * sticky cookie and a long idle timeout.
 */
export function ingress(className: string): Tree {
  const nginx = {
    affinity: 'cookie',
    'affinity-mode': 'persistent',
    'session-cookie-name': stickyCookie,
    'session-cookie-samesite': 'Lax',
    'proxy-read-timeout': String(proxyTimeoutSeconds),
    'proxy-send-timeout': String(proxyTimeoutSeconds),
  }
  const annotations = Object.fromEntries(Object.entries(nginx).map(([key, value]) => [`nginx.ingress.kubernetes.io/${key}`, value]))
  const backend = { service: { name, port: { name: 'http' } } }
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: metadata(name, { annotations }),
    spec: { ingressClassName: className, rules: [{ http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }] },
  }
}

/** Returns a disruption budget with which at most one replica at a time is evicted, for example when a node is drained. */
export function disruptionBudget(): Tree {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: metadata(name),
    spec: { maxUnavailable: 1, selector: { matchLabels: selected(name) } },
  }
}
