/**
 * Maintains a connection to Valkey that reconnects automatically. Each connection attempt uses a new Valkey client, which is discarded when
 * the attempt fails, so that late events from an old client are ignored.
 */
import { RedisClient, type RedisClientType } from '@redis/client'
import { type Script, scripts } from './scripts.ts'

// biome-ignore lint/complexity/noBannedTypes: the library's type for a client without additional commands
type Client = RedisClientType<{}, {}, {}, 3, {}>
/**
 * Creates a Valkey client. For each new configuration, the Valkey client library builds a class with all Valkey commands, which takes 12 ms
 * of CPU time. All connection attempts share one client class, so that it is built only once.
 */
const createClient = RedisClient.factory()

export type Argument = string | Buffer
export type CommandOptions = NonNullable<Parameters<Client['sendCommand']>[1]>

export interface ConnectionOptions {
  url: string
  /** The name of the connection in Valkey's client list. */
  name: string
  /**
   * The channel to which the connection subscribes. Messages from the subscribed channel are handled after all replies that Valkey sent
   * before them.
   */
  subscription?: { channel: string; onMessage: (text: string) => void }
  /** If a reply is pending and no data arrives from Valkey for this long, the connection is closed. Milliseconds. */
  patienceMs: number
  onUp: () => void
  onDown: (why: Error) => void
}

const tickMs = 100
/** If a connection has sent no command for this long, it sends a PING. Milliseconds. */
const idleMs = 500
const connectMs = 1000
const backoff = { firstMs: 50, mostMs: 1000 }
/** Maximum number of commands that may be waiting for a reply. */
const mostUnanswered = 100_000

/** The interface through which stores use Valkey. The `onUp` and `onDown` callbacks report when a connection is established or lost. */
export interface ValkeyConnection {
  readonly up: boolean
  /** Resolves when the first connection is established. */
  readonly reached: Promise<void>
  /** The reason why the replica is not connected to Valkey, if the reason is known. */
  readonly reason: Error | undefined
  start(): void
  /**
   * Sends a command. Valkey's replies arrive in the order in which the commands were sent. The promise rejects if Valkey refuses the
   * command or the connection is lost first.
   */
  send<T>(args: readonly Argument[], options?: CommandOptions): Promise<T>
  /** Runs a script. */
  run<T>(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<T>
  /** Closes the connection to Valkey and opens a new one. */
  fail(why: Error): void
  stop(): void
}

export type MakeConnection = (options: ConnectionOptions) => ValkeyConnection

export class ReconnectingConnection implements ValkeyConnection {
  private readonly options: ConnectionOptions
  /** The connected Valkey client; undefined while the replica is not connected to Valkey. */
  private client: Client | undefined
  private connecting: Client | undefined
  private retry: NodeJS.Timeout | undefined
  private ticker: NodeJS.Timeout | undefined
  private failures = 0
  /** The error from the last connection attempt. */
  private why: Error | undefined
  private upForMs = 0
  private unanswered = 0
  /**
   * The number of timer ticks since Valkey's last reply, or since the oldest command that is waiting for a reply was sent, whichever is
   * later. Ticks are counted instead of time, so that a suspended process does not mistake its own pause for silence from Valkey.
   */
  private quietTicks = 0
  private stopped = false
  private readonly first = Promise.withResolvers<void>()

  constructor(options: ConnectionOptions) {
    this.options = options
  }

  get up(): boolean {
    return this.client !== undefined
  }

  get reached(): Promise<void> {
    return this.first.promise
  }

  get reason(): Error | undefined {
    return this.up ? undefined : this.why
  }

  start(): void {
    this.ticker = setInterval(() => this.watch(), tickMs)
    void this.connect()
  }

  send<T>(args: readonly Argument[], options?: CommandOptions): Promise<T> {
    const { client } = this
    if (client === undefined) return Promise.reject(new Error('Valkey is not connected'))
    if (this.unanswered >= mostUnanswered) return Promise.reject(new Error(`${mostUnanswered} commands are already waiting for Valkey`))
    if (this.unanswered++ === 0) this.quietTicks = 0
    return client.sendCommand<T>(args, options).then(
      (reply) => {
        this.answered(client)
        return reply
      },
      (error: unknown) => {
        this.answered(client)
        // Scripts are loaded on every new connection, so reconnecting also restores a script that Valkey no longer has.
        if (error instanceof Error && error.message.startsWith('NOSCRIPT')) this.fail(error)
        throw error
      },
    )
  }

  run<T>(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<T> {
    return this.send<T>(['EVALSHA', script.sha, String(keys.length), ...keys, ...args])
  }

  fail(why: Error): void {
    if (this.client !== undefined) this.lost(this.client, why)
  }

  stop(): void {
    this.stopped = true
    clearInterval(this.ticker)
    clearTimeout(this.retry)
    this.client?.destroy()
    this.connecting?.destroy()
    this.client = this.connecting = undefined
  }

  private async connect(): Promise<void> {
    const client = this.newClient()
    this.connecting = client
    const late = setTimeout(() => client.destroy(), connectMs)
    try {
      await client.connect()
      // All scripts are loaded in one round trip: over a slow network, one round trip per script would exceed the connect timeout.
      await Promise.all(scripts.map(({ text }) => client.sendCommand(['SCRIPT', 'LOAD', text])))
      const { subscription } = this.options
      if (subscription) await client.subscribe(subscription.channel, subscription.onMessage)
      if (!client.isReady) throw new Error('the connection was lost immediately')
    } catch (error) {
      client.destroy()
      this.why = error as Error
      this.later()
      return
    } finally {
      clearTimeout(late)
    }
    if (this.stopped) return
    this.connecting = undefined
    this.client = client
    this.unanswered = this.quietTicks = this.upForMs = 0
    this.options.onUp()
    this.first.resolve()
  }

  private newClient(): Client {
    const client = createClient({
      url: this.options.url.replace(/^valkey/, 'redis'),
      name: this.options.name,
      socket: { connectTimeout: connectMs, reconnectStrategy: false },
      disableOfflineQueue: true,
      disableClientInfo: true,
      maintNotifications: 'disabled',
      // The connection's own timer detects missing replies, so individual commands need no timeout.
      commandOptions: { timeout: 0 },
    })
    client.on('error', (error: Error) => this.lost(client, error))
    return client
  }

  private answered(client: Client): void {
    if (client !== this.client) return
    this.unanswered--
    this.quietTicks = 0
  }

  private watch(): void {
    if (this.client === undefined) return
    this.upForMs += tickMs
    if (this.upForMs >= backoff.mostMs) this.failures = 0
    const quietMs = ++this.quietTicks * tickMs
    if (this.unanswered === 0) {
      // If Valkey does not reply to the PING, a later timer tick detects this.
      if (quietMs >= idleMs) this.send(['PING']).catch(() => {})
    } else if (quietMs > this.options.patienceMs) this.lost(this.client, new Error(`no answer for ${this.options.patienceMs} ms`))
  }

  private lost(client: Client, why: Error): void {
    if (client !== this.client) return
    this.client = undefined
    this.why = why
    client.destroy()
    this.options.onDown(why)
    this.later()
  }

  private later(): void {
    if (this.stopped) return
    const waitMs = Math.min(backoff.mostMs, backoff.firstMs * 2 ** Math.min(this.failures++, 10))
    // The reconnect delay is random, so that replicas do not all reconnect at the same moment.
    this.retry = setTimeout(() => void this.connect(), waitMs * (0.5 + Math.random() / 2))
  }
}
