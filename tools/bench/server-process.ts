/** Starts a server as a child process on a separate core, communicates with the server over IPC, and stops it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Address, BenchClients } from './client.ts'
import type { Memory, Request } from './preload.ts'
import { cores } from './process-info.ts'

const startTimeoutMs = 15_000
const answerTimeoutMs = 30_000
const endTimeoutMs = 5_000
const maxErrorCharacters = 4_000
const host = '127.0.0.1'
const preload = fileURLToPath(new URL('preload.ts', import.meta.url))

/** A server program to be measured: its TypeScript file and its environment variables. */
export interface Program {
  file: URL
  env: Readonly<Record<string, string>>
}

/** Resolves with a local address whose port was free at the time of the check. */
export async function freeAddress(): Promise<Address> {
  const probe = createServer().listen(0, host)
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return { host, port: address.port }
}

/**
 * Waits until a socket can be opened at the given address.
 * @param failed a promise that rejects if the server exits; the function then rejects with the same error
 * @throws Error if no socket opens within 15 s
 */
export async function socketsOpen(address: Address, failed: Promise<never> = new Promise(() => {})): Promise<void> {
  const deadline = Date.now() + startTimeoutMs
  for (;;) {
    const probe = new BenchClients()
    try {
      await Promise.race([probe.open(address, 1), failed])
      return
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`no socket opens at ${address.host}:${address.port}`, { cause: error })
      await Promise.race([sleep(50), failed])
    } finally {
      probe.end()
    }
  }
}

/** A running server. */
export class ServerProcess {
  readonly address: Address
  readonly pid: number
  /** Rejects if the server exits unexpectedly. */
  readonly died: Promise<never>
  readonly #child: ChildProcess
  #errors = ''

  private constructor(child: ChildProcess, address: Address) {
    if (child.pid === undefined) throw new Error('the server did not start')
    this.#child = child
    this.pid = child.pid
    this.address = address
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = (this.#errors + text).slice(-maxErrorCharacters)
    })
    this.died = once(child, 'exit').then(([code, signal]) => {
      throw new Error(`the server exited unexpectedly (${code ?? signal}) ${this.#errors}`)
    })
    // Without this empty handler, the unhandled rejection would end the benchmark with a stack trace.
    this.died.catch(() => {})
  }

  /**
   * Starts a program with PORT, INTERNAL_PORT and HOST set, and waits until it accepts connections.
   * @throws Error with the program's error output if it does not accept connections within 15 s
   */
  static async start(program: Program): Promise<ServerProcess> {
    const [address, internal] = [await freeAddress(), await freeAddress()]
    const args = ['--cpu-list', String(cores.server), process.execPath, '--expose-gc', '--import', preload, fileURLToPath(program.file)]
    const child = spawn('taskset', args, {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: {
        PATH: process.env.PATH,
        ...program.env,
        HOST: host,
        PORT: String(address.port),
        INTERNAL_PORT: String(internal.port),
      },
    })
    const server = new ServerProcess(child, address)
    const endWithUs = () => child.kill('SIGKILL')
    process.once('exit', endWithUs)
    child.once('exit', () => process.off('exit', endWithUs))
    try {
      await socketsOpen(address, server.died)
      return server
    } catch (error) {
      await server.end()
      throw error
    }
  }

  /** Reads the server's memory usage. @param collect whether the server first runs a garbage collection */
  async memory(collect: boolean): Promise<Memory> {
    return (await this.#ask({ ask: 'memory', collect })) as Memory
  }

  /** Switches the feature under test on or off. */
  async switch(on: boolean): Promise<void> {
    await this.#ask({ ask: 'switch', on })
  }

  /** Records a CPU profile of the server during a measurement, and writes the profile to a file. */
  async profiled<T>(file: string, measured: () => Promise<T>): Promise<T> {
    await this.#ask({ ask: 'profile' })
    const result = await measured()
    await this.#ask({ ask: 'profileEnd', file })
    return result
  }

  /** Kills the server, because draining it would only waste time. */
  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exit = once(this.#child, 'exit', { signal: AbortSignal.timeout(endTimeoutMs) })
    this.#child.kill('SIGKILL')
    await exit
  }

  async #ask(request: Request): Promise<unknown> {
    const answer = once(this.#child, 'message', { signal: AbortSignal.timeout(answerTimeoutMs) })
    this.#child.send(request)
    const [message] = await Promise.race([answer, this.died])
    return message
  }
}
