/** Computes the findings of `k8s doctor` from the collected facts. Pure. */
import { namespace } from '@lab/contract/kubernetes.ts'
import { metrics } from '@lab/contract/metrics.ts'
import { clusterProblem } from '@lab/host/kubectl.ts'
import type { ApiState, Facts } from './facts.ts'

export interface Finding {
  subject: string
  level: 'ok' | 'warning' | 'BLOCKED'
  text: string
  /** The command or instruction that solves the problem. */
  command?: string
}

/** Maximum number of objects that a finding lists if they do not belong to the lab. */
const shownObjects = 5

/** Computes all findings. If the cluster does not respond, only this problem is reported, because nothing else can be checked. */
export function findingsOf(facts: Facts): Finding[] {
  if (facts.kubectlMissing || 'error' in facts.server) {
    const error = 'error' in facts.server ? facts.server.error : ''
    const { subject, text, command } = clusterProblem({ missing: facts.kubectlMissing, context: facts.context, error })
    return [blocked(subject, text, command)]
  }
  return [
    { subject: 'cluster', level: 'ok', text: `Kubernetes ${facts.server.version} answers in the context ${facts.context ?? '(none)'}` },
    rights(facts.missingRights),
    objects(facts),
    images(facts),
    facts.secretFile
      ? ok('secret', 'the file of the secret exists')
      : blocked('secret', 'k8s/base/secrets/resume does not exist, so kubectl apply -k fails', './lab k8s export'),
    facts.ingressClass
      ? ok('ingress', 'the Ingress class traefik exists')
      : warning(
          'ingress',
          'the Ingress class traefik does not exist, so no client reaches the replicas from outside',
          'install Traefik, or add the component k8s/components/ingress-nginx',
        ),
    api('metrics.k8s.io', facts.metrics.resource, 'the HPA shows <unknown> for CPU', metricsServer),
    api('custom.metrics.k8s.io', facts.metrics.custom, 'the HPA shows <unknown> for connections', metricsAdapter),
    ...(facts.connectionsMetric === false && facts.metrics.custom === 'available' ? [noMetric] : []),
  ]
}

const metricsServer = 'kubectl apply -f https://github.com/kubernetes-sigs/metrics-server/releases/latest/download/components.yaml'
const metricsAdapter =
  'helm install metrics-adapter prometheus-community/prometheus-adapter -n custom-metrics --set rules.existing=adapter-config ' +
  `--set prometheus.url=http://prometheus.${namespace}.svc --set prometheus.port=9090`

const noMetric: Finding = warning(
  'metric',
  `the metrics adapter does not have ${metrics.connectionsActive.name}, so the HPA shows <unknown> for connections`,
  'kubectl apply -k k8s/metrics-adapter && kubectl -n custom-metrics rollout restart deployment',
)

function rights(missing: readonly string[]): Finding {
  if (missing.length === 0) return ok('rights', 'this user may create all objects of the lab')
  const command = `kubectl create rolebinding ws-lab-admin --clusterrole=admin --user=NAME -n ${namespace}`
  return blocked('rights', `this user may not ${missing.join(', ')} in the namespace ${namespace}; as an administrator`, command)
}

function objects({ foreign }: Facts): Finding {
  if (foreign.length === 0) return ok('namespace', `the namespace ${namespace} has no objects of others`)
  const names = foreign.map(({ kind, name }) => `${kind}/${name}`)
  const shown = names.slice(0, shownObjects).join(', ') + (names.length > shownObjects ? `, and ${names.length - shownObjects} more` : '')
  const text = `the namespace ${namespace} has objects that do not belong to the lab (${shown}); if nobody needs them`
  return warning('namespace', text, `kubectl -n ${namespace} delete ${names.slice(0, shownObjects).join(' ')}`)
}

function images({ missingImages, context = '' }: Facts): Finding {
  if (missingImages.length === 0) return ok('images', 'the nodes have the images of the lab')
  const text = `a node does not have ${missingImages.join(' ')}, and cannot pull it`
  return blocked('images', text, loadCommand(context, missingImages))
}

/** Returns the command that copies images to the nodes. The context's name shows whether kind, k3d or minikube created the cluster. */
function loadCommand(context: string, names: readonly string[]): string {
  const list = names.join(' ')
  const [, kind] = /^kind-(.+)$/.exec(context) ?? []
  if (kind !== undefined) return `kind load docker-image ${list} --name ${kind}`
  const [, k3d] = /^k3d-(.+)$/.exec(context) ?? []
  if (k3d !== undefined) return `k3d image import ${list} -c ${k3d}`
  if (context === 'minikube') return `minikube image load ${list}`
  const replaced = names.map((name) => name.replace(/:[^:/]*$/, '')).map((name) => `${name}=REGISTRY/${name}`)
  return `push it to a registry, then in your overlay: kustomize edit set image ${replaced.join(' ')}`
}

function api(name: string, state: ApiState, effect: string, command: string): Finding {
  if (state === 'available') return ok('metrics', `the API ${name} is available`)
  const how = state === 'absent' ? 'is missing' : 'is registered, but does not answer'
  return warning('metrics', `the API ${name} ${how}, so ${effect}`, state === 'absent' ? command : `kubectl get apiservices | grep ${name}`)
}

/** Formats a finding as one line of text. */
export function line({ subject, level, text, command }: Finding): string {
  return `${level.padEnd(7)}  ${subject.padEnd(9)}  ${text}${command === undefined ? '' : `: ${command}`}`
}

/** Returns the exit code: 0 if the lab can run, 1 if it cannot, and 2 if it can run but there are warnings. */
export function exitCodeOf(findings: readonly Finding[]): 0 | 1 | 2 {
  if (findings.some(({ level }) => level === 'BLOCKED')) return 1
  return findings.some(({ level }) => level === 'warning') ? 2 : 0
}

function ok(subject: string, text: string): Finding {
  return { subject, level: 'ok', text }
}

function warning(subject: string, text: string, command: string): Finding {
  return { subject, level: 'warning', text, command }
}

function blocked(subject: string, text: string, command: string): Finding {
  return { subject, level: 'BLOCKED', text, command }
}
