/** Measures how much memory the stack uses without load. */
import { docker } from '@lab/host/docker.ts'
import { containers, type Stack, serviceOf } from './stack.ts'

/** Returns the memory usage of each service without load, and the total, according to `docker stats`. */
export async function measureIdleMemory(stack: Stack): Promise<{ idleMemoryMiB: number; byServiceMiB: Record<string, number> }> {
  const running = await containers(stack)
  const lines = (await docker(['stats', '--no-stream', '--no-trunc', '--format', 'json', ...running.map(({ Id }) => Id)])).split('\n')
  const byService: Record<string, number> = {}
  for (const line of lines.filter(Boolean)) {
    const { ID, MemUsage } = JSON.parse(line) as { ID: string; MemUsage: string }
    const container = running.find(({ Id }) => Id === ID)
    if (!container) throw new Error(`docker stats shows an unknown container ${ID}`)
    const service = serviceOf(container)
    byService[service] = Math.round(((byService[service] ?? 0) + mebibytes(MemUsage)) * 10) / 10
  }
  const total = Object.values(byService).reduce((sum, value) => sum + value, 0)
  return { idleMemoryMiB: Math.round(total), byServiceMiB: byService }
}

/** Parses a value such as `45.2MiB / 512MiB`. */
function mebibytes(usage: string): number {
  const match = /^([\d.]+)(B|KiB|MiB|GiB)/.exec(usage)
  const factor = { B: 1 / 2 ** 20, KiB: 1 / 2 ** 10, MiB: 1, GiB: 2 ** 10 }[match?.[2] ?? '']
  if (!match || factor === undefined) throw new Error(`docker stats shows memory as ${usage}`)
  return Number(match[1]) * factor
}
