/**
 * Sees to it that no process outlives the lab. A lab that is killed can't end its children, and a child that hangs doesn't
 * notice that its parent is gone; so a third process knows all of them, and waits for the end of its standard input.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('./guard-process.ts', import.meta.url))

export interface Guard {
  /** From now on, until it exits by itself, this child ends with us. */
  watch(child: ChildProcess): void
  /** Ends the guard, and with it whatever still runs. */
  end(): void
}

/** @param say told when the guard itself is gone */
export function startGuard(say: (line: string) => void): Guard {
  const guard = spawn(process.execPath, [script], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
  let ending = false
  guard.once('exit', (code, signal) => {
    if (!ending) say(`the guard is gone (${signal ?? code}): should the lab be killed, its replicas will stay`)
  })
  // That it is gone is said above.
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
