/** Reads the resource usage of containers from the Docker Engine API. */

import { replicaName } from '@lab/host/replicas.ts'
import { z } from 'zod'
import type { CpuUsage, ReadWorkingSets, WorkingSet } from '../ports.ts'
import { type DockerService, get, listContainers } from './docker.ts'

const networkSchema = z.object({ rx_bytes: z.number(), tx_bytes: z.number() })
const statsSchema = z.object({
  read: z.iso.datetime(),
  memory_stats: z.object({
    usage: z.number().optional(),
    limit: z.number().optional(),
    stats: z.record(z.string(), z.number()).optional(),
  }),
  cpu_stats: z.object({
    cpu_usage: z.object({ total_usage: z.number() }),
    throttling_data: z.object({ throttled_time: z.number() }).optional(),
  }),
  // Absent if the container shares the network of another container.
  networks: z.record(z.string(), networkSchema).optional(),
  blkio_stats: z.object({ io_service_bytes_recursive: z.array(z.object({ op: z.string(), value: z.number() })).nullish() }).optional(),
})

/** The resource usage of a container. The values for CPU, network and disk are totals since the start of the container. */
export interface ContainerStats {
  /** Time at which Docker read the values, in Unix seconds. */
  readonly timeSeconds: number
  readonly cpuNanoseconds: number
  readonly throttledNanoseconds: number
  /** Memory usage minus the inactive file cache, as in the kubelet. */
  readonly workingSetBytes: number
  /** The memory limit; without a limit, the memory of the machine. */
  readonly memoryLimitBytes: number
  /** Received and sent bytes by network interface. */
  readonly networks: Readonly<Record<string, { readonly receivedBytes: number; readonly sentBytes: number }>>
  readonly diskReadBytes: number
  readonly diskWrittenBytes: number
}

/**
 * Returns the resource usage of a container; null if the container is not running. Rejects if Docker does not respond or reports an error.
 * @param id the full id of the container
 */
export async function readStats(host: string, id: string, signal: AbortSignal): Promise<ContainerStats | null> {
  // Without the one-shot parameter, Docker would wait for a second sample, which is needed only for computing rates.
  const answer = await get(host, `/containers/${id}/stats?stream=false&one-shot=true`, signal)
  return answer === null ? null : statsOf(answer)
}

/** Returns the resource usage in Docker's response; null if the container is not running. */
export function statsOf(answer: unknown): ContainerStats | null {
  const { read, memory_stats: memory, cpu_stats: cpu, networks = {}, blkio_stats: disk } = statsSchema.parse(answer)
  if (memory.usage === undefined) return null
  // In cgroups v1, total_inactive_file includes child groups.
  const inactiveFile = memory.stats?.total_inactive_file ?? memory.stats?.inactive_file ?? 0
  // Docker spells the operations differently in cgroups v1 (Read, Write) and v2 (read, write).
  const transfers = disk?.io_service_bytes_recursive ?? []
  const bytesOf = (operation: string) =>
    transfers.filter(({ op }) => op.toLowerCase() === operation).reduce((sum, { value }) => sum + value, 0)
  return {
    timeSeconds: Date.parse(read) / 1000,
    cpuNanoseconds: cpu.cpu_usage.total_usage,
    throttledNanoseconds: cpu.throttling_data?.throttled_time ?? 0,
    workingSetBytes: Math.max(0, memory.usage - inactiveFile),
    memoryLimitBytes: memory.limit ?? 0,
    networks: Object.fromEntries(
      Object.entries(networks).map(([name, { rx_bytes, tx_bytes }]) => [name, { receivedBytes: rx_bytes, sentBytes: tx_bytes }]),
    ),
    diskReadBytes: bytesOf('read'),
    diskWrittenBytes: bytesOf('write'),
  }
}

/**
 * The shortest window over which CPU usage is measured, in seconds. Several autoscalers may read the same containers within a moment, for
 * which the CPU usage would be meaningless. metrics-server measures over 15 s.
 */
const minWindowSeconds = 10

/** A container's total CPU usage at one point in time. */
interface CpuPoint {
  readonly timeSeconds: number
  readonly cpuNanoseconds: number
}

/** The two points between which a container's CPU usage is measured; `before` is missing until there is a second point. */
interface CpuPoints {
  readonly before?: CpuPoint
  readonly last: CpuPoint
}

/**
 * Returns the points after a new reading. A container whose total has decreased was restarted, and starts again with a single point, as in
 * metrics-server. Pure.
 */
export function pointsAfter(known: CpuPoints | undefined, now: CpuPoint): CpuPoints {
  if (known === undefined || now.cpuNanoseconds < known.last.cpuNanoseconds) return { last: now }
  return now.timeSeconds - known.last.timeSeconds < minWindowSeconds ? known : { before: known.last, last: now }
}

/** Returns the CPU usage between two points, in whole billionths of a core as in metrics-server; undefined for a single point. Pure. */
export function cpuBetween({ before, last }: CpuPoints): CpuUsage | undefined {
  if (before === undefined) return undefined
  const windowSeconds = last.timeSeconds - before.timeSeconds
  const nanocores = Math.trunc((last.cpuNanoseconds - before.cpuNanoseconds) / windowSeconds)
  return { nanocores, timeSeconds: last.timeSeconds, windowSeconds }
}

/**
 * Returns a function that reads the resource usage of each running container of a service. It rejects if Docker does not respond or reports
 * an error. CPU usage is the difference between two calls.
 */
export function usageReader(host: string, target: DockerService): ReadWorkingSets {
  let known = new Map<string, CpuPoints>()
  return async (signal) => {
    const listed = await listContainers(host, target, signal)
    const points = new Map<string, CpuPoints>()
    const usage = await Promise.all(
      listed.map(async ({ Id, Labels }): Promise<WorkingSet[]> => {
        const stats = await readStats(host, Id, signal)
        if (stats === null) return []
        const own = pointsAfter(known.get(Id), stats)
        points.set(Id, own)
        const cpu = cpuBetween(own)
        const { workingSetBytes: bytes, timeSeconds } = stats
        return [{ name: replicaName(Labels, target.service), bytes, timeSeconds, ...(cpu && { cpu }) }]
      }),
    )
    known = points
    return usage.flat()
  }
}
