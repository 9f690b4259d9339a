/** Opens the inspector of a child process, which has been started with `--inspect-port=127.0.0.1:0`. */
import type { ChildProcess } from 'node:child_process'

const opensWithinMs = 10_000
const askEveryMs = 500

/** The port that its inspector listens at. Rejects when it does not say so within 10 s. */
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
    // It may be about to close after the call before, which swallows the signal.
    const asking = setInterval(() => child.kill('SIGUSR1'), askEveryMs)
  })
}
