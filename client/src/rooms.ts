/**
 * Tracks the progress in each room: delivers every message once and in order, and reports missing messages. Pure.
 *
 * A live room has received everything up to `position`, the last sequence number that arrived on this connection, or up to the room's own
 * sequence number if that number is higher. After the loss of a session, rooms may be complete up to different sequence numbers. The client
 * requests the messages after a room's own sequence number by joining the room or by resuming the session.
 */
import { everyoneRoom } from '../../contract/src/messages.ts'
import type { ClientEvent, RoomMessage } from './types.ts'
import type { RoomFrame } from './wire.ts'

/** Number of offset gaps remembered per room, to distinguish a late message from a duplicate. */
const maxHoles = 16
/**
 * Number of messages that the client remembers to recognise repetitions: all provisional messages that a replica may queue, and some
 * stored messages.
 */
const maxProvisional = 10_000
const maxStored = 256

/** The delivery progress in one room. */
interface Progress {
  /** Sequence number of the last delivered message; earlier messages of the room are not expected. */
  seq: number
  offset: number | undefined
  /** Ranges of message offsets that were skipped. */
  holes: { from: number; to: number }[]
}

/** Earlier messages that the server announced in an answer and that have not all arrived yet. */
interface Announced {
  left: number
  /** Sequence number of the last counted message, so that a message that arrives twice is counted once. */
  countedSeq: number
}

/** The history messages that follow the answer to a join. */
interface History extends Announced {
  /**
   * The last sequence number of the room log when the server answered. When the history has arrived, the room is complete up to this
   * sequence number.
   */
  endsAt: number
}

/** The replayed messages that follow the answer to a resume, over all rooms of the session. */
interface Replay extends Announced {
  /** Last sequence number of the gap that the server reported with the answer; 0 if the server reported no gap. */
  gapTo: number
}

/** The delivery state of one room. `lastSeq` must not exceed the progress of any room that is `catchingUp`, `replaying` or `outside`. */
export type RoomState =
  /** The server answered the first join of the room, but no history message has arrived, so the answer is not complete. */
  | { phase: 'joining'; history: History }
  /**
   * At least one message of the room's history has arrived. `earlier`: whether the answer announces messages from before the join, or
   * missed messages.
   */
  | { phase: 'catchingUp'; progress: Progress; history: History; earlier: 'history' | 'replay' }
  /** The server is replaying the messages that the client missed in the room. */
  | { phase: 'replaying'; progress: Progress }
  /** If the client joined the room a second time, `repeated` is the room's history, whose messages have already been delivered. */
  | { phase: 'live'; progress: Progress; repeated: History | undefined }
  /** The server's session does not contain the room, so the client has to join the room again from its own sequence number. */
  | { phase: 'outside'; progress: Progress }

type JoinedState = Exclude<RoomState, { phase: 'joining' }>

type RoomEvent = Extract<ClientEvent, { type: 'message' | 'dropped' | 'gap' }>

export class Rooms {
  private readonly rooms = new Map<string, RoomState>()
  /** Delivery progress in the room of everyone. Every session is in the room of everyone, so this room is always live. */
  private everyone: Progress | undefined
  private replay: Replay | undefined
  private readonly hadProvisionally = new Set<string>()
  private readonly hadStored = new Set<string>()
  private position = 0
  /** Whether the server's room log lost its last messages, so that messages of this client may be stored a second time. */
  private wentBack = false

  /** Sequence number up to which everything has arrived: the lowest number of all rooms. */
  get lastSeq(): number {
    const seqs = [...this.rooms.values()].flatMap((state) => (state.phase === 'joining' ? [] : [this.seqOf(state)]))
    return seqs.length === 0 ? this.position : Math.min(...seqs)
  }

  private seqOf({ phase, progress }: JoinedState): number {
    return phase === 'live' ? Math.max(progress.seq, this.position) : progress.seq
  }

  /** Sets the position of a new connection; each room retains its own delivery progress. */
  private moveTo(seq: number): void {
    for (const state of this.rooms.values()) if (state.phase !== 'joining') state.progress.seq = this.seqOf(state)
    this.position = seq
  }

  /** Returns the rooms to join again, each with the sequence number after which its messages are missing. */
  outside(): { room: string; since: number }[] {
    return [...this.rooms].flatMap(([room, state]) => (state.phase === 'outside' ? [{ room, since: state.progress.seq }] : []))
  }

  /**
   * Starts a session, which is either the first session or the replacement for a lost session.
   * @param seq the last sequence number of the room log when the session began
   * @returns the gap in the room of everyone, if messages in the room of everyone are missing
   */
  fresh(seq: number): RoomEvent[] {
    this.moveTo(seq)
    for (const [room, state] of this.connectionLost()) this.rooms.set(room, { phase: 'outside', progress: state.progress })
    if (this.everyone === undefined) {
      this.everyone = progressFrom(seq)
      this.rooms.set(everyoneRoom, live(this.everyone))
      return []
    }
    const before = this.everyone.seq
    // The client cannot join the room of everyone, so it cannot request missed messages of this room.
    return seq > before ? [{ type: 'gap', why: 'fresh_session', room: everyoneRoom, from: before + 1, to: seq }] : []
  }

  /**
   * Continues the session on a new connection.
   * @param replayed the number of replayed frames that follow, from all rooms of the session
   * @param names the names of the rooms of the session
   * @param from the sequence number after which the frames begin
   */
  resumed(replayed: number, names: readonly string[], from: number): void {
    // All room messages after the sequence number `from` follow in order, either at once or when the replica has read them from the store.
    this.moveTo(from)
    for (const [room, state] of this.connectionLost()) {
      const covered = names.includes(room) && state.progress.seq >= from
      if (!covered) this.rooms.set(room, { phase: 'outside', progress: state.progress })
      else if (state.phase !== 'live') this.rooms.set(room, { phase: 'replaying', progress: state.progress })
    }
    if (replayed > 0) this.replay = { left: replayed, countedSeq: 0, gapTo: 0 }
    else this.replayEnded()
  }

  /**
   * Handles the answer to a join.
   * @param seq the last sequence number of the room log when the server answered
   * @param history the number of history frames of the room that follow
   * @returns whether the answer is complete already; if not, the first history frame completes the answer
   */
  joined(room: string, seq: number, history: number): boolean {
    const state = this.rooms.get(room)
    if (history === 0) {
      this.rooms.set(room, caughtUp(state === undefined || state.phase === 'joining' ? progressFrom(0) : state.progress, seq))
      return true
    }
    const announced = { left: history, countedSeq: 0, endsAt: seq }
    if (state === undefined || state.phase === 'joining') {
      this.rooms.set(room, { phase: 'joining', history: announced })
      return false
    }
    if (state.phase === 'live') state.repeated = announced
    else this.rooms.set(room, { phase: 'catchingUp', progress: state.progress, history: announced, earlier: 'replay' })
    return true
  }

  /**
   * Records that the server has sent everything up to this sequence number, so that quiet rooms do not later request messages that the
   * server may have deleted.
   */
  sentUpTo(seq: number): void {
    if (this.replay === undefined) this.position = Math.max(this.position, seq)
  }

  /** Removes a room that the client has left. */
  left(room: string): void {
    this.rooms.delete(room)
  }

  /**
   * Records a range of sequence numbers that the server no longer stores.
   * @param room the affected room; undefined if the range may concern any room
   */
  gap(room: string | undefined, from: number, to: number): RoomEvent {
    for (const [name, state] of this.rooms) {
      if (state.phase === 'joining' || (room !== undefined && room !== name) || from > this.seqOf(state)) continue
      // The room log lost its last messages: it continues below the sequence number of this room, with new offsets.
      this.wentBack = true
      state.progress.offset = undefined
    }
    if (room === undefined) {
      // If a replay follows, `position` moves past the gap only after the last replayed message.
      if (this.replay !== undefined) this.replay.gapTo = to
      else this.position = Math.max(this.position, to)
    }
    return { type: 'gap', why: 'resume_gap', room, from, to }
  }

  /** Handles a room message. `completed`: whether this message was the last one of the answer to a join. */
  receive(frame: RoomFrame): { events: RoomEvent[]; completed: boolean } {
    const { room, seq } = frame
    const state = this.rooms.get(room)
    if (frame.provisional || seq === undefined) {
      return { events: state === undefined ? [] : [this.provisional(frame)], completed: false }
    }
    if (this.replay !== undefined) return { events: this.ofReplay(this.replay, state, frame, seq), completed: false }
    switch (state?.phase) {
      case 'joining': {
        const progress = progressFrom(0)
        this.rooms.set(room, { phase: 'catchingUp', progress, history: state.history, earlier: 'history' })
        return { events: this.ofHistory(progress, state.history, frame, seq, 'history'), completed: true }
      }
      case 'catchingUp':
        return { events: this.ofHistory(state.progress, state.history, frame, seq, state.earlier), completed: false }
      case 'live':
        if (state.repeated === undefined) break
        return { events: this.ofHistory(state.progress, state.repeated, frame, seq, 'replay'), completed: false }
    }
    this.position = Math.max(this.position, seq)
    return { events: state?.phase === 'live' ? this.place(state.progress, frame, seq, undefined) : [], completed: false }
  }

  private ofReplay(replay: Replay, state: RoomState | undefined, frame: RoomFrame, seq: number): RoomEvent[] {
    // Ignores messages of rooms that the client has left, and of rooms whose join is not complete.
    const concerned = state !== undefined && state.phase !== 'joining' && state.phase !== 'outside'
    const events = concerned ? this.place(state.progress, frame, seq, 'replay') : []
    this.position = Math.max(this.position, seq)
    if (isLast(replay, seq)) {
      this.position = Math.max(this.position, replay.gapTo)
      this.replayEnded()
    }
    return events
  }

  /**
   * Handles a message of one room's history. A message of one room's history gives no information about other rooms, so `position` stays
   * unchanged.
   */
  private ofHistory(progress: Progress, history: History, frame: RoomFrame, seq: number, earlier: 'history' | 'replay'): RoomEvent[] {
    const events = this.place(progress, frame, seq, earlier)
    if (isLast(history, seq)) this.rooms.set(frame.room, caughtUp(progress, history.endsAt))
    return events
  }

  /** Delivers a message of a room, unless it was delivered before. */
  private place(progress: Progress, frame: RoomFrame, seq: number, earlier: RoomMessage['earlier']): RoomEvent[] {
    const message = messageOf(frame, earlier)
    const { offset } = frame
    if (seq <= progress.seq) {
      const late = offset !== undefined && progress.holes.some(({ from, to }) => from <= offset && offset <= to)
      return [{ type: 'dropped', why: late ? 'out_of_order' : earlier !== undefined ? 'replayed' : 'duplicate', message }]
    }
    const events: RoomEvent[] = []
    if (offset !== undefined && progress.offset !== undefined && offset !== progress.offset + 1) {
      // When the server has forgotten a room, it restarts the offsets of the room at 1.
      const expected = offset > progress.offset ? progress.offset + 1 : 1
      const missing = offset - expected
      if (missing > 0) {
        events.push({ type: 'gap', why: 'offsets', room: frame.room, from: progress.seq + 1, to: seq - 1, missing })
        progress.holes.push({ from: expected, to: offset - 1 })
        if (progress.holes.length > maxHoles) progress.holes.shift()
      }
    }
    progress.seq = seq
    progress.offset = offset
    const keys = keysOf(frame)
    // After the room log has lost messages, a room message with the same content as an earlier message is a second copy.
    const again = this.wentBack ? keys : keys.slice(1)
    const had = keys.some((key) => this.hadProvisionally.has(key)) || again.some((key) => this.hadStored.has(key))
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
    this.replay = undefined
    for (const [room, state] of this.rooms) if (state.phase === 'replaying') this.rooms.set(room, live(state.progress))
  }

  /**
   * Stops expecting the messages that the server announced on the lost connection; a join whose answer is not complete counts as
   * unanswered. Returns the rooms that the client is still in, without the room of everyone.
   */
  private connectionLost(): [string, JoinedState][] {
    this.replay = undefined
    const joined: [string, JoinedState][] = []
    for (const [room, state] of this.rooms) {
      if (state.phase === 'joining') {
        this.rooms.delete(room)
        continue
      }
      if (state.phase === 'live') state.repeated = undefined
      if (room !== everyoneRoom) joined.push([room, state])
    }
    return joined
  }
}

function progressFrom(seq: number): Progress {
  return { seq, offset: undefined, holes: [] }
}

function live(progress: Progress): RoomState {
  return { phase: 'live', progress, repeated: undefined }
}

/** Returns the state `live` for a room whose history is complete up to a sequence number. */
function caughtUp(progress: Progress, endsAt: number): RoomState {
  progress.seq = Math.max(progress.seq, endsAt)
  return live(progress)
}

/** Counts a message that the server announced in an answer. Returns whether the message was the last one that the server announced. */
function isLast(announced: Announced, seq: number): boolean {
  if (seq <= announced.countedSeq) return false
  announced.countedSeq = seq
  announced.left -= 1
  return announced.left === 0
}

/**
 * Returns the keys by which a repeated message is recognised; no keys for a message without an id. While the store is unavailable, the
 * server cannot resume sessions. A sender that moves to another replica during an outage of the store gets a new connection id, so the
 * client recognises its message by the content.
 */
function keysOf({ room, from, id, clientTime, data }: RoomFrame): string[] {
  if (id === undefined) return []
  const ofSender = `${room} ${from} ${JSON.stringify(id)}`
  return clientTime === undefined ? [ofSender] : [ofSender, `${room} ${JSON.stringify(id)} ${clientTime} ${hashOf(JSON.stringify(data))}`]
}

/** Returns the 32-bit FNV-1a hash of a string. */
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
