/**
 * Tracks the delivery progress in each room: delivers every message exactly once and in order, and reports missing messages. Pure.
 *
 * A live room has received every message up to `position` (the last sequence number that arrived on this connection) or up to the room's
 * own sequence number, whichever is higher. After a session has been lost, different rooms may be complete up to different sequence
 * numbers. To request the messages after a room's own sequence number, the client joins the room or resumes the session.
 */
import { everyoneRoom } from '../../contract/src/messages.ts'
import type { ClientEvent, RoomMessage } from './types.ts'
import type { RoomFrame } from './wire.ts'

/** Number of offset gaps that the client remembers per room, to distinguish late messages from duplicates. */
const maxHoles = 16
/**
 * Maximum numbers of provisional and of stored messages that the client remembers in order to recognise duplicates. A replica queues no
 * more than `maxProvisional` provisional messages.
 */
const maxProvisional = 10_000
const maxStored = 256

/** The delivery progress in one room. */
interface Progress {
  /** Sequence number of the last delivered message; earlier messages in the room are no longer expected. */
  seq: number
  offset: number | undefined
  /** Ranges of message offsets that were skipped. */
  holes: { from: number; to: number }[]
}

/** Earlier messages that the server announced in a response, not all of which have arrived yet. */
interface Announced {
  left: number
  /** Sequence number of the last counted message; prevents a message that arrives twice from being counted twice. */
  countedSeq: number
}

/** The history messages that follow the response to a join request. */
interface History extends Announced {
  /**
   * The last sequence number in the room log when the server responded to the join request. Once the history has arrived, the room is
   * complete up to this sequence number.
   */
  endsAt: number
}

/** The replayed messages that follow the response to a resume request, across all rooms of the session. */
interface Replay extends Announced {
  /** Last sequence number of the gap that the server reported with its response to the resume request; 0 if there was no gap. */
  gapTo: number
}

/** The delivery state of one room. `lastSeq` must not exceed the progress of any room that is `catchingUp`, `replaying` or `outside`. */
export type RoomState =
  /**
   * The server has responded to the first request to join the room, but no history message has arrived yet, so the response is incomplete.
   */
  | { phase: 'joining'; history: History }
  /**
   * The messages announced in the response to a join request are arriving. `earlier` is `history` for messages from before the first join,
   * and `replay` for messages that the client missed.
   */
  | { phase: 'catchingUp'; progress: Progress; history: History; earlier: 'history' | 'replay' }
  /** The server is replaying the messages that the client missed in the room. */
  | { phase: 'replaying'; progress: Progress }
  /** `repeated`: the history that the server sends again after a second join request; its messages have already been delivered. */
  | { phase: 'live'; progress: Progress; repeated: History | undefined }
  /** The server's session does not contain the room, so the client must rejoin it from the room's own sequence number. */
  | { phase: 'outside'; progress: Progress }

type JoinedState = Exclude<RoomState, { phase: 'joining' }>

type RoomEvent = Extract<ClientEvent, { type: 'message' | 'dropped' | 'gap' }>

export class Rooms {
  private readonly rooms = new Map<string, RoomState>()
  /** Delivery progress in the room `*`. Every session belongs to the room `*`, so this room is always live. */
  private everyone: Progress | undefined
  private replay: Replay | undefined
  private readonly hadProvisionally = new Set<string>()
  private readonly hadStored = new Set<string>()
  private position = 0
  /**
   * Whether the server's room log has lost its latest messages, in which case some of this client's messages may be stored a second time.
   */
  private wentBack = false

  /** Sequence number up to which all messages have arrived: the minimum across all rooms. */
  get lastSeq(): number {
    const seqs = [...this.rooms.values()].flatMap((state) => (state.phase === 'joining' ? [] : [this.seqOf(state)]))
    return seqs.length === 0 ? this.position : Math.min(...seqs)
  }

  private seqOf({ phase, progress }: JoinedState): number {
    return phase === 'live' ? Math.max(progress.seq, this.position) : progress.seq
  }

  /** Sets the sequence number at which a new connection starts; each room retains its own delivery progress. */
  private moveTo(seq: number): void {
    for (const state of this.rooms.values()) if (state.phase !== 'joining') state.progress.seq = this.seqOf(state)
    this.position = seq
  }

  /** Returns the rooms to rejoin, each with the sequence number after which its messages are missing. */
  outside(): { room: string; since: number }[] {
    return [...this.rooms].flatMap(([room, state]) => (state.phase === 'outside' ? [{ room, since: state.progress.seq }] : []))
  }

  /**
   * Starts a session: either the client's first session or a replacement for a lost one.
   * @param seq the last sequence number in the room log when the session began
   * @returns the gap in the room `*`, if any of its messages are missing
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
    // The client cannot join the room `*`, so it cannot request that room's missed messages.
    return seq > before ? [{ type: 'gap', why: 'fresh_session', room: everyoneRoom, from: before + 1, to: seq }] : []
  }

  /**
   * Continues the session on a new connection.
   * @param replayed the number of replayed frames that follow, across all rooms of the session
   * @param names the names of the session's rooms
   * @param from the sequence number after which the replay begins
   */
  resumed(replayed: number, names: readonly string[], from: number): void {
    // The room messages after `from` follow in order, either immediately or after the replica has read them from the store.
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
   * Handles the response to a join request.
   * @param seq the last sequence number in the room log when the server responded to the join request
   * @param history the number of history frames that follow for the room
   * @returns whether the response to the join request is already complete; if not, the first history frame completes it
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
   * Records that the server has sent all messages up to this sequence number, so that a client in quiet rooms does not later request
   * messages that the server no longer stores.
   */
  sentUpTo(seq: number): void {
    if (this.replay === undefined) this.position = Math.max(this.position, seq)
  }

  /** Removes a room that the client has left. */
  left(room: string): void {
    this.rooms.delete(room)
  }

  /**
   * Records that the server no longer stores the messages in a range of sequence numbers.
   * @param room the room in which messages are missing; undefined if messages may be missing in any room
   */
  gap(room: string | undefined, from: number, to: number): RoomEvent {
    for (const [name, state] of this.rooms) {
      if (state.phase === 'joining' || (room !== undefined && room !== name) || from > this.seqOf(state)) continue
      // The room log has lost its latest messages: new messages get lower sequence numbers than this room has already reached, and new
      // offsets.
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

  /** Handles a room message. `completed`: whether this message completed the response to a join request. */
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
    // Ignores messages in rooms that the client has left or has not finished joining.
    const concerned = state !== undefined && state.phase !== 'joining' && state.phase !== 'outside'
    const events = concerned ? this.place(state.progress, frame, seq, 'replay') : []
    this.position = Math.max(this.position, seq)
    if (isLast(replay, seq)) {
      this.position = Math.max(this.position, replay.gapTo)
      this.replayEnded()
    }
    return events
  }

  /** Handles a message from a room's history. A history message says nothing about other rooms, so `position` remains unchanged. */
  private ofHistory(progress: Progress, history: History, frame: RoomFrame, seq: number, earlier: 'history' | 'replay'): RoomEvent[] {
    const events = this.place(progress, frame, seq, earlier)
    if (isLast(history, seq)) this.rooms.set(frame.room, caughtUp(progress, history.endsAt))
    return events
  }

  /** Delivers a room message unless it has already been delivered. */
  private place(progress: Progress, frame: RoomFrame, seq: number, earlier: RoomMessage['earlier']): RoomEvent[] {
    const message = messageOf(frame, earlier)
    const { offset } = frame
    if (seq <= progress.seq) {
      const late = offset !== undefined && progress.holes.some(({ from, to }) => from <= offset && offset <= to)
      return [{ type: 'dropped', why: late ? 'out_of_order' : earlier !== undefined ? 'replayed' : 'duplicate', message }]
    }
    const events: RoomEvent[] = []
    if (offset !== undefined && progress.offset !== undefined && offset !== progress.offset + 1) {
      // Once the server has forgotten a room, it restarts the room's offsets at 1.
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
    // Once the room log has lost messages, a message with the same sender and id as an earlier message also counts as a duplicate.
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
   * Stops expecting the messages that the server announced on the lost connection. A join request whose response is incomplete is treated
   * as if it had received no response. Returns the rooms that the client is still in, except the room `*`.
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

/** Returns the `live` state for a room whose history is complete up to a sequence number. */
function caughtUp(progress: Progress, endsAt: number): RoomState {
  progress.seq = Math.max(progress.seq, endsAt)
  return live(progress)
}

/** Counts a message that the server announced in a response. Returns whether the message was the last of those announced. */
function isLast(announced: Announced, seq: number): boolean {
  if (seq <= announced.countedSeq) return false
  announced.countedSeq = seq
  announced.left -= 1
  return announced.left === 0
}

/**
 * Returns the keys by which a duplicate message is recognised, or no keys if the message has no id. While the store is unavailable, the
 * server cannot resume sessions. A sender that moves to another replica during a store outage gets a new connection id, so the client
 * recognises that sender's messages by their content.
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
