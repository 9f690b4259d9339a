/**
 * Sessions in Valkey. Who owns one is stored with it, and every write asks for that first: a replica that has lost a session
 * to another can't change it any more, and hears of it by a message, or at the latest from its next save.
 */
import type { Config } from '../config.ts'
import type { Clock } from '../ports.ts'
import type { SessionRecord, SessionStore } from '../sessions.ts'
import type { Link } from './connection.ts'
import { endSession, keys, saveSession, takeSession } from './scripts.ts'

/** What is to be stored of a session, until Valkey has said that it is. */
type Change = { what: 'save' | 'end'; record: Pick<SessionRecord, 'id'> & Partial<SessionRecord>; untilMs?: number }

export class ValkeySessionStore implements SessionStore {
  readonly name = 'valkey'
  readonly shared = true
  private readonly link: Link
  private readonly clock: Clock
  private readonly owner: string
  private readonly windowMs: number
  private readonly attachedMs: number
  private readonly most: { changes: number; held: number }
  /** The latest change of each session that Valkey has not answered for, oldest first. */
  private readonly changes = new Map<string, Change>()
  /** Sessions put on hold here and until when they wait, oldest first. */
  private readonly holding = new Map<string, number>()
  /** How often a session that was taken here had been taken by then. */
  private readonly takings = new Map<string, number>()
  private taken: (id: string) => void = () => {}

  /** @param owner name of this process among all that use the store; another one after a restart */
  constructor({ config, clock, link, owner }: { config: Config; clock: Clock; link: Link; owner: string }) {
    this.link = link
    this.clock = clock
    this.owner = owner
    this.windowMs = config.RESUME_WINDOW
    // An open session is saved once per heartbeat interval.
    this.attachedMs = config.RESUME_WINDOW + 2 * config.HEARTBEAT_INTERVAL
    this.most = { changes: config.MAX_CONNECTIONS + config.MAX_HELD_SESSIONS, held: config.MAX_HELD_SESSIONS }
  }

  get held(): number {
    return this.holding.size
  }

  /** Changes that wait for Valkey. */
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

  async take(id: string): Promise<SessionRecord | undefined> {
    const args = [this.owner, String(this.attachedMs), keys.taken(''), id]
    const found = await this.link.run<[string, string, string, number] | null>(takeSession, [keys.session(id)], args)
    if (found === null) return undefined
    this.holding.delete(id)
    const [connectionId, rooms, ackedSeq, times] = found
    this.takings.set(id, times)
    return { id, connectionId, ...(JSON.parse(rooms) as Pick<SessionRecord, 'rooms' | 'idScope'>), ackedSeq: Number(ackedSeq) }
  }

  onTaken(taken: (id: string) => void): void {
    this.taken = taken
  }

  /** Valkey says that another replica has taken a session. @param said how often it has been taken, and its id */
  hearTaken(said: string): void {
    const space = said.indexOf(' ')
    const [times, id] = [Number(said.slice(0, space)), said.slice(space + 1)]
    // After the answers of the same moment, which may be awaited several times over. It may have come back here meanwhile.
    setImmediate(() => {
      if ((this.takings.get(id) ?? 0) < times) this.lost(id)
    })
  }

  private lost(id: string): void {
    this.changes.delete(id)
    this.takings.delete(id)
    // One that waits has no connection here to lose it.
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
    return this.link.up
  }

  /** Valkey is back: what it has not answered for is stored. */
  linkUp(): void {
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
    return this.link.up ? this.hand(change) : Promise.resolve(false)
  }

  private async hand(change: Change): Promise<boolean> {
    const { id } = change.record
    try {
      const mine = (await this.store(change)) === 1
      if (this.changes.get(id) === change) this.changes.delete(id)
      if (!mine && change.what === 'save') this.lost(id)
      return mine
    } catch {
      // It stays among the changes, for when Valkey is back; that it is away is said where the connection is watched.
      return false
    }
  }

  private store({ what, record, untilMs }: Change): Promise<number> {
    const session = [keys.session(record.id)]
    if (what === 'end') return this.link.run(endSession, session, [this.owner, String(this.attachedMs)])
    const { connectionId = '', rooms = [], idScope, ackedSeq = 0 } = record
    const msToLive = untilMs === undefined ? this.attachedMs : Math.max(1, Math.round(untilMs - this.clock.steady()))
    return this.link.run(saveSession, session, [
      this.owner,
      connectionId,
      JSON.stringify({ rooms, idScope }),
      String(ackedSeq),
      String(msToLive),
    ])
  }
}
