/** Runs the state machine from machine.ts with real sockets and timers. */
import { Machine } from './machine.ts'
import type { Action } from './report.ts'
import { standardEnvironment } from './standard.ts'
import type { Client, ClientOptions, Environment, Socket } from './types.ts'

export type * from './types.ts'

/** Maximum time that `forgetReplica` may delay a connection attempt. Milliseconds. */
const forgetTimeoutMs = 2_000

/**
 * Creates a client, which connects immediately. The client keeps reconnecting until `close()` is called or the server sends a close code
 * that forbids reconnecting.
 * @param environment the sockets, timers, clocks and random numbers that the client uses; defaults to those of the browser or Node
 */
export function createClient(options: ClientOptions, environment: Environment = standardEnvironment()): Client {
  const machine = new Machine({
    idPrefix: idPrefix(environment),
    backoff: { mode: options.backoff ?? 'full-jitter', baseMs: options.backoffBaseMs ?? 1_000, capMs: options.backoffCapMs ?? 30_000 },
    stableMs: options.stableMs ?? 10_000,
    connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
    answerTimeoutMs: options.answerTimeoutMs ?? 10_000,
    maxUnanswered: options.maxUnanswered ?? 1_000,
    ackEvery: options.ackEvery ?? 50,
    ackAfterMs: options.ackAfterMs ?? 5_000,
    trace: options.trace ?? false,
    random: environment.random,
  })
  const shell = new Shell(machine, options, environment)
  shell.run(() => machine.start(environment.steady()))
  const ask = (...[kind, fields]: [Parameters<Machine['request']>[0], Parameters<Machine['request']>[1]]): string => {
    let id = ''
    shell.run(() => {
      id = machine.request(kind, fields, environment.steady())
    })
    return id
  }
  for (const room of options.rooms ?? []) ask('join', { room })
  return {
    get state() {
      return machine.report.state
    },
    get stats() {
      return machine.report.stats
    },
    send: (data) => ask('message', { time: environment.now(), data }),
    broadcast: (room, data) => ask('broadcast', { time: environment.now(), ...(room !== undefined && { room }), data }),
    join: (room) => ask('join', { room }),
    leave: (room) => ask('leave', { room }),
    drop: () => shell.run(() => machine.drop(environment.steady())),
    close: () => shell.run(() => machine.close()),
  }
}

class Shell {
  private readonly machine: Machine
  private readonly options: ClientOptions
  private readonly environment: Environment
  /** Sockets, keyed by connection number; a socket is undefined while its connection attempt waits for `forgetReplica`. */
  private readonly sockets = new Map<number, Socket | undefined>()
  private timer: unknown
  private timerAtMs = Number.POSITIVE_INFINITY
  private running = false

  constructor(machine: Machine, options: ClientOptions, environment: Environment) {
    this.machine = machine
    this.options = options
    this.environment = environment
  }

  /**
   * Runs one step of the state machine and performs the resulting actions. If an event listener starts another step, the actions of that
   * step are performed after those of the current step.
   */
  run(step: () => void): void {
    step()
    if (this.running) return
    this.running = true
    const failures: unknown[] = []
    for (let actions = this.machine.actions(); actions.length > 0; actions = this.machine.actions()) {
      for (const action of actions) {
        try {
          this.perform(action)
        } catch (error) {
          // The remaining actions of a step are performed even if an event listener throws.
          failures.push(error)
        }
      }
    }
    this.running = false
    this.setTimer()
    if (failures.length > 0) throw failures[0]
  }

  private perform(action: Action): void {
    switch (action.do) {
      case 'emit':
        this.options.onEvent(action.event)
        return
      case 'send':
        // Ignores the exception that `send` throws on a closing socket. Pending requests are resent on the next connection.
        tryTo(() => this.sockets.get(action.connection)?.send(action.text))
        return
      case 'close':
        this.hangUp(action)
        return
      case 'dial':
        this.sockets.set(action.connection, undefined)
        if (action.away === undefined || this.options.forgetReplica === undefined) this.dial(action.connection)
        else void this.forgetFirst(action.connection, this.options.forgetReplica, action.away)
    }
  }

  private async forgetFirst(connection: number, forget: NonNullable<ClientOptions['forgetReplica']>, away: 'draining' | 'rebalancing') {
    const { environment } = this
    try {
      let timer: unknown
      const timeout = new Promise<void>((resolve) => {
        timer = environment.setTimer(resolve, forgetTimeoutMs)
      })
      await Promise.race([forget(away), timeout])
      environment.clearTimer(timer)
    } catch (error) {
      this.options.onEvent({ type: 'error', code: undefined, text: `forgetReplica: ${String(error)}` })
    }
    this.dial(connection)
  }

  private dial(connection: number): void {
    // The client abandoned this connection attempt while waiting for `forgetReplica`.
    if (!this.sockets.has(connection)) return
    const { machine, environment } = this
    const { url } = this.options
    const now = () => environment.steady()
    let failure = ''
    try {
      const socket = environment.dial(typeof url === 'string' ? url : url())
      this.sockets.set(connection, socket)
      socket.onopen = () => this.run(() => machine.opened(connection, now()))
      socket.onmessage = (event?: { data?: unknown }) => this.run(() => machine.frame(connection, event?.data, now()))
      // An error event is always followed by a close event, but only the error event contains the cause.
      socket.onerror = (event?: { error?: unknown; message?: unknown }) => {
        failure = String(event?.message ?? event?.error ?? '')
      }
      socket.onclose = (event?: { code?: number; reason?: string }) => {
        this.sockets.delete(connection)
        this.run(() => machine.socketClosed(connection, event?.code ?? 1006, event?.reason || failure, now()))
      }
    } catch (error) {
      this.sockets.delete(connection)
      this.run(() => machine.socketClosed(connection, 1006, String(error), now()))
    }
  }

  private hangUp({ connection, code, reason, cut }: Extract<Action, { do: 'close' }>): void {
    const socket = this.sockets.get(connection)
    this.sockets.delete(connection)
    if (socket === undefined) return
    // The state machine has already ended the connection, so events from its socket are ignored.
    // In Node, an error event without a listener would terminate the process.
    socket.onopen = socket.onmessage = socket.onclose = () => {}
    socket.onerror = () => {}
    if (cut && socket.terminate !== undefined) tryTo(() => socket.terminate?.())
    else tryTo(() => socket.close(code, reason))
  }

  private setTimer(): void {
    const atMs = this.machine.nextAtMs()
    // A timer that fires before anything is due does no harm, because a new timer is then set. This is cheaper than replacing the timer
    // after every frame.
    if (this.timer !== undefined && this.timerAtMs <= atMs && atMs !== Number.POSITIVE_INFINITY) return
    if (this.timer !== undefined) this.environment.clearTimer(this.timer)
    this.timer = undefined
    if (atMs === Number.POSITIVE_INFINITY) return
    this.timerAtMs = atMs
    const delayMs = Math.max(0, Math.ceil(atMs - this.environment.steady()))
    this.timer = this.environment.setTimer(() => {
      this.timer = undefined
      this.run(() => this.machine.tick(this.environment.steady()))
    }, delayMs)
  }
}

/** Performs a socket operation and ignores any exception, because the subsequent close event reports the failure. */
function tryTo(action: () => void): void {
  try {
    action()
  } catch {}
}

/** Returns a random 16-character prefix for the ids of this client's requests. */
function idPrefix({ random }: Environment): string {
  const part = () =>
    Math.floor(random() * 36 ** 8)
      .toString(36)
      .padStart(8, '0')
  return part() + part()
}
