/**
 * One connection to Valkey that comes back by itself. Each attempt is a client of its own that is thrown away when it fails:
 * whatever an abandoned one still hears concerns nobody.
 */
import { createClient, type RedisClientType } from '@redis/client'
import { type Script, scripts } from './scripts.ts'

// biome-ignore lint/complexity/noBannedTypes: the library's way of saying that nothing is added to its commands
type Client = RedisClientType<{}, {}, {}, 3, {}>
export type Argument = string | Buffer
export type CommandOptions = NonNullable<Parameters<Client['sendCommand']>[1]>

export interface LinkOptions {
  url: string
  /** How Valkey lists the connection. */
  name: string
  /** What to subscribe to. Messages come after the answers that Valkey gave before them. */
  subscription?: { channel: string; onMessage: (text: string) => void }
  /** How long Valkey may be silent while an answer is due, in milliseconds. */
  patienceMs: number
  onUp: () => void
  onDown: (why: Error) => void
}

const tickMs = 100
/** Somebody who asks nothing for this long asks for a sign of life. */
const idleMs = 500
const connectMs = 1000
const backoff = { firstMs: 50, mostMs: 1000 }
/** Commands that may wait for an answer at once. */
const mostUnanswered = 100_000

export class Link {
  private readonly options: LinkOptions
  /** The one that works; undefined while there is none. */
  private client: Client | undefined
  private connecting: Client | undefined
  private retry: NodeJS.Timeout | undefined
  private ticker: NodeJS.Timeout | undefined
  private failures = 0
  /** What the last attempt failed of. */
  private why: Error | undefined
  private upForMs = 0
  private unanswered = 0
  /** Turns of the loop since something was heard, or asked. Counted, not timed: when this process stood still, it is not Valkey that is late. */
  private quietTicks = 0
  private stopped = false
  private readonly first = Promise.withResolvers<void>()

  constructor(options: LinkOptions) {
    this.options = options
  }

  get up(): boolean {
    return this.client !== undefined
  }

  /** Resolves when the first connection works; never, when there is none. */
  get reached(): Promise<void> {
    return this.first.promise
  }

  /** Why there is no connection, as far as that is known. */
  get reason(): Error | undefined {
    return this.up ? undefined : this.why
  }

  start(): void {
    this.ticker = setInterval(() => this.watch(), tickMs)
    void this.connect()
  }

  /** Asks Valkey. Commands are answered in the order of asking. Rejects when Valkey refuses, or the connection is lost before the answer. */
  send<T>(args: readonly Argument[], options?: CommandOptions): Promise<T> {
    const { client } = this
    if (client === undefined) return Promise.reject(new Error('Valkey is away'))
    if (this.unanswered >= mostUnanswered) return Promise.reject(new Error(`${mostUnanswered} commands wait for Valkey already`))
    if (this.unanswered++ === 0) this.quietTicks = 0
    return client.sendCommand<T>(args, options).then(
      (reply) => {
        this.answered(client)
        return reply
      },
      (error: unknown) => {
        this.answered(client)
        // A script that Valkey does not know any more is loaded when connecting.
        if (error instanceof Error && error.message.startsWith('NOSCRIPT')) this.fail(error)
        throw error
      },
    )
  }

  /** Runs a script. */
  run<T>(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<T> {
    return this.send<T>(['EVALSHA', script.sha, String(keys.length), ...keys, ...args])
  }

  /** Gives the connection up and makes a new one. */
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
      // All at once: over a slow network, one round trip for each would take longer than connecting may.
      await Promise.all(scripts.map(({ text }) => client.sendCommand(['SCRIPT', 'LOAD', text])))
      const { subscription } = this.options
      if (subscription) await client.subscribe(subscription.channel, subscription.onMessage)
      if (!client.isReady) throw new Error('the connection was lost at once')
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
      RESP: 3,
      socket: { connectTimeout: connectMs, reconnectStrategy: false },
      disableOfflineQueue: true,
      disableClientInfo: true,
      maintNotifications: 'disabled',
      // One watch over the connection instead of a timer for each command.
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
      // Its answer, or the lack of one, is seen by this watch.
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
    // Not all replicas at the same moment.
    this.retry = setTimeout(() => void this.connect(), waitMs * (0.5 + Math.random() / 2))
  }
}
