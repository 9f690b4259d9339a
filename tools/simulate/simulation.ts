/**
 * Performs one simulation run: real clients, real replicas and the model of the store, under one scheduler, with the faults from a plan.
 */
import { createSecretKey } from 'node:crypto'
import { type Client, createClient } from '@lab/client/client.ts'
import type { Environment } from '@lab/client/types.ts'
import { createRandom, type Random } from '@lab/contract/random.ts'
import { readConfig } from '@lab/ws/config.ts'
import type { Snapshot } from '@lab/ws/valkey/model.ts'
import { keys } from '@lab/ws/valkey/scripts.ts'
import { History, type Violation } from './history.ts'
import { type Fault, faultText, type Plan } from './plan.ts'
import { SimulatedReplica } from './simulated-replica.ts'
import { type State, States } from './states.ts'
import { Store } from './store.ts'
import { Timeline } from './timeline.ts'
import { type Message, Wire } from './wire.ts'

export interface Outcome {
  violations: readonly Violation[]
  /** The states that this run has reached, among those that a meaningful simulation must reach. */
  reached: ReadonlySet<State>
  events: number
  /** A hash of all events; two runs with the same events have the same hash. */
  fingerprint: number
}

const epochMs = 1_800_000_000_000
const secret = createSecretKey(Buffer.from('for simulations only'))
const config = settings({ VALKEY_URL: 'valkey://model', HEARTBEAT_INTERVAL: '4000', RESUME_SECRET: 'for simulations only, as above' })
const rooms = ['tea', 'milk'] as const
/** Interval at which the store's data is copied, so that the store can later be reset to a copy. Milliseconds. */
const copyMs = 250
/** Time limit for full recovery after the last fault. Milliseconds. */
const recoveryMs = 40_000

function settings(env: Record<string, string>) {
  const read = readConfig(env)
  if (!read.ok) throw new Error(read.problems.join('\n'))
  return read.value
}

/** Runs a plan. @param note called with a text that describes each event */
export async function simulate(plan: Plan, note?: (text: string) => void): Promise<Outcome> {
  return new Simulation(plan, note).run()
}

interface User {
  name: string
  client: Client
  wires: Set<Wire>
  /** Number of active faults that cut the client's network. */
  holds: number
  sent: number
}

class Simulation {
  private readonly plan: Plan
  private readonly timeline = new Timeline()
  private readonly history = new History(
    () => Math.round(this.timeline.nowMs),
    ({ kind, text }) => this.say?.(`VIOLATION ${kind}: ${text}`),
  )
  private readonly states = new States()
  private readonly chance: Random
  private readonly store: Store
  private readonly replicas: SimulatedReplica[]
  private readonly users: User[] = []
  private readonly copies: { atMs: number; data: Snapshot }[] = []
  private readonly say: ((text: string) => void) | undefined
  private lastEntry = ''
  private ids = 0
  private stops = 0
  private storePauses = 0
  private fingerprint = 0

  constructor(plan: Plan, say?: (text: string) => void) {
    this.plan = plan
    this.say = say && ((text) => say(`${String(Math.round(this.timeline.nowMs)).padStart(6)} ms  ${text}`))
    this.chance = createRandom(plan.seed, 1)
    const { timeline } = this
    const random = () => this.chance.between(0, 1)
    this.store = new Store({ timeline, epochMs, delayMs: () => random() * 3, onAdded: () => this.added() })
    const shared = { config, timeline, store: this.store, epochMs, secret, random, note: this.say }
    this.replicas = Array.from(
      { length: plan.replicas },
      (_, index) => new SimulatedReplica({ ...shared, id: `ws-${index + 1}`, newId: () => `n${++this.ids}` }),
    )
  }

  async run(): Promise<Outcome> {
    const { timeline, plan, history } = this
    for (const replica of this.replicas) replica.start()
    this.copyStore()
    for (const fault of plan.faults) timeline.at(fault.atMs, () => this.begin(fault))
    await timeline.runUntil(200)
    for (let n = 0; n < plan.clients; n++)
      timeline.after(this.chance.between(0, n === plan.clients - 1 ? 3000 : 100), () => this.addUser(n))
    await timeline.runUntil(plan.activeMs)
    // A fault that is still active when the active phase ends is not cut short; it ends after its own duration.
    const lastMs = Math.max(plan.activeMs, ...plan.faults.map(({ atMs, forMs }) => atMs + forMs)) + 1000
    await timeline.runUntil(lastMs)
    await this.quiet(() => history.missing(false).length === 0)
    for (const text of history.missing(false)) history.violated('missing', text)
    if (history.losses > 0 && history.violations.length === 0) {
      // A data loss in the store is detected at the latest when the next message is stored, so the simulation sends one more message to
      // each room.
      for (const room of rooms) this.broadcast(this.users[0], room)
      await this.quiet(() => history.missing(true).length === 0)
      for (const text of history.missing(true)) history.violated('missing', text)
    }
    for (const { name, client } of this.users) {
      const { unanswered } = client.stats
      if (client.state.word !== 'open') history.violated('unanswered', `${name} is ${client.state.word} at the end`)
      else if (unanswered > 0) history.violated('unanswered', `${unanswered} requests of ${name} have no answer at the end`)
    }
    return { violations: history.violations, reached: this.states.reached, events: timeline.count, fingerprint: this.fingerprint }
  }

  /** Waits, within a time limit, until all messages have been acknowledged and delivered. */
  private async quiet(isComplete: () => boolean): Promise<void> {
    const endMs = this.timeline.nowMs + recoveryMs
    do {
      await this.timeline.runUntil(this.timeline.nowMs + 500)
    } while (
      this.timeline.nowMs < endMs &&
      !(this.users.every(({ client }) => client.state.word === 'open' && client.stats.unanswered === 0) && isComplete())
    )
  }

  /** Adds the time of an event to the run's fingerprint. */
  private happens(): void {
    this.fingerprint = (Math.imul(this.fingerprint, 31) + this.timeline.nowMs * 1000) | 0
  }

  private copyStore(): void {
    if (this.plan.faults.some(({ kind }) => kind === 'store-back')) {
      this.copies.push({ atMs: this.timeline.nowMs, data: this.store.model.snapshot() })
      this.timeline.after(copyMs, () => this.copyStore())
    }
  }

  /** Adds the newest log entry to the run's history. */
  private added(): void {
    const [id, fields] = this.newest() ?? []
    if (id === undefined || fields === undefined || id === this.lastEntry) return
    this.lastEntry = id
    const value = (name: string) => Buffer.from(fields[fields.indexOf(name) + 1] ?? '', 'latin1').toString()
    // An entry without a message means that the log has lost entries.
    if (value('head') === '') return
    const [ms = '', number = ''] = id.split('-')
    const seq = Number(ms) * 1000 + Number(number)
    this.history.stored(seq, value('room'), value('head'))
    this.say?.(
      `the store has ${value('head')
        .replace(/.*"id":"[^"]*-/, '')
        .slice(0, 60)} at ${seq}`,
    )
  }

  private newest(): [id: string, fields: string[]] | undefined {
    return (this.store.model.run(['XREVRANGE', keys.log, '+', '-', 'COUNT', '1']) as [string, string[]][])[0]
  }

  private addUser(index: number): void {
    const name = `client ${index + 1}`
    const random = createRandom(this.plan.seed, 10 + index)
    const { timeline } = this
    const wires = new Set<Wire>()
    const environment: Environment = {
      dial: () => this.dial(user, random),
      // Like setTimeout, `setTimer` waits at least one millisecond.
      setTimer: (then, delayMs) => timeline.after(Math.max(1, delayMs), then),
      clearTimer: (cancel) => (cancel as () => void)(),
      now: () => Math.floor(epochMs + timeline.nowMs),
      steady: () => timeline.nowMs,
      random: () => random.between(0, 1),
    }
    const times = { backoffBaseMs: 100, backoffCapMs: 1500, stableMs: 3000, connectTimeoutMs: 3000, answerTimeoutMs: 3000 }
    const acks = { ackEvery: 4, ackAfterMs: 1000 }
    const client = createClient(
      { url: 'simulated', onEvent: (event) => this.history.reported(name, event), rooms, ...times, ...acks },
      environment,
    )
    const user: User = { name, client, wires, holds: 0, sent: 0 }
    this.users.push(user)
    const speak = () => {
      if (timeline.nowMs > this.plan.activeMs) return
      this.broadcast(user, random.pick(rooms))
      timeline.after(random.chance(0.3) ? 0 : random.between(0, 2 * this.plan.betweenMs), speak)
    }
    timeline.after(random.between(0, this.plan.betweenMs), speak)
  }

  private broadcast(user: User | undefined, room: string): void {
    if (user === undefined) return
    // A permanently closed client already counts as a violation, so it sends no more messages.
    if (user.client.state.word === 'closed') return
    user.sent++
    const id = user.client.broadcast(room, { by: user.name, n: user.sent })
    this.say?.(`${user.name} sends message ${user.sent} to ${room} (${id})`)
  }

  /** Connects a user to a randomly chosen replica, which is ready in most cases. */
  private dial(user: User, random: Random) {
    const alive = this.replicas.flatMap(({ run }) => (run === undefined || run.process.ended ? [] : [run]))
    const ready = alive.filter(({ state }) => state === 'ready')
    // The router's information about replicas may be briefly out of date.
    const choice = random.chance(0.1) || ready.length === 0 ? alive : ready
    const run = choice[random.int(choice.length)]
    const id = `c${++this.ids}`
    this.say?.(`${user.name} dials ${run?.replica ?? 'nobody'} (${id})`)
    const wire = new Wire({
      timeline: this.timeline,
      delayMs: () => this.chance.between(0, this.plan.delayMs),
      random: () => this.chance.between(0, 1),
      run,
      id,
      tap: {
        accepted: (message, to) => {
          this.happens()
          this.states.accepted(user.name, message, to, this.history)
          if (message.type !== 'ack') this.say?.(`${user.name} → ${to.replica} ${briefly(message)}`)
        },
        delivered: (message, from) => {
          this.happens()
          this.states.delivered(user.name, message, from)
          this.say?.(`${from.replica} → ${user.name} ${briefly(message)}`)
          this.history.delivered(user.name, message)
        },
        closed: (code, from) => {
          this.states.closed(code)
          this.say?.(`${user.name} ${id} at ${from.replica} is closed: ${code}`)
        },
      },
    })
    for (const old of user.wires) if (old.isOver) user.wires.delete(old)
    user.wires.add(wire)
    if (user.holds > 0) wire.hold(true)
    return wire.socket
  }

  private begin(fault: Fault): void {
    this.say?.(`FAULT ${faultText(fault, this.plan).replace(/^\d+ ms: /, '')}`)
    const end = this.inject(fault)
    this.states.began(fault)
    this.timeline.after(fault.forMs, () => {
      this.states.ended(fault)
      end?.()
    })
  }

  /** Injects a fault. Returns a function that ends the fault. */
  private inject({ kind, index, forMs, byMs }: Fault): (() => void) | undefined {
    const replica = this.replicas[index % this.replicas.length] as SimulatedReplica
    const user = this.users[index % this.plan.clients]
    const { run } = replica
    switch (kind) {
      case 'kill':
        run?.kill()
        return () => replica.start()
      case 'start-alone':
        replica.part(true)
        run?.kill()
        this.timeline.after(Math.min(forMs, 200), () => replica.start())
        // A starting replica waits two seconds for the store, and then becomes ready without it.
        return () => this.timeline.after(2000, () => replica.part(false))
      case 'drain':
        if (run?.state === 'ready')
          run.drain(
            () => this.chance.between(0, 1),
            () => this.timeline.after(forMs, () => replica.start()),
          )
        return undefined
      case 'pause':
        if (run === undefined || run.process.paused) return undefined
        run.process.paused = true
        return () => this.timeline.resume(run.process)
      case 'part':
        replica.part(true)
        return () => replica.part(false)
      case 'break':
        for (const wire of user?.wires ?? []) wire.break()
        return undefined
      case 'hold':
        if (user === undefined) return undefined
        if (user.holds++ === 0) for (const wire of user.wires) wire.hold(true)
        return () => {
          if (--user.holds === 0) for (const wire of user.wires) wire.hold(false)
        }
      case 'store-stop':
        return this.stopStore()
      case 'store-pause':
        return this.pauseStore()
      case 'store-back': {
        const goOn = this.stopStore()
        return () => {
          this.goBackTo(this.timeline.nowMs - forMs - byMs)
          goOn()
        }
      }
      case 'store-flush':
        this.store.model.run(['FLUSHALL'])
        this.history.wentBackTo(-1)
        return undefined
      case 'clock':
        replica.clockAheadMs += byMs
        return undefined
      case 'store-clock':
        this.store.clockAheadMs += byMs
        return undefined
    }
  }

  /** Stops the store. If several faults stop the store at the same time, the store starts again only when the last of these faults ends. */
  private stopStore(): () => void {
    if (this.stops++ === 0) this.store.stop()
    this.states.outageBegan()
    return () => {
      if (--this.stops === 0) this.store.start()
    }
  }

  private pauseStore(): () => void {
    if (this.storePauses++ === 0) this.store.process.paused = true
    for (const { run } of this.replicas) for (const link of run?.links ?? []) link.pingSoon()
    return () => {
      if (--this.storePauses === 0) this.timeline.resume(this.store.process)
    }
  }

  private goBackTo(atMs: number): void {
    const copy = this.copies.findLast((one) => one.atMs <= atMs) ?? this.copies[0]
    if (copy === undefined) return
    this.store.model.restore(copy.data)
    this.lastEntry = this.newest()?.[0] ?? ''
    this.history.wentBackTo(copy.atMs)
    const last = Math.max(0, ...this.history.entries.map(({ seq, lost }) => (lost ? 0 : seq)))
    if (this.users.some(({ name }) => this.history.highestOf(name) > last))
      this.states.reach('the store was reset to a position before that of a client')
  }
}

/** Formats a message as a trace line. */
function briefly({ type, ...fields }: Message): string {
  const shown = ['id', 'room', 'seq', 'since', 'lastSeq', 'from', 'to', 'code', 'stored', 'duplicate', 'provisional', 'history', 'replayed']
  const texts = shown.flatMap((name) => (fields[name] === undefined ? [] : [`${name}=${fields[name]}`]))
  const { data } = fields as { data?: { by: string; n: number } }
  return [type, ...texts, ...(data === undefined ? [] : [`message ${data.n} of ${data.by}`])].join(' ')
}
