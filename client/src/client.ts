/** The client: runs the machine of machine.ts with sockets and timers. */
import { Machine } from './machine.ts'
import type { Action } from './report.ts'
import { standardEnvironment } from './standard.ts'
import type { Client, ClientOptions, Environment, Socket } from './types.ts'

export type * from './types.ts'

/** How long `forgetReplica` may hold up a dial. Milliseconds. */
const forgetTimeoutMs = 2_000

/**
 * Makes a client, which connects at once and stays connected until `close()`, or until the server says not to come back.
 * @param environment sockets, timers, clocks and chance; without it those of the browser or of Node
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
  /** Sockets of connections that the machine knows of; undefined while a dial waits. */
  private readonly sockets = new Map<number, Socket | undefined>()
  private timer: unknown
  private timerAtMs = Number.POSITIVE_INFINITY
  private running = false

  constructor(machine: Machine, options: ClientOptions, environment: Environment) {
    this.machine = machine
    this.options = options
    this.environment = environment
  }

  /** Lets the machine take a step and does what it says. What a listener asks for on the way is done after that. */
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
          // A listener that fails must not cost what comes after it.
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
      case 'tell':
        this.options.onEvent(action.event)
        return
      case 'send':
        // A socket that is closing refuses; what was to be sent goes out again on the next one.
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
    // Closed while the dial waited.
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
      // A close always follows; only here is said why.
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
    // The machine has done with it. An error without a listener would end a Node process.
    socket.onopen = socket.onmessage = socket.onclose = () => {}
    socket.onerror = () => {}
    if (cut && socket.terminate !== undefined) tryTo(() => socket.terminate?.())
    else tryTo(() => socket.close(code, reason))
  }

  private setTimer(): void {
    const atMs = this.machine.nextAtMs()
    // One that comes too early finds nothing to do and is set again: cheaper than setting it after each frame.
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

/** Sockets throw where they are not in the state for it; the close that follows says all there is to say. */
function tryTo(action: () => void): void {
  try {
    action()
  } catch {}
}

/** Sixteen characters that no other client has. */
function idPrefix({ random }: Environment): string {
  const part = () =>
    Math.floor(random() * 36 ** 8)
      .toString(36)
      .padStart(8, '0')
  return part() + part()
}
