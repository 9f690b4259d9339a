/** The load driver's handle: a process of its own holds the sockets, so that they cost the lab's own loop nothing. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { LoadReport, LoadWish } from './load-messages.ts'

const worker = new URL('./load-worker.ts', import.meta.url).pathname

export interface Load {
  /** How many sockets there shall be from now on. */
  want(sockets: number): void
  /** As reported last. */
  report(): LoadReport
  end(): Promise<void>
}

/** Most sockets the knob allows. */
export const maxSockets = 5_000
const endWithinMs = 5_000

/** Starts the driver. @param url where sockets go, as in ws://127.0.0.1:8000/ws */
export function startLoad(url: string, say: (line: string) => void): Load {
  const child = fork(worker, [url], { detached: true, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const exited = once(child, 'exit')
  let ending = false
  let report: LoadReport = { wanted: 0, open: 0, answeredPerSecond: 0, p50Ms: null, p95Ms: null, moves: 0, lost: 0, reconnects: 0 }
  child.on('message', (message) => {
    report = message as LoadReport
  })
  void exited.then(() => {
    if (!ending) say('the load driver ended; its sockets are gone')
    report = { ...report, wanted: 0, open: 0, answeredPerSecond: 0 }
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
