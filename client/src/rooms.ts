/**
 * What has arrived from which room: each message is handed on once and in order, and what is missing is told. Pure.
 *
 * `position` is the place in the log up to which we have everything that our rooms were sent. A room may be `behind` it,
 * after a session was lost: then it is asked again for what came after its own place, and so is a resumed session.
 */
import { everyoneRoom } from '../../contract/src/messages.ts'
import type { ClientEvent, RoomMessage } from './types.ts'
import type { RoomFrame } from './wire.ts'

/** Holes remembered per room, for telling a late message from a doubled one. */
const maxHoles = 16
/** Messages remembered, for telling that one comes again: provisional ones, of which a replica may have this many waiting, and others. */
const maxProvisional = 10_000
const maxStored = 256

interface RoomState {
  /** Place of the last message that was handed on, or before which the room does not concern us. */
  seq: number
  offset: number | undefined
  behind: boolean
  /** The session at the server is not in it: asked for by a join, not by a resume. */
  outside: boolean
  holes: { from: number; to: number }[]
  /** Frames still to come with the answer to a join, and the place at which they end. */
  history: number
  historyEndsAt: number
  /** What comes now is from before we joined. */
  entering: boolean
  /** Joined just now, and nothing has come of its history: the answer to the join is not complete. */
  incomplete: boolean
}

type RoomEvent = Extract<ClientEvent, { type: 'message' | 'dropped' | 'gap' }>

export class Rooms {
  private readonly rooms = new Map<string, RoomState>()
  private readonly hadProvisionally = new Set<string>()
  private readonly hadStored = new Set<string>()
  private position = 0
  /** Frames still to come with the answer to a resume, and the end of the gap it told of. */
  private replayLeft = 0
  private gapTo = 0
  /** Place of the last frame of such an answer: one that comes twice is counted once. */
  private answerSeq = 0

  /** Up to here nothing need be sent again. */
  get lastSeq(): number {
    let lowest = this.position
    for (const { behind, incomplete, seq } of this.rooms.values()) if (behind && !incomplete && seq < lowest) lowest = seq
    return lowest
  }

  has(room: string): boolean {
    return this.rooms.has(room)
  }

  /** Rooms we are in and the session at the server is not, with the place from which on we have to ask for them. */
  outside(): { room: string; since: number }[] {
    return [...this.rooms].filter(([, { outside }]) => outside).map(([room, { seq }]) => ({ room, since: seq }))
  }

  /** A session begins, the first or in place of one that is lost. @param seq where its log is */
  fresh(seq: number): RoomEvent[] {
    const everyone = this.rooms.get(everyoneRoom)
    const before = this.position
    this.replayLeft = this.gapTo = 0
    for (const [room, state] of this.rooms) if (room !== everyoneRoom) this.shutOut(state)
    this.position = Math.max(before, seq)
    if (everyone === undefined) {
      this.rooms.set(everyoneRoom, newRoom(seq))
      return []
    }
    everyone.seq = Math.max(everyone.seq, before)
    // Nobody can join the room of everyone, so what it was sent meanwhile can't be asked for.
    return seq > before ? [{ type: 'gap', why: 'fresh_session', room: everyoneRoom, from: before + 1, to: seq }] : []
  }

  /**
   * The session goes on; this many frames follow, from all its rooms.
   * @param names the rooms it is in
   * @param from place after which the frames begin
   */
  resumed(replayed: number, names: readonly string[], from: number): void {
    for (const [room, state] of this.rooms) {
      if (room === everyoneRoom) continue
      state.outside = false
      if (!names.includes(room) || (state.behind && state.seq < from)) this.shutOut(state)
    }
    this.gapTo = this.answerSeq = 0
    this.replayLeft = replayed
    if (replayed === 0) this.replayEnded()
  }

  /** The answer to a join; `history` frames of the room follow. @returns whether the answer is complete */
  joined(room: string, seq: number, history: number): boolean {
    let state = this.rooms.get(room)
    if (state === undefined) {
      state = newRoom(0)
      state.entering = state.incomplete = state.behind = history > 0
      this.rooms.set(room, state)
    }
    this.answerSeq = 0
    state.outside = false
    state.history = history
    state.historyEndsAt = seq
    if (history === 0) historyEnded(state)
    return !state.incomplete
  }

  left(room: string): void {
    this.rooms.delete(room)
  }

  /** The server no longer has messages from one place to another. */
  gap(room: string | undefined, from: number, to: number): RoomEvent {
    // What it still has follows, so we are not past the gap yet.
    if (room === undefined && this.replayLeft > 0) this.gapTo = to
    else if (room === undefined) this.position = Math.max(this.position, to)
    return { type: 'gap', why: 'resume_gap', room, from, to }
  }

  /** The connection is lost. A join whose answer is incomplete counts as not answered. */
  lost(): void {
    this.replayLeft = this.gapTo = 0
    for (const [room, state] of this.rooms) {
      state.history = 0
      state.entering = false
      if (state.incomplete) this.rooms.delete(room)
    }
  }

  /** Takes a room message. `completed` says that with it the answer to a join is complete. */
  receive(frame: RoomFrame): { events: RoomEvent[]; completed: boolean } {
    const state = this.rooms.get(frame.room)
    if (frame.provisional || frame.seq === undefined) {
      return { events: state === undefined ? [] : [this.provisional(frame)], completed: false }
    }
    const ofHistory = state !== undefined && this.replayLeft === 0 && state.history > 0
    const earlier = ofHistory && state.entering ? 'history' : this.replayLeft > 0 || ofHistory ? 'replay' : undefined
    const completed = state?.incomplete === true && ofHistory
    if (completed) state.incomplete = false
    // After a leave, or before the answer to a join, which brings it again: no concern of ours.
    const ignored = state === undefined || state.incomplete || state.outside
    const events = ignored ? [] : this.placed(state, frame, frame.seq, earlier)
    if (!ofHistory) this.position = Math.max(this.position, frame.seq)
    if (earlier !== undefined && frame.seq > this.answerSeq) {
      this.answerSeq = frame.seq
      if (!ofHistory) this.replayLeft--
      else state.history--
      if (!ofHistory && this.replayLeft === 0) this.replayEnded()
      if (ofHistory && state.history === 0) historyEnded(state)
    }
    return { events, completed }
  }

  private placed(state: RoomState, frame: RoomFrame, seq: number, earlier: RoomMessage['earlier']): RoomEvent[] {
    const message = messageOf(frame, earlier)
    const { offset } = frame
    if (seq <= state.seq) {
      const late = offset !== undefined && state.holes.some(({ from, to }) => from <= offset && offset <= to)
      return [{ type: 'dropped', why: late ? 'out_of_order' : earlier !== undefined ? 'replayed' : 'duplicate', message }]
    }
    const events: RoomEvent[] = []
    if (offset !== undefined && state.offset !== undefined && offset !== state.offset + 1) {
      // A room that was forgotten counts from 1 again.
      const expected = offset > state.offset ? state.offset + 1 : 1
      const missing = offset - expected
      if (missing > 0) {
        events.push({ type: 'gap', why: 'offsets', room: frame.room, from: state.seq + 1, to: seq - 1, missing })
        state.holes.push({ from: expected, to: offset - 1 })
        if (state.holes.length > maxHoles) state.holes.shift()
      }
    }
    state.seq = seq
    state.offset = offset
    const keys = keysOf(frame)
    const had = keys.some((key) => this.hadProvisionally.has(key))
    remember(this.hadStored, keys, maxStored)
    events.push(had ? { type: 'dropped', why: 'provisional', message } : { type: 'message', message })
    return events
  }

  private provisional(frame: RoomFrame): RoomEvent {
    const message = messageOf(frame, undefined)
    const keys = keysOf(frame)
    if (keys.some((key) => this.hadProvisionally.has(key) || this.hadStored.has(key)))
      return { type: 'dropped', why: 'provisional', message }
    remember(this.hadProvisionally, keys, maxProvisional)
    return { type: 'message', message }
  }

  private replayEnded(): void {
    this.position = Math.max(this.position, this.gapTo)
    this.gapTo = 0
    for (const state of this.rooms.values()) state.behind = state.outside
  }

  private shutOut(state: RoomState): void {
    if (!state.behind) state.seq = Math.max(state.seq, this.position)
    state.behind = state.outside = true
  }
}

function newRoom(seq: number): RoomState {
  return {
    seq,
    offset: undefined,
    behind: false,
    outside: false,
    holes: [],
    history: 0,
    historyEndsAt: 0,
    entering: false,
    incomplete: false,
  }
}

function historyEnded(state: RoomState): void {
  state.seq = Math.max(state.seq, state.historyEndsAt)
  state.behind = state.entering = false
}

/**
 * By what a message is known again; one without an id can't be. While the store is away, sessions can't be looked up: a
 * sender that moves then has another name, and what it sends again is known by what it carries.
 */
function keysOf({ room, from, id, clientTime, data }: RoomFrame): string[] {
  if (id === undefined) return []
  const ofSender = `${room} ${from} ${JSON.stringify(id)}`
  return clientTime === undefined ? [ofSender] : [ofSender, `${room} ${JSON.stringify(id)} ${clientTime} ${hashOf(JSON.stringify(data))}`]
}

/** FNV-1a, 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}

function remember(had: Set<string>, keys: readonly string[], most: number): void {
  for (const key of keys) had.add(key)
  for (const oldest of had) {
    if (had.size <= 2 * most) break
    had.delete(oldest)
  }
}

function messageOf(frame: RoomFrame, earlier: RoomMessage['earlier']): RoomMessage {
  const { room, from, id, data, clientTime, replica, seq, offset, provisional } = frame
  return {
    room,
    from,
    data,
    replica,
    ...(id !== undefined && { id }),
    ...(clientTime !== undefined && { clientTime }),
    ...(seq !== undefined && { seq }),
    ...(offset !== undefined && { offset }),
    ...(provisional && { provisional }),
    ...(earlier && { earlier }),
  }
}
