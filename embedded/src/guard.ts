/**
 * Ensures that no child process outlives the lab. If the lab process is killed, it cannot end its child processes, and a hanging child
 * process does not notice that its parent has exited. The guard is a separate process that tracks the ids of the lab's child processes and
 * kills them when the guard's standard input closes.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('./guard-process.ts', import.meta.url))

/** A child process, or any other object with the same process id and `exit` event. */
export type Watched = Pick<ChildProcess, 'pid'> & { once(event: 'exit', listener: () => void): unknown }

export interface Guard {
  /** Ensures that a child process is killed if it is still running when the lab exits. */
  watch(child: Watched): void
  /** Ends the guard process, which first kills every watched child process that is still running. */
  end(): void
}

/** @param say called with one log line if the guard process exits before the lab ends */
export function startGuard(say: (line: string) => void): Guard {
  const guard = spawn(process.execPath, [script], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
  let ending = false
  guard.once('exit', (code, signal) => {
    if (!ending) say(`the guard is gone (${signal ?? code}): if the lab is killed, its replicas will keep running`)
  })
  // A write error means that the guard has exited; the `exit` event handler reports that.
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
