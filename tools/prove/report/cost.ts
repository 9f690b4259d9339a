/** Computes the cost of a run, once by resource requests and once by usage. Pure. */
import type { Prices } from './prices.ts'
import type { Cost, CostAmount, Resources } from './schema.ts'

const secondsPerHour = 3600

export interface Consumed {
  replicas: Resources['replicas']
  /** Number of messages that were delivered to clients. */
  messages: number
  /** Number of socket hours: the sum of the times for which each socket was open, in hours. */
  socketHours: number
}

/** The cost covers only the replicas, because the router, the store and monitoring do not grow with the number of replicas. */
export function costOf({ replicas, messages, socketHours }: Consumed, prices: Prices): Cost {
  const { currency, perVcpuHour, perGibHour, source, request } = prices
  const perVcpuSecond = perVcpuHour / secondsPerHour
  const perGibSecond = perGibHour / secondsPerHour
  const amount = (vcpuSeconds: number, gibSeconds: number): CostAmount => {
    const [cpu, memory] = [vcpuSeconds * perVcpuSecond, gibSeconds * perGibSecond]
    const total = cpu + memory
    return {
      cpu,
      memory,
      total,
      perMillionMessages: messages === 0 ? null : (total / messages) * 1e6,
      perThousandUserHours: socketHours === 0 ? null : (total / socketHours) * 1e3,
    }
  }
  const replicaSeconds = sum(replicas.map(({ seconds }) => seconds))
  const used = replicas.map(({ cpuSeconds, memoryGibSeconds }) => ({ cpuSeconds, memoryGibSeconds }))
  // If the usage of any replica is unknown, the cost by usage is not reported, because the sum would be too low.
  const known = used.length > 0 && used.every(({ cpuSeconds, memoryGibSeconds }) => cpuSeconds !== null && memoryGibSeconds !== null)
  return {
    currency,
    prices: { perVcpuHour, perGibHour, source },
    request,
    replicaSeconds,
    messages,
    socketHours,
    byRequest: amount(replicaSeconds * request.vcpu, replicaSeconds * request.gib),
    byUsage: known
      ? amount(sum(used.map(({ cpuSeconds }) => cpuSeconds ?? 0)), sum(used.map(({ memoryGibSeconds }) => memoryGibSeconds ?? 0)))
      : null,
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
