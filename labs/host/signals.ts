/** Defines how every lab command ends: its exit codes, and its handling of signals and closed pipes. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { LabError } from './lab-error.ts'

/**
 * Exit codes of a command: 0 for the expected result, 1 for any other result, 2 if the command could not start its work, and 130 if it was
 * interrupted.
 */
export const exitCodes = { ok: 0, failed: 1, notTried: 2, interrupted: 130 } as const

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Returns an AbortSignal that aborts at the first SIGINT, SIGTERM or SIGHUP. Additional signals do not end the process, so that it can
 * finish undoing its changes.
 * @param say called with the signal's name and whether it is the first signal
 */
export function stopOnSignals(say: (signal: string, first: boolean) => void): AbortSignal {
  const stop = new AbortController()
  // The listener is not added with `once`, because a second signal would then end the process before its changes have been undone.
  for (const signal of signals) {
    process.on(signal, () => {
      say(signal, !stop.signal.aborted)
      stop.abort(new LabError(`ended by ${signal}`))
    })
  }
  return stop.signal
}

/** Ends the process quietly if the reader of its output closes the pipe, as `head` does. */
export function endOnClosedPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
      process.exit()
    })
  }
}

/** Interval at which this process checks whether its parent processes are still running. Milliseconds. */
const watchMs = 500

/**
 * Sends SIGTERM to this process when the npm process that started it has ended, because npm does not forward signals. This process's direct
 * parent may be the shell that runs the npm script, and that shell may outlive npm. A process that was not started by npm may outlive its
 * parent, as with nohup.
 */
export function endWithNpm(): void {
  if (process.env.npm_command === undefined) return
  const parent = process.ppid
  const above = parentOf(parent)
  const watched = above !== undefined && /^-?(\S*\/)?\w*sh$/.test(above.name) ? [parent, above.pid] : [parent]
  const watch = setInterval(() => {
    if (process.ppid === parent && watched.every(isAlive)) return
    clearInterval(watch)
    process.kill(process.pid, 'SIGTERM')
  }, watchMs)
  watch.unref()
}

/** Returns the name of a process and the ID of its parent; undefined if the platform does not provide this information, as on Windows. */
function parentOf(pid: number): { name: string; pid: number } | undefined {
  try {
    const [, name = '', parent] = /\((.*)\) \S (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? []
    return { name, pid: Number(parent) }
  } catch {
    const ps = spawnSync('ps', ['-o', 'ppid=,comm=', '-p', String(pid)], { encoding: 'utf8' })
    const [, parent, name = ''] = /^\s*(\d+)\s+(.*)/.exec(ps.stdout ?? '') ?? []
    return parent === undefined ? undefined : { name: name.trim(), pid: Number(parent) }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
