/** Replicas as the Docker Engine's API shows them: containers of one Compose service. Reads only. */
import { request } from 'node:http'
import { execa } from 'execa'
import { z } from 'zod'
import { milliOf, parseQuantity } from '../core/quantities.ts'
import type { Replica } from '../ports.ts'

/** Bound on one call, in seconds. */
const callWithinSeconds = 5
/** Bound on one answer: the details of a container are some 10 KB. */
const maxAnswerBytes = 2 ** 20

/** Labels of a container that say what it asks for, as `resources.requests` does in a cluster: lab.requests.cpu: 250m */
export const requestLabelPrefix = 'lab.requests.'

const listSchema = z.array(z.object({ Id: z.string(), Labels: z.record(z.string(), z.string()) }))

const containerSchema = z.object({
  Id: z.string(),
  Config: z.object({ Labels: z.record(z.string(), z.string()) }),
  State: z.object({
    Status: z.enum(['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead']),
    StartedAt: z.string(),
    Health: z
      .object({
        Status: z.enum(['none', 'starting', 'healthy', 'unhealthy']),
        Log: z.array(z.object({ End: z.string(), ExitCode: z.number() })).nullable(),
      })
      .nullish(),
  }),
})
export type Container = z.infer<typeof containerSchema>

export interface DockerService {
  readonly project: string
  readonly service: string
}

/** Where the Engine listens: DOCKER_HOST, or what the Docker command uses. */
export async function engineHost(env: Readonly<Record<string, string | undefined>>): Promise<string> {
  if (env.DOCKER_HOST) return env.DOCKER_HOST
  const args = ['context', 'inspect', '--format', '{{.Endpoints.docker.Host}}']
  const { stdout } = await execa('docker', args, { timeout: callWithinSeconds * 1000, stdin: 'ignore' })
  return stdout.trim()
}

/** The service's containers, ordered by number; those that ended are no replicas. Rejects when Docker can't be read. */
export async function listReplicas(host: string, { project, service }: DockerService, signal: AbortSignal): Promise<Replica[]> {
  const listed = await listContainers(host, { project, service }, signal)
  const containers = await Promise.all(listed.map(({ Id }) => inspect(host, Id, signal)))
  return containers
    .filter((container) => container !== null)
    .filter(({ State }) => !['removing', 'exited', 'dead'].includes(State.Status))
    .sort((a, b) => numberOf(a.Config.Labels) - numberOf(b.Config.Labels))
    .map((container) => replicaOf(container, service))
}

type Listed = z.infer<typeof listSchema>[number]

/** Id and labels of the service's containers, whatever their state. */
export async function listContainers(host: string, { project, service }: DockerService, signal: AbortSignal): Promise<Listed[]> {
  const labels = [`com.docker.compose.project=${project}`, `com.docker.compose.service=${service}`, 'com.docker.compose.oneoff=False']
  const query = `all=true&filters=${encodeURIComponent(JSON.stringify({ label: labels }))}`
  // A proxy may widen the filter to the whole project.
  return listSchema
    .parse(await get(host, `/containers/json?${query}`, signal))
    .filter(({ Labels }) => Labels['com.docker.compose.service'] === service)
}

/** What a container is called as a replica, as in ws-3. */
export function replicaName(labels: Readonly<Record<string, string>>, service: string): string {
  return `${service}-${numberOf(labels)}`
}

/** null: it went between the two calls. */
async function inspect(host: string, id: string, signal: AbortSignal): Promise<Container | null> {
  const answer = await get(host, `/containers/${id}/json`, signal)
  return answer === null ? null : containerSchema.parse(answer)
}

function numberOf(labels: Readonly<Record<string, string>>): number {
  return Number(labels['com.docker.compose.container-number'])
}

/** A container as the engine's pod: one container in it, of the service's name. */
export function replicaOf(container: Container, service: string): Replica {
  const { State, Config } = container
  const running = State.Status === 'running' || State.Status === 'paused'
  const startTimeSeconds = running || State.Status === 'restarting' ? seconds(State.StartedAt) : null
  return {
    name: replicaName(Config.Labels, service),
    phase: State.Status === 'created' ? 'Pending' : 'Running',
    startTimeSeconds,
    ready: startTimeSeconds === null ? null : readyCondition(State, startTimeSeconds),
    containers: [{ name: service, requestsMilli: requestsOf(Config.Labels) }],
  }
}

/** From the health check: healthy is ready. Since when: the first probe of the unbroken row that Docker still knows. */
function readyCondition({ Status, Health }: Container['State'], startedAt: number): Replica['ready'] {
  if (Status === 'restarting') return { status: 'False', sinceSeconds: startedAt }
  if (!Health || Health.Status === 'none') return { status: 'True', sinceSeconds: startedAt }
  if (Health.Status === 'starting') return { status: 'False', sinceSeconds: startedAt }
  const healthy = Health.Status === 'healthy'
  const log = Health.Log ?? []
  const lastOther = log.findLastIndex(({ ExitCode }) => (ExitCode === 0) !== healthy)
  const first = log[lastOther + 1]
  return { status: healthy ? 'True' : 'False', sinceSeconds: first === undefined ? startedAt : seconds(first.End) }
}

/** The requests among the labels of a container, in thousandths. */
export function requestsOf(labels: Readonly<Record<string, string>>): Record<string, number> {
  const requests: Record<string, number> = {}
  for (const [label, text] of Object.entries(labels)) {
    if (!label.startsWith(requestLabelPrefix)) continue
    const quantity = parseQuantity(text)
    if (quantity === null) throw new Error(`label ${label}=${text}: not a quantity as in 250m or 128Mi`)
    requests[label.slice(requestLabelPrefix.length)] = milliOf(quantity)
  }
  return requests
}

function seconds(time: string): number {
  return Date.parse(time) / 1000
}

/** GET as JSON; null for 404. `host` is as in DOCKER_HOST: unix://, npipe:// or tcp://. */
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
        if (size > maxAnswerBytes) response.destroy(new Error(`an answer of more than ${maxAnswerBytes} bytes to ${path}`))
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
