/** Working sets as the Docker Engine's API shows them, counted as kubelet does. Reads only. */
import { z } from 'zod'
import type { WorkingSet } from '../ports.ts'
import { type DockerService, get, listContainers, replicaName } from './docker.ts'

const statsSchema = z.object({
  read: z.iso.datetime(),
  memory_stats: z.object({ usage: z.number().optional(), stats: z.record(z.string(), z.number()).optional() }),
})

/** One for each container that runs. Rejects when Docker can't be read. */
export async function readWorkingSets(host: string, target: DockerService, signal: AbortSignal): Promise<WorkingSet[]> {
  const listed = await listContainers(host, target, signal)
  const sets = await Promise.all(
    listed.map(async ({ Id, Labels }) => {
      // Without one-shot Docker waits for a second sample, which only rates need.
      const answer = await get(host, `/containers/${Id}/stats?stream=false&one-shot=true`, signal)
      return answer === null ? null : workingSetOf(answer, replicaName(Labels, target.service))
    }),
  )
  return sets.filter((set) => set !== null)
}

/** null: the container does not run. */
export function workingSetOf(answer: unknown, name: string): WorkingSet | null {
  const { read, memory_stats: memory } = statsSchema.parse(answer)
  if (memory.usage === undefined) return null
  // Version 1 of control groups counts those below as well under names of their own.
  const inactiveFile = memory.stats?.total_inactive_file ?? memory.stats?.inactive_file ?? 0
  return { name, bytes: Math.max(0, memory.usage - inactiveFile), timeSeconds: Date.parse(read) / 1000 }
}
