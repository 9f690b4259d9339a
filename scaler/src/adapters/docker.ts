/** Reads replicas, which are the containers of a Compose service, from the Docker Engine API. */
import { request } from 'node:http'
import type { WaitingReason } from '@lab/contract/kube-state-metrics.ts'
import { docker } from '@lab/host/docker.ts'
import { type Container, containerSchema, replicaName, replicasAmong, serviceLabels } from '@lab/host/replicas.ts'
import { z } from 'zod'
import { milliOf, parseQuantity } from '../core/quantities.ts'
import type { ContainerFacts, ListedReplica } from '../ports.ts'
import type { ReadReservations, Requests } from './reservations.ts'

/** Timeout for a call to the Docker API, in seconds. */
const callWithinSeconds = 5
/** Maximum length of a response from Docker, in bytes. The details of one container take up about 10 KB of JSON. */
const maxAnswerBytes = 2 ** 20

/** Prefix of the container labels that replace Kubernetes' `resources.requests`, such as lab.requests.cpu: 250m. */
export const requestLabelPrefix = 'lab.requests.'
/** The label whose value changes with the configuration of a service. */
const configHashLabel = 'com.docker.compose.config-hash'

const listSchema = z.array(
  z.object({
    Id: z.string(),
    Labels: z.record(z.string(), z.string()),
    Names: z.array(z.string()).default([]),
    Image: z.string().default(''),
  }),
)

export interface DockerService {
  readonly project: string
  readonly service: string
}

/** Returns the address of the Docker Engine: DOCKER_HOST if it is set, otherwise the address in the current Docker context. */
export async function engineHost(env: Readonly<Record<string, string | undefined>>): Promise<string> {
  if (env.DOCKER_HOST) return env.DOCKER_HOST
  const args = ['context', 'inspect', '--format', '{{.Endpoints.docker.Host}}']
  return (await docker(args, { withinSeconds: callWithinSeconds })).trim()
}

/**
 * Returns the service's containers that have not exited, ordered by number. Rejects if Docker does not respond or reports an error.
 * @param reservations reads the requests of containers that have no labels for them
 */
export async function listReplicas(
  host: string,
  of: DockerService,
  signal: AbortSignal,
  reservations: ReadReservations = async () => ({}),
): Promise<ListedReplica[]> {
  const replicas = replicasAmong(await inspectContainers(host, of, signal))
  return Promise.all(
    replicas.map(async (container) => {
      const { Labels } = container.Config
      const isComplete = ['cpu', 'memory'].every((resource) => `${requestLabelPrefix}${resource}` in Labels)
      return replicaOf(container, of.service, isComplete ? {} : await reservations(Labels[configHashLabel] ?? ''))
    }),
  )
}

/** Returns the service's containers, regardless of their state. */
export async function inspectContainers(host: string, of: DockerService, signal: AbortSignal): Promise<Container[]> {
  const listed = await listContainers(host, of, signal)
  const containers = await Promise.all(listed.map(({ Id }) => inspect(host, Id, signal)))
  return containers.filter((container) => container !== null)
}

export type Listed = z.infer<typeof listSchema>[number]

/** Returns the ids and labels of the service's containers, regardless of their state. */
export async function listContainers(host: string, { project, service }: DockerService, signal: AbortSignal): Promise<Listed[]> {
  // A Docker socket proxy may return the containers of the whole project instead of only those of the service.
  return (await list(host, serviceLabels(project, service), true, signal)).filter(
    ({ Labels }) => Labels['com.docker.compose.service'] === service,
  )
}

/** Returns the running containers of a project, including paused ones and those of `docker compose run`. */
export function listRunning(host: string, project: string, signal: AbortSignal): Promise<Listed[]> {
  return list(host, [`com.docker.compose.project=${project}`], false, signal)
}

async function list(host: string, label: string[], all: boolean, signal: AbortSignal): Promise<Listed[]> {
  const query = `all=${all}&filters=${encodeURIComponent(JSON.stringify({ label }))}`
  return listSchema.parse(await get(host, `/containers/json?${query}`, signal))
}

/** Returns the details of a container, or null if the container has been removed since it was listed. */
async function inspect(host: string, id: string, signal: AbortSignal): Promise<Container | null> {
  const answer = await get(host, `/containers/${id}/json`, signal)
  return answer === null ? null : containerSchema.parse(answer)
}

/**
 * Converts a Docker container to a pod with a single container that is named after the service.
 * @param reserved requests that apply unless a label contains another one
 */
export function replicaOf(container: Container, service: string, reserved: Requests = {}): ListedReplica {
  const { State, Config } = container
  const running = State.Status === 'running' || State.Status === 'paused'
  const startTimeSeconds = running || State.Status === 'restarting' ? seconds(State.StartedAt) : null
  return {
    name: replicaName(Config.Labels, service),
    phase: State.Status === 'created' ? 'Pending' : 'Running',
    startTimeSeconds,
    ready: startTimeSeconds === null ? null : readyCondition(State, startTimeSeconds),
    containers: [{ name: service, requestsMilli: { ...reserved, ...requestsOf(Config.Labels) } }],
    facts: factsOf(container),
  }
}

/** The reasons for which a container waits, by Docker's states. Docker restarts a crashed container after an increasing delay. */
const waitingReasonOf: Partial<Record<Container['State']['Status'], WaitingReason>> = {
  created: 'ContainerCreating',
  restarting: 'CrashLoopBackOff',
}

function factsOf({ Id, Image, Created, RestartCount, Config, HostConfig, State }: Container): ContainerFacts {
  const { NanoCpus = 0, Memory = 0 } = HostConfig ?? {}
  return {
    id: Id,
    createdSeconds: seconds(Created),
    template: `${Config.Labels[configHashLabel]} ${Image}`,
    waiting: waitingReasonOf[State.Status] ?? null,
    restarts: RestartCount,
    // In Docker's answer, 0 stands for no limit.
    limitsMilli: { ...(NanoCpus > 0 && { cpu: NanoCpus / 1e6 }), ...(Memory > 0 && { memory: Memory * 1000 }) },
  }
}

/**
 * Derives a pod's Ready condition from its container's health check. The condition's transition time is the end of the first probe in the
 * current series of identical probe results.
 */
function readyCondition({ Status, Health }: Container['State'], startedAt: number): ListedReplica['ready'] {
  // Docker does not probe a paused container, and continues to report it as healthy.
  if (Status === 'paused') return { status: 'False', sinceSeconds: lastProbeOf(Health) ?? startedAt }
  if (Status === 'restarting') return { status: 'False', sinceSeconds: startedAt }
  if (!Health || Health.Status === 'none') return { status: 'True', sinceSeconds: startedAt }
  if (Health.Status === 'starting') return { status: 'False', sinceSeconds: startedAt }
  const healthy = Health.Status === 'healthy'
  const log = Health.Log ?? []
  const lastOther = log.findLastIndex(({ ExitCode }) => (ExitCode === 0) !== healthy)
  const first = log[lastOther + 1]
  return { status: healthy ? 'True' : 'False', sinceSeconds: first === undefined ? startedAt : seconds(first.End) }
}

function lastProbeOf(health: Container['State']['Health']): number | null {
  const last = health?.Log?.at(-1)
  return last === undefined ? null : seconds(last.End)
}

/** Returns the resource requests in a container's labels, in thousandths. @throws Error if a label's value is not a valid quantity */
export function requestsOf(labels: Readonly<Record<string, string>>): Record<string, number> {
  const requests: Record<string, number> = {}
  for (const [label, text] of Object.entries(labels)) {
    if (!label.startsWith(requestLabelPrefix)) continue
    const quantity = parseQuantity(text)
    if (quantity === null) throw new Error(`label ${label}=${text}: not a quantity such as 250m or 128Mi`)
    requests[label.slice(requestLabelPrefix.length)] = milliOf(quantity)
  }
  return requests
}

function seconds(time: string): number {
  return Date.parse(time) / 1000
}

/**
 * Sends a GET request to Docker. Returns the JSON response, or null for status 404.
 * @param host address in the format of DOCKER_HOST: unix://, npipe:// or tcp://
 */
export function get(host: string, path: string, signal: AbortSignal): Promise<unknown> {
  const bound = AbortSignal.any([signal, AbortSignal.timeout(callWithinSeconds * 1000)])
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      const why = bound.aborted && !signal.aborted ? `not within ${callWithinSeconds} s` : error.message
      reject(new Error(`Docker at ${host} does not answer: ${why}`))
    }
    const call = request({ ...target(host), path, signal: bound, headers: { host: 'docker' } }, (response) => {
      const chunks: Buffer[] = []
      let size = 0
      response.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > maxAnswerBytes) response.destroy(new Error(`the answer to ${path} has more than ${maxAnswerBytes} bytes`))
        else chunks.push(chunk)
      })
      response.on('error', fail)
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        if (response.statusCode === 404) resolve(null)
        else if (response.statusCode !== 200)
          reject(new Error(`Docker at ${host} answers ${response.statusCode} to ${path}: ${text.trim()}`))
        else resolve(JSON.parse(text))
      })
    })
    call.on('error', fail)
    call.end()
  })
}

function target(host: string): { socketPath: string } | { hostname: string; port: number } {
  const [, scheme, rest = ''] = /^(unix|npipe|tcp):\/\/(.+)$/.exec(host) ?? []
  if (scheme === undefined) throw new Error(`DOCKER_HOST=${host}: allowed are unix://, npipe:// and tcp://HOST:PORT`)
  if (scheme !== 'tcp') return { socketPath: rest }
  const { hostname, port } = new URL(`http://${rest}`)
  return { hostname, port: Number(port || 2375) }
}
