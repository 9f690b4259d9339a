/** Builds the manifests of the replicas: Deployment, Service, Ingress, disruption budget and settings. Pure. */
import { ports, services, stickyCookie } from '@lab/contract/endpoints.ts'
import { settings } from '@lab/ws/config.ts'
import { metadata, selected, type Tree } from './objects.ts'
import { type Part, podTemplate, serviceOf } from './pod.ts'
import { livenessProbe } from './probes.ts'

const name = services.ws
const secretName = 'ws-resume'
/** The key of the secret, which is also the name of the file in the pod. */
export const secretKey = 'resume'

/**
 * Before SIGTERM, a pod waits for this time, in which the ingress controller and kube-proxy remove the pod from the Service. The wait is
 * part of the grace period, so the drain is shorter by the same time.
 */
const preStopSeconds = 2

/** Proxies must not close idle connections. Clients and replicas exchange a heartbeat more often than once in this time. */
const proxyTimeoutSeconds = 3600

/** Variables that the pod sets itself, or that only apply to Compose. */
const setByPod = new Set(['REPLICA_DNS_PREFIX', 'RESUME_SECRET_FILE'])

/** The settings of the replicas that differ from the defaults of the service, as lines of an env file. */
export function replicaSettings({ service: { environment = {} } }: Part): string {
  const drain = { DRAIN_TIMEOUT: String(settings.DRAIN_TIMEOUT.default - preStopSeconds * 1000) }
  const given = Object.entries(environment).filter(([variable, value]) => value !== '' && !setByPod.has(variable))
  return Object.entries({ ...drain, ...Object.fromEntries(given) })
    .map(([variable, value]) => `${variable}=${value}\n`)
    .join('')
}

/** The secret that signs resume tokens. Kustomize reads its value from a file that is never committed. */
export const secretGenerator: Tree = { name: secretName, files: [secretKey] }

/** The Deployment. It has no field `replicas`, because applying the field again would undo the work of the HorizontalPodAutoscaler. */
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

/** A rule that spreads the replicas of one revision evenly over nodes or zones. */
export function spread(topologyKey: string, whenUnsatisfiable: 'ScheduleAnyway' | 'DoNotSchedule'): Tree {
  return {
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable,
    labelSelector: { matchLabels: selected(name) },
    matchLabelKeys: ['pod-template-hash'],
  }
}

/** The Service, with Traefik's annotations for the sticky cookie. The internal port is not part of the Service. */
export function replicaService(part: Part): Tree {
  const prefix = `traefik.http.services.${name}.loadbalancer.sticky.`
  const sticky = Object.entries(part.service.labels ?? {}).filter(([label]) => label.startsWith(prefix))
  const annotations = Object.fromEntries(
    sticky.map(([label, value]) => [`traefik.ingress.kubernetes.io/service.sticky.${label.slice(prefix.length)}`, value]),
  )
  const cookie = { 'traefik.ingress.kubernetes.io/service.sticky.cookie': 'true', ...annotations }
  return serviceOf({ ...part, ports: { http: ports.public } }, {}, cookie)
}

/** The Ingress, for Traefik. The annotations for ingress-nginx have the same effect there. */
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

/** A drained node loses at most one replica at a time. */
export function disruptionBudget(): Tree {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: metadata(name),
    spec: { maxUnavailable: 1, selector: { matchLabels: selected(name) } },
  }
}
