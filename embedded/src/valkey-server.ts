/** A Valkey of a lab's own, where the program is installed: started, taken away and brought back with what it knew. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** Either speaks the same protocol. */
const programs = ['valkey-server', 'redis-server'] as const
const startWithinMs = 5_000
const stopWithinMs = 5_000

/** The program on the PATH; undefined when there is none. */
export function findValkey(): string | undefined {
  return programs.find((program) => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0)
}

export interface ValkeyServer {
  readonly url: string
  /** Ends it, or starts it again with its data. Resolves when it is gone, or answers. */
  set(up: boolean): Promise<void>
  end(): Promise<void>
}

/**
 * Starts it on a free port. Rejects when it does not answer.
 * @param folder for its data
 * @param onSpawn told of each process
 */
export async function startValkey(program: string, folder: string, onSpawn: (child: ChildProcess) => void): Promise<ValkeyServer> {
  const port = await freePort()
  const args = ['--port', port, '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'yes', '--appendfsync', 'no']
  let running: ChildProcess | undefined
  async function start(): Promise<void> {
    const child = spawn(program, args.map(String), { stdio: 'ignore', detached: true })
    onSpawn(child)
    running = child
    const until = performance.now() + startWithinMs
    while (!(await answers(port))) {
      if (child.exitCode !== null || performance.now() > until) throw new Error(`${program} does not answer at port ${port}`)
      await sleep(50)
    }
  }
  async function stop(): Promise<void> {
    const child = running
    running = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), stopWithinMs)
    await exited
    clearTimeout(timer)
  }
  await start()
  return {
    url: `valkey://127.0.0.1:${port}`,
    set: async (up) => {
      if (!up) return stop()
      if (running === undefined) await start()
    },
    end: stop,
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

/** Whether it says PONG: a port that is open may be loading its data yet. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'))
    socket.setTimeout(500, () => socket.destroy())
    socket.once('data', (data) => {
      resolve(String(data).startsWith('+PONG'))
      socket.destroy()
    })
    socket.once('error', () => resolve(false))
    socket.once('close', () => resolve(false))
  })
}
