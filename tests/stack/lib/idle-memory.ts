/** Measures how much memory the stack uses without load. */
import { docker } from '@lab/host/docker.ts'
import { containers, type Stack, serviceOf } from './stack.ts'

/** Returns the memory usage of each service without load, and the total, according to `docker stats`. */
export async function measureIdleMemory(stack: Stack): Promise<{ idleMemoryMiB: number; byServiceMiB: Record<string, number> }> {
  const running = await containers(stack)
  const byService: Record<string, number> = {}
  for (const { ID, MemUsage } of await statsOf(running.map(({ Id }) => Id))) {
    const container = running.find(({ Id }) => Id === ID)
    if (!container) throw new Error(`docker stats shows an unknown container ${ID}`)
    const service = serviceOf(container)
    byService[service] = Math.round(((byService[service] ?? 0) + bytesOf(MemUsage) / 2 ** 20) * 10) / 10
  }
  const total = Object.values(byService).reduce((sum, value) => sum + value, 0)
  return { idleMemoryMiB: Math.round(total), byServiceMiB: byService }
}

/** Returns what `docker stats` shows for the given containers, which must be running. */
export async function statsOf(names: readonly string[]): Promise<{ ID: string; Name: string; MemUsage: string }[]> {
  const lines = (await docker(['stats', '--no-stream', '--no-trunc', '--format', 'json', ...names])).split('\n')
  return lines.filter(Boolean).map((line) => JSON.parse(line) as { ID: string; Name: string; MemUsage: string })
}

const unitBytes: Readonly<Record<string, number>> = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 }

/** Parses a number of bytes as `docker stats` shows it, such as `45.2MiB / 512MiB`, of which the first value counts. */
export function bytesOf(shown: string): number {
  const [, value, unit = ''] = /^([\d.]+)([A-Za-z]+)/.exec(shown) ?? []
  const factor = unitBytes[unit]
  if (value === undefined || factor === undefined) throw new Error(`docker stats shows ${shown}`)
  return Number(value) * factor
}
