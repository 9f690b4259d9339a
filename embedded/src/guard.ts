/**
 * Ensures that no child process outlives the lab. A killed lab process cannot end its child processes, and a hanging child process does not
 * notice that its parent has exited. The guard is a separate process that stores the ids of the child processes, and kills these processes
 * when its standard input closes.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('./guard-process.ts', import.meta.url))

export interface Guard {
  /** Kills this child process when the lab exits, unless the child process has exited before. */
  watch(child: ChildProcess): void
  /** Ends the guard process, which then kills every watched child process that still runs. */
  end(): void
}

/** @param say called with one log line if the guard process exits early */
export function startGuard(say: (line: string) => void): Guard {
  const guard = spawn(process.execPath, [script], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
  let ending = false
  guard.once('exit', (code, signal) => {
    if (!ending) say(`the guard is gone (${signal ?? code}): if the lab is killed, its replicas will keep running`)
  })
  // A write error means that the guard has exited, which the handler of the event `exit` reports.
  guard.stdin.on('error', () => {})
  guard.unref()
  return {
    watch: (child) => {
      if (child.pid === undefined) return
      guard.stdin.write(`+${child.pid}\n`)
      child.once('exit', () => guard.stdin.write(`-${child.pid}\n`))
    },
    end: () => {
      ending = true
      guard.stdin.end()
    },
  }
}
