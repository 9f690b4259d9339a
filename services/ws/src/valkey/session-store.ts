/**
 * Sessions in Valkey. Each session is stored with its owner's name, and every write checks the owner first. A replica that has lost a
 * session to another replica can no longer change it. A replica that loses a session is notified by a message, and detects the loss at the
 * latest when it next saves the session.
 */
import type { Config } from '../config.ts'
import type { Clock, Timers } from '../ports.ts'
import type { SessionRecord, SessionStore } from '../sessions.ts'
import type { ValkeyConnection } from './connection.ts'
import { endSession, keys, saveSession, takeSession } from './scripts.ts'

/** A session change that Valkey has not confirmed yet. */
type Change = { what: 'save' | 'end'; record: Pick<SessionRecord, 'id'> & Partial<SessionRecord>; untilMs?: number }

export class ValkeySessionStore implements SessionStore {
  readonly name = 'valkey'
  readonly shared = true
  private readonly valkey: ValkeyConnection
  private readonly clock: Clock
  private readonly timers: Timers
  private readonly owner: string
  private readonly windowMs: number
  private readonly attachedMs: number
  private readonly most: { changes: number; held: number }
  /** The latest unconfirmed change to each session, oldest first. */
  private readonly changes = new Map<string, Change>()
  /** The expiry times of this replica's waiting sessions, earliest first. */
  private readonly holding = new Map<string, number>()
  /**
   * Each session's number of takeovers at the time when this replica took it over. A session's number of takeovers never decreases, so it
   * shows which of two owners took over the session later.
   */
  private readonly takings = new Map<string, number>()
  private taken: (id: string) => void = () => {}

  /** @param owner the name of this process, which is unique among all processes that use the store and changes after a restart */
  constructor({
    config,
    clock,
    timers,
    valkey,
    owner,
  }: { config: Config; clock: Clock; timers: Timers; valkey: ValkeyConnection; owner: string }) {
    this.valkey = valkey
    this.clock = clock
    this.timers = timers
    this.owner = owner
    this.windowMs = config.RESUME_WINDOW
    // An open session is saved once per heartbeat interval.
    this.attachedMs = config.RESUME_WINDOW + 2 * config.HEARTBEAT_INTERVAL
    this.most = { changes: config.MAX_CONNECTIONS + config.MAX_HELD_SESSIONS, held: config.MAX_HELD_SESSIONS }
  }

  get held(): number {
    return this.holding.size
  }

  /** The number of changes that Valkey has not confirmed yet. */
  get waiting(): number {
    return this.changes.size
  }

  save(record: SessionRecord): Promise<boolean> {
    return this.change({ what: 'save', record })
  }

  hold(record: SessionRecord): void {
    if (this.windowMs === 0) {
      this.end(record.id)
      return
    }
    const untilMs = this.clock.steady() + this.windowMs
    this.holding.delete(record.id)
    this.holding.set(record.id, untilMs)
    void this.change({ what: 'save', record, untilMs })
    for (const id of this.holding.keys()) {
      if (this.holding.size <= this.most.held) break
      this.end(id)
    }
  }

  end(id: string): void {
    this.holding.delete(id)
    this.takings.delete(id)
    void this.change({ what: 'end', record: { id } })
  }

  async take(id: string, token: number): Promise<SessionRecord | undefined> {
    const args = [this.owner, String(this.attachedMs), keys.taken(''), id, String(token)]
    const found = await this.valkey.run<[string, string, string, number, number] | null>(takeSession, [keys.session(id)], args)
    if (found === null) return undefined
    this.holding.delete(id)
    const [connectionId, rooms, ackedSeq, times, oldestToken] = found
    this.takings.set(id, times)
    const stored = JSON.parse(rooms) as Pick<SessionRecord, 'rooms' | 'idScope'>
    return { id, connectionId, ...stored, ackedSeq: Number(ackedSeq), ...(oldestToken > 0 && { oldestToken }) }
  }

  onTaken(taken: (id: string) => void): void {
    this.taken = taken
  }

  /**
   * Handles the notification that another replica has taken over a session.
   * @param message the number of takeovers and the id of the session
   */
  receiveTaken(message: string): void {
    const space = message.indexOf(' ')
    const [times, id] = [Number(message.slice(0, space)), message.slice(space + 1)]
    // A takeover notification is handled after pending replies from Valkey. By the time the notification is handled, this replica may have
    // taken the session back.
    this.timers.soon(() => {
      if ((this.takings.get(id) ?? 0) < times) this.lost(id)
    })
  }

  private lost(id: string): void {
    this.changes.delete(id)
    this.takings.delete(id)
    // A session that is waiting for its client has no connection on this replica.
    if (!this.holding.delete(id)) this.taken(id)
  }

  tick(): void {
    const nowMs = this.clock.steady()
    for (const [id, untilMs] of this.holding) {
      if (untilMs > nowMs) break
      this.holding.delete(id)
      this.takings.delete(id)
    }
  }

  healthy(): boolean {
    return this.valkey.up
  }

  /** Sends all unconfirmed changes again when the connection to Valkey is established. */
  connectionUp(): void {
    for (const change of [...this.changes.values()]) void this.hand(change)
  }

  async stop(): Promise<void> {}

  private change(change: Change): Promise<boolean> {
    const { id } = change.record
    this.changes.delete(id)
    this.changes.set(id, change)
    for (const oldest of this.changes.keys()) {
      if (this.changes.size <= this.most.changes) break
      this.changes.delete(oldest)
    }
    return this.valkey.up ? this.hand(change) : Promise.resolve(false)
  }

  private async hand(change: Change): Promise<boolean> {
    const { id } = change.record
    try {
      const mine = (await this.store(change)) === 1
      if (this.changes.get(id) === change) this.changes.delete(id)
      if (!mine && change.what === 'save') this.lost(id)
      return mine
    } catch {
      // The session change is still unconfirmed, and is sent again once the replica has reconnected to Valkey.
      // The connection's owner reports that Valkey is unavailable, so the error is not reported here.
      return false
    }
  }

  private store({ what, record, untilMs }: Change): Promise<number> {
    const session = [keys.session(record.id)]
    if (what === 'end') return this.valkey.run(endSession, session, [this.owner, String(this.attachedMs)])
    const { connectionId = '', rooms = [], idScope, ackedSeq = 0, oldestToken = 0 } = record
    const msToLive = untilMs === undefined ? this.attachedMs : Math.max(1, Math.round(untilMs - this.clock.steady()))
    return this.valkey.run(saveSession, session, [
      this.owner,
      connectionId,
      JSON.stringify({ rooms, idScope }),
      String(ackedSeq),
      String(msToLive),
      String(oldestToken),
      String(this.takings.get(record.id) ?? 0),
    ])
  }
}
