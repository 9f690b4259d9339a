/** Opens the inspector of a child process that was started with `--inspect-port=127.0.0.1:0`. */
import type { ChildProcess } from 'node:child_process'

const opensWithinMs = 10_000
const askEveryMs = 500

/**
 * Resolves with the port on which the child's inspector listens. Rejects if the child process does not report its inspector port within 10
 * s.
 */
export function openInspector(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let said = ''
    const end = (settle: () => void) => {
      clearTimeout(timer)
      clearInterval(asking)
      child.stderr?.off('data', hear)
      settle()
    }
    const hear = (data: Buffer) => {
      said = `${said}${data}`.slice(-2_000)
      const port = /Debugger listening on ws:\/\/127\.0\.0\.1:(\d+)\//.exec(said)?.[1]
      if (port !== undefined) end(() => resolve(Number(port)))
    }
    const timer = setTimeout(() => end(() => reject(new Error(`the inspector did not open within ${opensWithinMs} ms`))), opensWithinMs)
    child.stderr?.on('data', hear)
    child.kill('SIGUSR1')
    // SIGUSR1 is sent repeatedly, because the child ignores it while it is still closing the inspector after an earlier call.
    const asking = setInterval(() => child.kill('SIGUSR1'), askEveryMs)
  })
}
