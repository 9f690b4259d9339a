/** The load driver's handle: a process of its own holds the sockets, so that they cost the lab's own loop nothing. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { type LoadReport, type LoadWish, noLoad } from './load-messages.ts'

const worker = fileURLToPath(new URL('./load-worker.ts', import.meta.url))

export interface Load {
  /** How many sockets there shall be from now on. */
  want(sockets: number): void
  /** As reported last. */
  report(): LoadReport
  end(): Promise<void>
}

/** Most sockets the knob allows. */
export const maxSockets = 5_000
const endWithinMs = 2_000

/**
 * Starts the driver.
 * @param url where sockets go, as in ws://127.0.0.1:8000/ws
 * @param onSpawn told of its process
 */
export function startLoad(url: string, say: (line: string) => void, onSpawn: (child: ChildProcess) => void): Load {
  const child = fork(worker, [url], { detached: true, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  onSpawn(child)
  const exited = once(child, 'exit')
  let ending = false
  let report = noLoad
  child.on('message', (message) => {
    report = message as LoadReport
  })
  void exited.then(() => {
    if (!ending) say('the load driver ended; its sockets are gone')
    report = { ...report, wanted: 0, open: 0, answeredPerSecond: 0, p50Ms: null, p95Ms: null }
  })
  return {
    want: (sockets) => {
      if (child.connected) child.send({ sockets } satisfies LoadWish)
    },
    report: () => report,
    end: async () => {
      ending = true
      if (child.connected) child.disconnect()
      const timer = setTimeout(() => child.kill('SIGKILL'), endWithinMs)
      await exited
      clearTimeout(timer)
    },
  }
}
