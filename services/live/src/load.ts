/**
 * Controls the load driver, which opens sockets to the lab. The load driver runs in a separate process, so that its sockets do not slow
 * down the lab's event loop.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { type LoadReport, type LoadRequest, noLoad } from './load-messages.ts'

const worker = fileURLToPath(new URL('./load-worker.ts', import.meta.url))

export interface Load {
  /** Sets the number of sockets that the load driver should have open. */
  want(sockets: number): void
  /** Returns the latest report of the load driver. */
  report(): LoadReport
  end(): Promise<void>
}

const endWithinMs = 2_000

/**
 * Starts the driver.
 * @param url the WebSocket URL, such as ws://127.0.0.1:8000/ws
 * @param onSpawn called with the load driver's process
 */
export function startLoad(url: string, log: (line: string) => void, onSpawn: (child: ChildProcess) => void): Load {
  const child = fork(worker, [url], { detached: true, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  onSpawn(child)
  const exited = once(child, 'exit')
  let ending = false
  let report = noLoad
  child.on('message', (message) => {
    report = message as LoadReport
  })
  void exited.then(() => {
    if (!ending) log('the load driver ended, and its sockets are closed')
    report = { ...report, wanted: 0, open: 0, answeredPerSecond: 0, p50Ms: null, p95Ms: null }
  })
  return {
    want: (sockets) => {
      if (child.connected) child.send({ sockets } satisfies LoadRequest)
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
