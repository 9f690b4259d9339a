/** What the kernel says about processes and cores. Linux only. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, platform } from 'node:os'

/** USER_HZ: the unit of times in /proc/<pid>/stat and /proc/stat. */
const ticksPerSecond = 100

/** The server's core and the one of the load generator. */
export const cores = { generator: 0, server: 1 } as const

/** The most sockets one process holds in a run, with what a process needs besides. */
const filesNeeded = 11_000

/**
 * @param pids processes of which all threads count
 * @returns CPU seconds they used so far, in user space and kernel, to 10 ms
 */
export function cpuSeconds(pids: readonly number[]): number {
  let ticks = 0
  for (const pid of pids) {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name in parentheses may hold spaces; utime and stime are the 14th and 15th field.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    ticks += Number(fields[11]) + Number(fields[12])
  }
  return ticks / ticksPerSecond
}

/** @returns seconds the two cores of the bench were busy so far, with anything */
export function coresBusySeconds(): number {
  let ticks = 0
  for (const line of readFileSync('/proc/stat', 'utf8').split('\n')) {
    const [name, user, nice, system, , , irq, softirq, steal] = line.split(/\s+/)
    if (name !== `cpu${cores.generator}` && name !== `cpu${cores.server}`) continue
    for (const part of [user, nice, system, irq, softirq, steal]) ticks += Number(part)
  }
  return ticks / ticksPerSecond
}

/** Moves this process with all its threads to the generator's core. */
export function pinGenerator(): void {
  execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', String(cores.generator), String(process.pid)], { stdio: 'ignore' })
}

/** @returns one line for each thing this machine lacks for the bench; none when it has all */
export function lacking(): string[] {
  if (platform() !== 'linux') return [`Linux is needed, for taskset and /proc; this is ${platform()}.`]
  const problems: string[] = []
  if (availableParallelism() < 2)
    problems.push('Two cores are needed, one for the server and one for the generator; this process may use 1.')
  try {
    execFileSync('taskset', ['--version'], { stdio: 'ignore' })
  } catch {
    problems.push('taskset is needed (package util-linux); it does not run here.')
  }
  const files = Number(/Max open files\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? Number.NaN)
  if (files < filesNeeded)
    problems.push(`${filesNeeded} open files per process are needed; the limit is ${files}. Raise it: ulimit -n 25000`)
  return problems
}

/** @returns one line about the hardware and the kernel */
export function machine(): string {
  const release = readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim()
  return `${availableParallelism()} cores (${cpus()[0]?.model.trim() ?? 'model unknown'}), Linux ${release}`
}
