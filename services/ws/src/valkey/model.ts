/**
 * Implements an in-memory model of Valkey: the commands that the service uses, and a TypeScript version of each script in scripts.ts. The
 * store test suites compare the model with the real Valkey. The model performs no input or output; its callers decide how clients connect
 * to it.
 */
import { createHash } from 'node:crypto'
import { seqsPerMs } from '../room-log.ts'
import { announce, endSession, maxPlaces, maxRooms, open, publish, roomsAgeMs, saveSession, scripts, takeSession } from './scripts.ts'

/** A reply. A JavaScript Map represents a RESP3 map. */
export type Reply = string | number | null | Reply[] | Map<string, Reply> | StoreError

/** The error that Valkey returns for a refused command. */
export class StoreError extends Error {}

/** Strings have one byte per character (latin1), because Valkey's strings are byte strings. */
interface Value {
  fields: Map<string, string>
  /** The expiry time as a Unix time in milliseconds. */
  expiresAtMs?: number
}
interface Entry {
  seq: number
  fields: string[]
}

/** All of a model's data at one point in time. */
export interface Snapshot {
  values: Map<string, Value>
  streams: Map<string, Entry[]>
}
type Run = (keys: string[], args: string[]) => Reply

/** The interval at which expired values are removed. Milliseconds. */
const sweepMs = 1_000

export class StoreModel {
  private values = new Map<string, Value>()
  private streams = new Map<string, Entry[]>()
  private readonly nowMs: () => number
  private readonly publishTo: (channel: string, text: string) => void
  private sweptAtMs = 0
  /** The number of commands that the model has run so far. */
  commands = 0

  /**
   * @param nowMs a function that returns the Unix time in whole milliseconds
   * @param publishTo a function that sends a message to the subscribers of a channel
   */
  constructor(nowMs: () => number, publishTo: (channel: string, text: string) => void) {
    this.nowMs = nowMs
    this.publishTo = publishTo
  }

  snapshot(): Snapshot {
    return copyOf({ values: this.values, streams: this.streams })
  }

  /** Restores a snapshot, which may be older or newer than the current data. */
  restore(snapshot: Snapshot): void {
    ;({ values: this.values, streams: this.streams } = copyOf(snapshot))
  }

  /**
   * Runs a command or a script; a script runs atomically. The model replies to XREAD immediately, so the caller itself must wait if XREAD
   * has the BLOCK option.
   */
  run([name = '', ...args]: readonly string[]): Reply {
    this.commands++
    this.sweep()
    const [key = '', ...rest] = args
    switch (name.toUpperCase()) {
      case 'PING':
        return 'PONG'
      case 'HGET':
        return this.hget(key, rest[0] ?? '')
      case 'HSET':
        return this.hset(key, ...rest)
      case 'HDEL':
        return this.hdel(key, ...rest)
      case 'DEL':
        return args.filter((one) => this.delete(one)).length
      case 'FLUSHALL':
        this.values.clear()
        this.streams.clear()
        return 'OK'
      case 'XRANGE':
        return this.range(key, rest[0] ?? '-', rest[1] ?? '+', countOf(rest)).map(replyOf)
      case 'XREVRANGE':
        return this.range(key, rest[1] ?? '-', rest[0] ?? '+')
          .reverse()
          .slice(0, countOf(rest))
          .map(replyOf)
      case 'XREAD':
        return this.xread(args)
      case 'SCRIPT':
        return createHash('sha1')
          .update(Buffer.from(rest[0] ?? '', 'latin1'))
          .digest('hex')
      case 'EVALSHA':
        return this.evaluate(key, rest)
    }
    return new StoreError(`ERR unknown command '${name}'`)
  }

  private readonly bodies = new Map<string, Run>([
    [publish.sha, (keys, args) => this.publish(keys, args)],
    [open.sha, (keys, args) => this.open(keys, args)],
    [saveSession.sha, (keys, args) => this.saveSession(keys, args)],
    [endSession.sha, (keys, args) => this.endSession(keys, args)],
    [takeSession.sha, (keys, args) => this.takeSession(keys, args)],
    [announce.sha, (keys, args) => this.announce(keys, args)],
  ])

  private evaluate(sha: string, [count, ...rest]: string[]): Reply {
    const body = this.bodies.get(sha)
    if (body === undefined) return new StoreError('NOSCRIPT No matching script. Please use EVAL.')
    return body(rest.slice(0, Number(count)), rest.slice(Number(count)))
  }

  private publish(keys: string[], args: string[]): Reply {
    const [log = '', meta = '', places = '', placesBefore = '', offsets = '', offsetsBefore = ''] = keys
    const [room = '', head = '', publishedAtMs = '', key = '', known = '', mostMessages = '', mostBytes = '', ageMs = '', trace] = args
    const before = this.hget(places, key) ?? this.hget(placesBefore, key)
    if (before !== null) return [before, 1]
    const nowMs = this.nowMs()
    const state = (field: string) => this.hget(meta, field)
    this.rotate(places, placesBefore, meta, 'placesSince', maxPlaces, Number(ageMs))
    this.rotate(offsets, offsetsBefore, meta, 'offsetsSince', maxRooms, roomsAgeMs)

    const last = this.ending(log, meta, Number(known))
    const seq = Math.max(last + 1, nowMs * seqsPerMs)
    const bytes = Number(state('bytes') ?? 0) + head.length
    const offset = Number(this.hget(offsets, room) ?? this.hget(offsetsBefore, room) ?? 0) + 1
    this.hset(offsets, room, String(offset))
    const fields = ['room', room, 'head', head, 'at', publishedAtMs, 'offset', String(offset), 'after', String(last)]
    fields.push('key', key, 'bytes', String(bytes))
    if (trace !== undefined) fields.push('trace', trace)
    const entries = this.stream(log)
    entries.push({ seq, fields })
    this.hset(places, key, String(seq))
    this.hset(meta, 'last', String(seq), 'bytes', String(bytes))
    this.trim(entries, nowMs - Number(ageMs), Number(mostMessages), bytes - Number(mostBytes))
    return [String(seq), 0]
  }

  /**
   * The model removes every message that exceeds a limit on each call; the script in Valkey does so less often, because finding the oldest
   * entry is expensive there.
   */
  private trim(entries: Entry[], sinceMs: number, most: number, sinceBytes: number): void {
    const isOld = ({ seq, fields }: Entry, index: number) =>
      seq < sinceMs * seqsPerMs || entries.length - index > most || Number(fields[13]) < sinceBytes
    let old = 0
    for (let first = entries[0]; first !== undefined && isOld(first, old); first = entries[old]) old++
    // At least one message remains in the log, however large it is.
    entries.splice(0, Math.min(old, entries.length - 1))
  }

  private rotate(young: string, old: string, meta: string, field: string, most: number, ageMs: number): void {
    const since = this.hget(meta, field)
    const nowMs = this.nowMs()
    const fields = this.value(young)
    if (since !== null && (fields?.fields.size ?? 0) < most && nowMs - Number(since) < ageMs) return
    this.delete(old)
    if (fields !== undefined) this.values.set(old, fields)
    this.delete(young)
    this.hset(meta, field, String(nowMs))
  }

  /**
   * Returns the last sequence number of the log, which is never lower than `known`. A partial loss of the log is recorded as an entry
   * without a message.
   */
  private ending(log: string, meta: string, known: number): number {
    const nowSeq = this.nowMs() * seqsPerMs
    const given = this.hget(meta, 'last')
    if (given !== null && Number(given) >= known) return Number(given)
    if (given !== null) return this.markWentBack(log, meta, Number(given), Math.max(known + 1, nowSeq))
    const last = nowSeq <= known ? known + 60_000 * seqsPerMs : nowSeq
    this.hset(meta, 'last', String(last))
    return last
  }

  /** Adds an entry without a message, which records that the log lost all entries after the sequence number `after`. */
  private markWentBack(log: string, meta: string, after: number, seq: number): number {
    const fields = ['room', '', 'head', '', 'at', String(this.nowMs()), 'offset', '0', 'after', String(after), 'key', '']
    fields.push('bytes', this.hget(meta, 'bytes') ?? '0')
    this.stream(log).push({ seq, fields })
    this.hset(meta, 'last', String(seq), 'wentBackTo', String(after))
    return seq
  }

  private open([log = '', meta = '']: string[], [ageMs, at = '', known = '', wentBackTo = '']: string[]): Reply {
    const sinceSeq = (this.nowMs() - Number(ageMs)) * seqsPerMs
    const entries = this.stream(log)
    if (at === '') {
      const fresh = entries.findIndex(({ seq }) => seq >= sinceSeq)
      entries.splice(0, fresh === -1 ? entries.length : fresh)
    }
    const said = this.hget(meta, 'wentBackTo')
    const nowSeq = this.nowMs() * seqsPerMs
    let last = this.ending(log, meta, Number(known))
    if (wentBackTo !== '' && wentBackTo !== said) last = this.markWentBack(log, meta, Number(wentBackTo), Math.max(last + 1, nowSeq))
    const more = (entries.at(-1)?.seq ?? 0) > Number(at) ? 1 : 0
    return [String(last), more, String(Math.max(last + 1, nowSeq))]
  }

  private saveSession(
    [session = '']: string[],
    [owner = '', connection = '', rooms = '', acked = '', ms, token = '', times = '0']: string[],
  ) {
    const taken = Number(this.hget(session, 'taken') ?? 0)
    if ((this.hget(session, 'owner') ?? owner) !== owner && taken >= Number(times)) return 0
    this.hset(session, 'owner', owner, 'connection', connection, 'rooms', rooms, 'acked', acked, 'token', token)
    if (Number(times) > taken) this.hset(session, 'taken', times)
    return this.expire(session, ms)
  }

  private endSession([session = '']: string[], [owner = '', ms]: string[]): Reply {
    if ((this.hget(session, 'owner') ?? owner) !== owner) return 0
    const taken = this.hget(session, 'taken')
    this.delete(session)
    if (taken === null) return 1
    this.hset(session, 'owner', '', 'taken', taken)
    return this.expire(session, ms)
  }

  private takeSession([session = '']: string[], [owner = '', ms, channels = '', id = '', shown = '0']: string[]): Reply {
    const former = this.hget(session, 'owner')
    const oldest = Number(this.hget(session, 'token') ?? 0)
    if (former === null || former === '' || Number(shown) < oldest) return null
    let taken = Number(this.hget(session, 'taken') ?? 0)
    if (former !== owner) {
      taken = Math.max(taken, Number(shown)) + 1
      this.hset(session, 'owner', owner, 'taken', String(taken))
      this.publishTo(channels + former, `${taken} ${id}`)
    }
    this.expire(session, ms)
    return [...['connection', 'rooms', 'acked'].map((field) => this.hget(session, field)), taken, oldest]
  }

  private announce(
    [replicas = '', presence = '', rollout = '']: string[],
    [replica = '', says = '', forgottenMs, presenceMs]: string[],
  ): Reply {
    const nowMs = this.nowMs()
    this.hset(replicas, replica, `${nowMs} ${says}`)
    const all = [...(this.value(replicas)?.fields ?? [])]
    for (const [name, said] of all) if (nowMs - Number.parseInt(said, 10) > Number(forgottenMs)) this.hdel(replicas, name)
    return [String(nowMs), this.expire(presence, presenceMs), all.flat(), this.value(rollout) === undefined ? 0 : 1]
  }

  private hget(key: string, field: string): string | null {
    return this.value(key)?.fields.get(field) ?? null
  }

  private hset(key: string, ...pairs: string[]): number {
    const value = this.value(key) ?? { fields: new Map<string, string>() }
    this.values.set(key, value)
    const before = value.fields.size
    for (let i = 0; i + 1 < pairs.length; i += 2) value.fields.set(pairs[i] ?? '', pairs[i + 1] ?? '')
    return value.fields.size - before
  }

  private hdel(key: string, ...fields: string[]): number {
    const value = this.value(key)
    const gone = fields.filter((field) => value?.fields.delete(field)).length
    if (value?.fields.size === 0) this.values.delete(key)
    return gone
  }

  private delete(key: string): boolean {
    return [this.values.delete(key), this.streams.delete(key)].includes(true)
  }

  private expire(key: string, ms: string | undefined): number {
    const value = this.value(key)
    if (value === undefined) return 0
    value.expiresAtMs = this.nowMs() + Number(ms)
    return 1
  }

  private value(key: string): Value | undefined {
    const value = this.values.get(key)
    return value?.expiresAtMs !== undefined && value.expiresAtMs <= this.nowMs() ? undefined : value
  }

  /** Removes expired values, because most of them are never read again and would otherwise remain in memory for ever. */
  private sweep(): void {
    const nowMs = this.nowMs()
    if (Math.abs(nowMs - this.sweptAtMs) < sweepMs) return
    this.sweptAtMs = nowMs
    for (const key of this.values.keys()) if (this.value(key) === undefined) this.values.delete(key)
  }

  private stream(key: string): Entry[] {
    const entries = this.streams.get(key) ?? []
    this.streams.set(key, entries)
    return entries
  }

  private range(key: string, from: string, to: string, count = Number.POSITIVE_INFINITY): Entry[] {
    const entries = this.stream(key)
    const [first, last] = [from === '-' ? 0 : seqOf(from), to === '+' ? Number.POSITIVE_INFINITY : seqOf(to)]
    let [low, high] = [0, entries.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((entries[middle]?.seq ?? 0) < first) low = middle + 1
      else high = middle
    }
    return entries.slice(low, Math.min(low + count, entries.length)).filter(({ seq }) => seq <= last)
  }

  /** Implements XREAD COUNT n BLOCK ms STREAMS key id, for a single stream. */
  private xread(args: string[]): Reply {
    const [key = '', id = '0'] = args.slice(args.indexOf('STREAMS') + 1)
    const found = this.range(key, `(${id}`, '+', countOf(args))
    return found.length === 0 ? null : new Map([[key, found.map(replyOf)]])
  }
}

// The model must implement every script in scripts.ts; otherwise, this module throws an error when it is loaded.
const modelled = [publish, open, saveSession, endSession, takeSession, announce]
const missing = scripts.filter((script) => !modelled.includes(script))
if (missing.length > 0) throw new Error(`${missing.length} scripts of scripts.ts are not in the model of the store`)

/** Stream entries are immutable, so a copy can share them with the original. */
function copyOf({ values, streams }: Snapshot): Snapshot {
  return {
    values: new Map([...values].map(([key, value]) => [key, { ...value, fields: new Map(value.fields) }])),
    streams: new Map([...streams].map(([key, entries]) => [key, [...entries]])),
  }
}

function countOf(args: string[]): number {
  const at = args.indexOf('COUNT')
  return at === -1 ? Number.POSITIVE_INFINITY : Number(args[at + 1])
}

/** Converts a stream id such as 1795267133888-1 to a sequence number; the prefix `(` excludes the id itself. */
function seqOf(id: string): number {
  const after = id.startsWith('(')
  const [ms, number = '0'] = (after ? id.slice(1) : id).split('-')
  return Number(ms) * seqsPerMs + Number(number) + (after ? 1 : 0)
}

function replyOf({ seq, fields }: Entry): Reply {
  return [`${Math.floor(seq / seqsPerMs)}-${seq % seqsPerMs}`, fields]
}
