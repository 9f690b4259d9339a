/** Reads working sets, as defined by the kubelet, from the Docker Engine API. */

import { replicaName } from '@lab/host/replicas.ts'
import { z } from 'zod'
import type { WorkingSet } from '../ports.ts'
import { type DockerService, get, listContainers } from './docker.ts'

const statsSchema = z.object({
  read: z.iso.datetime(),
  memory_stats: z.object({ usage: z.number().optional(), stats: z.record(z.string(), z.number()).optional() }),
})

/** Returns the working set of each running container. Rejects if Docker does not respond or reports an error. */
export async function readWorkingSets(host: string, target: DockerService, signal: AbortSignal): Promise<WorkingSet[]> {
  const listed = await listContainers(host, target, signal)
  const sets = await Promise.all(
    listed.map(async ({ Id, Labels }) => {
      // Without the one-shot parameter, Docker would wait for a second sample, which is needed only for computing rates.
      const answer = await get(host, `/containers/${Id}/stats?stream=false&one-shot=true`, signal)
      return answer === null ? null : workingSetOf(answer, replicaName(Labels, target.service))
    }),
  )
  return sets.filter((set) => set !== null)
}

/** Returns the working set from Docker's response, or null if the container is not running. */
export function workingSetOf(answer: unknown, name: string): WorkingSet | null {
  const { read, memory_stats: memory } = statsSchema.parse(answer)
  if (memory.usage === undefined) return null
  // In cgroups v1, total_inactive_file includes child groups.
  const inactiveFile = memory.stats?.total_inactive_file ?? memory.stats?.inactive_file ?? 0
  return { name, bytes: Math.max(0, memory.usage - inactiveFile), timeSeconds: Date.parse(read) / 1000 }
}
