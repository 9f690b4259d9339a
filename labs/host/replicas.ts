/**
 * Defines which containers count as replicas. Tools, tests and the scaler all use this module to determine which containers are replicas.
 */
import { services } from '@lab/contract/endpoints.ts'
import { z } from 'zod'

/** The container fields that the lab reads from `docker inspect` or the Engine API. */
export const containerSchema = z.object({
  Id: z.string(),
  Name: z.string().default(''),
  /** ID of the image from which the container was created. */
  Image: z.string().default(''),
  /** Time at which the container was created, in ISO 8601. */
  Created: z.string().default(''),
  /** Number of times that Docker has restarted the container. */
  RestartCount: z.number().default(0),
  Config: z.object({ Labels: z.record(z.string(), z.string()), Env: z.array(z.string()).nullish() }),
  State: z.object({
    Status: z.enum(['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead']),
    ExitCode: z.number().default(0),
    /** Whether the kernel killed the container because it ran out of memory. */
    OOMKilled: z.boolean().optional(),
    StartedAt: z.string(),
    Health: z
      .object({
        Status: z.enum(['none', 'starting', 'healthy', 'unhealthy']),
        Log: z.array(z.object({ End: z.string(), ExitCode: z.number() })).nullable(),
      })
      .nullish(),
  }),
  /** The limits of the container: CPU in billionths of a core, and memory in bytes. */
  HostConfig: z.object({ NanoCpus: z.number().optional(), Memory: z.number().optional() }).optional(),
  NetworkSettings: z.object({ Networks: z.record(z.string(), z.object({ IPAddress: z.string() })) }).nullish(),
})
export type Container = z.infer<typeof containerSchema>

/**
 * Returns the labels that Compose sets on the containers of one or all services, for use in Docker's label filters.
 * @param oneOff selects the containers of `docker compose run` instead of those of `docker compose up`
 */
export function serviceLabels(project: string, service?: string, oneOff = false): string[] {
  const one = service === undefined ? [] : [`com.docker.compose.service=${service}`]
  return [`com.docker.compose.project=${project}`, ...one, `com.docker.compose.oneoff=${oneOff ? 'True' : 'False'}`]
}

/**
 * Returns whether a container counts as a replica. Exited containers and containers that are being removed do not count as replicas.
 * Running and paused containers count as replicas. Containers that have been created but not started also count as replicas, because the
 * scaling command or the scaler will start them.
 */
export function isReplica({ State }: { readonly State: { readonly Status: string } }): boolean {
  return !['removing', 'exited', 'dead'].includes(State.Status)
}

/** Returns the replicas among a service's containers, sorted by number. */
export function replicasAmong(containers: readonly Container[]): Container[] {
  return containers.filter(isReplica).sort((a, b) => containerNumber(a.Config.Labels) - containerNumber(b.Config.Labels))
}

/** Returns the replicas whose containers have been created but not started. */
export function unstartedAmong(containers: readonly Container[]): Container[] {
  return replicasAmong(containers).filter(({ State }) => State.Status === 'created')
}

/** Returns a one-line message that names the paused replicas and explains how to unpause them; null if no replica is paused. */
export function pausedHint(containers: readonly Container[]): string | null {
  const paused = replicasAmong(containers).filter(({ State }) => State.Status === 'paused')
  if (paused.length === 0) return null
  const names = paused.map(({ Config }) => replicaName(Config.Labels)).join(', ')
  const command = `docker unpause ${paused.map(({ Name, Id }) => Name.replace(/^\//, '') || Id).join(' ')}`
  return `${names} ${paused.length === 1 ? 'is' : 'are'} paused and serve${paused.length === 1 ? 's' : ''} no client; to resume: ${command}`
}

/** Returns a one-line message that says why scaling is incomplete and what to do; null if the requested number of replicas exists. */
export function scalingProblem(containers: readonly Container[], wanted: number): string | null {
  const count = replicasAmong(containers).length
  const unstarted = unstartedAmong(containers).map(({ Config }) => replicaName(Config.Labels))
  if (count === wanted && unstarted.length === 0) return null
  return [
    ...(count === wanted ? [] : [`there are ${count} replicas instead of ${wanted}`]),
    ...(unstarted.length === 0 ? [] : [`created, but not started: ${unstarted.join(', ')}`]),
    ...[pausedHint(containers)].filter((hint) => hint !== null),
  ].join('; ')
}

/** Returns the number that Compose assigned to a container within its service. */
export function containerNumber(labels: Readonly<Record<string, string>>): number {
  return Number(labels['com.docker.compose.container-number'])
}

/** Returns the name that a replica has in metrics, messages and commands, for example ws-3. */
export function replicaName(labels: Readonly<Record<string, string>>, service: string = services.ws): string {
  return `${service}-${containerNumber(labels)}`
}
