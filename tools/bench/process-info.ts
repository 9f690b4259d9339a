/** Reads information about processes and cores from the kernel. Linux only. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, platform } from 'node:os'

/** USER_HZ: the number of ticks per second in /proc/PID/stat and /proc/stat. */
const ticksPerSecond = 100

/** The CPU cores on which the load generator and the server run. */
export const cores = { generator: 0, server: 1 } as const

/** The number of files that a process must be able to open: its maximum number of sockets, plus a reserve. */
const filesNeeded = 11_000

/**
 * Returns the total CPU time of the given processes, including all their threads.
 * @returns CPU time in user space and in the kernel, in seconds, with a resolution of 10 ms
 */
export function cpuSeconds(pids: readonly number[]): number {
  let ticks = 0
  for (const pid of pids) {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // In /proc/PID/stat, the process name is in parentheses and may contain spaces; utime and stime are fields 14 and 15.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    ticks += Number(fields[11]) + Number(fields[12])
  }
  return ticks / ticksPerSecond
}

/** Returns the total busy time of the benchmark's two cores, in seconds. */
export function coresBusySeconds(): number {
  let ticks = 0
  for (const line of readFileSync('/proc/stat', 'utf8').split('\n')) {
    const [name, user, nice, system, , , irq, softirq, steal] = line.split(/\s+/)
    if (name !== `cpu${cores.generator}` && name !== `cpu${cores.server}`) continue
    for (const part of [user, nice, system, irq, softirq, steal]) ticks += Number(part)
  }
  return ticks / ticksPerSecond
}

/** Pins this process and all its threads to the load generator's core. */
export function pinGenerator(): void {
  execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', String(cores.generator), String(process.pid)], { stdio: 'ignore' })
}

/** Lists the benchmark requirements that this machine does not meet, one line each; the list is empty if the machine meets them all. */
export function lacking(): string[] {
  if (platform() !== 'linux') return [`Linux is required, for taskset and /proc; this system is ${platform()}.`]
  const problems: string[] = []
  if (availableParallelism() < 2)
    problems.push('Two cores are required, one for the server and one for the load generator; this process may use only one.')
  try {
    execFileSync('taskset', ['--version'], { stdio: 'ignore' })
  } catch {
    problems.push('taskset is required (package util-linux), but it does not run.')
  }
  const files = Number(/Max open files\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? Number.NaN)
  if (files < filesNeeded)
    problems.push(`${filesNeeded} open files per process are required; the limit is ${files}. To raise it: ulimit -n 25000`)
  return problems
}

/** Describes the hardware and the kernel in one line. */
export function machine(): string {
  const release = readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim()
  return `${availableParallelism()} cores (${cpus()[0]?.model.trim() ?? 'model unknown'}), Linux ${release}`
}
