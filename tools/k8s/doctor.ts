/** Implements `k8s doctor`, which collects facts about the cluster and prints one line for each finding. */
import { existsSync, readFileSync } from 'node:fs'
import { namespace } from '@lab/contract/kubernetes.ts'
import { metrics } from '@lab/contract/metrics.ts'
import { currentContext, tryKubectl } from '@lab/host/kubectl.ts'
import { root } from '@lab/host/root.ts'
import { parseAllDocuments } from 'yaml'
import { z } from 'zod'
import { secretFile } from './export.ts'
import type { ApiState, Facts, ObjectName } from './facts.ts'
import { exitCodeOf, findingsOf, line } from './findings.ts'

const callWithinSeconds = 15
const requestTimeout = '--request-timeout=10s'
const ownLabel = 'app.kubernetes.io/part-of'
const ownValue = 'websocket-lab'

/** The resources that a user must be allowed to create in order to apply the manifests. */
const neededRights = ['deployments.apps', 'statefulsets.apps', 'services', 'configmaps', 'secrets', 'roles.rbac.authorization.k8s.io']
const foreignKinds = ['deployments', 'statefulsets', 'daemonsets', 'jobs', 'services', 'ingresses', 'horizontalpodautoscalers']

/** Runs all checks of `k8s doctor`, prints the findings and sets the exit code. */
export async function doctor(): Promise<void> {
  const findings = findingsOf(await gatherFacts())
  for (const finding of findings) console.log(line(finding))
  process.exitCode = exitCodeOf(findings)
}

/** Runs kubectl with a time limit and returns its output, or undefined if the command fails. */
async function answer(...args: string[]): Promise<string | undefined> {
  const { exitCode, stdout } = await tryKubectl([...args, requestTimeout], { withinSeconds: callWithinSeconds })
  return exitCode === 0 ? stdout : undefined
}

async function json<T>(data: z.ZodType<T>, ...args: string[]): Promise<T | undefined> {
  const text = await answer(...args, '-o', 'json')
  return text === undefined ? undefined : data.parse(JSON.parse(text))
}

async function gatherFacts(): Promise<Facts> {
  const [version, context] = await Promise.all([
    tryKubectl(['version', '-o', 'json', requestTimeout], { withinSeconds: callWithinSeconds }),
    currentContext(),
  ])
  const facts: Facts = {
    kubectlMissing: version.missing,
    context,
    server: serverOf(version),
    missingRights: [],
    foreign: [],
    missingImages: [],
    ingressClass: true,
    secretFile: existsSync(`${root}${secretFile}`),
    metrics: { resource: 'absent', custom: 'absent' },
    connectionsMetric: undefined,
  }
  if ('error' in facts.server) return facts
  const [missingRights, foreign, missingImages, ingressClass, apis, connectionsMetric] = await Promise.all([
    rightsMissing(),
    foreignObjects(),
    imagesMissing(),
    answer('get', 'ingressclass', 'traefik'),
    apiServices(),
    metricExists(),
  ])
  return {
    ...facts,
    missingRights,
    foreign,
    missingImages,
    ingressClass: ingressClass !== undefined,
    metrics: { resource: stateOf(apis, 'metrics.k8s.io'), custom: stateOf(apis, 'custom.metrics.k8s.io') },
    connectionsMetric,
  }
}

const versionOutput = z.object({ serverVersion: z.object({ gitVersion: z.string() }).optional() })

function serverOf({ stdout, stderr, timedOut }: { stdout: string; stderr: string; timedOut: boolean }): Facts['server'] {
  const parsed = stdout.trim() === '' ? undefined : versionOutput.parse(JSON.parse(stdout))
  if (parsed?.serverVersion) return { version: parsed.serverVersion.gitVersion }
  if (timedOut) return { error: `no answer within ${callWithinSeconds} s` }
  return { error: stderr.trim().split('\n').at(-1) ?? 'no answer' }
}

async function rightsMissing(): Promise<string[]> {
  const asked = neededRights.map(async (resource) => {
    const { stdout } = await tryKubectl(['auth', 'can-i', 'create', resource, '-n', namespace, requestTimeout], {
      withinSeconds: callWithinSeconds,
    })
    return stdout.trim() === 'no' ? [`create ${resource.split('.')[0]}`] : []
  })
  return (await Promise.all(asked)).flat()
}

const objectList = z.object({ items: z.array(z.object({ kind: z.string(), metadata: z.object({ name: z.string() }) })) })

async function foreignObjects(): Promise<ObjectName[]> {
  const others = `${ownLabel}!=${ownValue}`
  const list = await json(objectList, '-n', namespace, 'get', foreignKinds.join(','), '-l', others)
  return (list?.items ?? []).map(({ kind, metadata }) => ({ kind: kind.toLowerCase(), name: metadata.name }))
}

const nodeList = z.object({
  items: z.array(z.object({ status: z.object({ images: z.array(z.object({ names: z.array(z.string()).optional() })).optional() }) })),
})
const podList = z.object({
  items: z.array(
    z.object({
      status: z.object({
        containerStatuses: z
          .array(z.object({ image: z.string(), state: z.object({ waiting: z.object({ reason: z.string().optional() }).optional() }) }))
          .optional(),
      }),
    }),
  ),
})

/**
 * Lists the images that pods cannot pull. Before any container exists, lists the images built by the lab that no node has, because no
 * registry provides them.
 */
async function imagesMissing(): Promise<string[]> {
  const pods = await json(podList, '-n', namespace, 'get', 'pods')
  const containers = (pods?.items ?? []).flatMap(({ status }) => status.containerStatuses ?? [])
  const waiting = containers.filter(({ state }) => /ImagePull|ErrImage/.test(state.waiting?.reason ?? '')).map(({ image }) => image)
  if (waiting.length > 0) return [...new Set(waiting)].sort()
  if (containers.length > 0) return []
  const nodes = await json(nodeList, 'get', 'nodes')
  if (nodes === undefined) return []
  const present = nodes.items.flatMap(({ status }) => (status.images ?? []).flatMap(({ names = [] }) => names))
  return ownImages().filter((image) => !present.some((name) => name === image || name.endsWith(`/${image}`)))
}

/** Returns the names of the images that the lab builds, as the manifests contain them. */
function ownImages(): string[] {
  const files = ['deployment.yaml', 'monitoring/alert-receiver.yaml']
  return files.flatMap((file) =>
    parseAllDocuments(readFileSync(`${root}k8s/base/${file}`, 'utf8')).flatMap((document) => {
      const image = document.getIn(['spec', 'template', 'spec', 'containers', 0, 'image'])
      return typeof image === 'string' ? [image] : []
    }),
  )
}

const apiServiceList = z.object({
  items: z.array(
    z.object({
      spec: z.object({ group: z.string().optional() }),
      status: z.object({ conditions: z.array(z.object({ type: z.string(), status: z.string() })).optional() }).optional(),
    }),
  ),
})
type ApiServices = z.infer<typeof apiServiceList>['items']

async function apiServices(): Promise<ApiServices> {
  return (await json(apiServiceList, 'get', 'apiservices'))?.items ?? []
}

function stateOf(apis: ApiServices, group: string): ApiState {
  const versions = apis.filter(({ spec }) => spec.group === group)
  if (versions.length === 0) return 'absent'
  const available = versions.some(({ status }) => status?.conditions?.some((one) => one.type === 'Available' && one.status === 'True'))
  return available ? 'available' : 'unavailable'
}

/**
 * Returns whether the metrics adapter provides the HPA's connection metric; undefined if there are no replicas, because the metric then
 * does not exist either.
 */
async function metricExists(): Promise<boolean | undefined> {
  const pods = await answer('-n', namespace, 'get', 'pods', '-l', 'app.kubernetes.io/name=ws', '-o', 'name')
  if (pods === undefined || pods.trim() === '') return undefined
  const path = `/apis/custom.metrics.k8s.io/v1beta1/namespaces/${namespace}/pods/*/${metrics.connectionsActive.name}`
  return (await answer('get', '--raw', path)) !== undefined
}
