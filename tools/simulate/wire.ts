/** One WebSocket connection between a client and a replica, with the sockets at both ends. */
import type { Socket as ClientSocket } from '@lab/client/types.ts'
import { closeCodes } from '@lab/contract/close-codes.ts'
import type { ClientMessageType, ServerMessageType } from '@lab/contract/messages.ts'
import type { Connection, Socket as ReplicaSocket } from '@lab/ws/connection.ts'
import type { TextFrame } from '@lab/ws/text-frame.ts'
import type { Run } from './simulated-replica.ts'
import { Channel, type Timeline } from './timeline.ts'

/** A message from either the client or the replica. */
export type Message = { type: ClientMessageType | ServerMessageType } & Record<string, unknown>

/** Observes the frames of a connection. */
export interface WireTap {
  /** Called when a frame from the client has reached the replica. */
  accepted(message: Message, run: Run): void
  /** Called when a frame from the replica has reached the client. */
  delivered(message: Message, run: Run): void
  /** Called when the client is notified that the connection has closed. */
  closed(code: number, run: Run): void
}

export interface WireOptions {
  timeline: Timeline
  delayMs: () => number
  /** Returns a random number from 0 to 1. */
  random: () => number
  /** The replica's process; undefined if no replica responds. */
  run: Run | undefined
  id: string
  tap: WireTap
}

/** How long a replica waits for the response to its close frame. Milliseconds. */
const closeTimeoutMs = 2000

export class Wire {
  /** The client's end of the connection. */
  readonly socket: ClientSocket
  readonly run: Run | undefined
  private readonly options: WireOptions
  private readonly toReplica: Channel
  private readonly toClient: Channel
  private connection: Connection | undefined
  private state: 'dialling' | 'open' | 'closing' | 'closed' = 'dialling'
  private replicaState: 'open' | 'closing' | 'closed' = 'open'
  private held = false
  private paused = false

  constructor(options: WireOptions) {
    const { timeline, delayMs, run } = options
    this.options = options
    this.run = run
    this.toReplica = new Channel(timeline, delayMs, run?.process)
    this.toClient = new Channel(timeline, delayMs)
    this.socket = {
      onopen: null,
      onmessage: null,
      onerror: null,
      onclose: null,
      send: (text) => this.sendFromClient(text),
      close: (code = closeCodes.normal.code) => this.closeFromClient(code),
      terminate: () => this.terminateFromClient(),
    }
    if (run === undefined) {
      timeline.after(delayMs(), () => this.ended(closeCodes.abnormal.code))
      this.replicaState = 'closed'
      return
    }
    run.wires.add(this)
    this.toReplica.send(() => this.opened(run))
  }

  get isOver(): boolean {
    return this.state === 'closed' && this.replicaState === 'closed'
  }

  /** Simulates a network that drops the connection; each end detects the loss at a different time. */
  break(): void {
    this.cut()
    this.endSoon()
    this.options.timeline.after(this.options.random() * 3000, () => this.replicaEnded(closeCodes.abnormal.code), this.run?.process)
  }

  /** Cuts or restores this connection's network; neither end is notified of the cut. */
  hold(held: boolean): void {
    this.held = held
    setHeld(this.toReplica, held || this.paused)
    setHeld(this.toClient, held)
  }

  private pause(paused: boolean): void {
    this.paused = paused
    setHeld(this.toReplica, paused || this.held)
  }

  /** Called when the replica's process has exited; the kernel then resets the connection. */
  replicaDied(): void {
    this.replicaState = 'closed'
    this.cut()
    this.endSoon()
  }

  private opened(run: Run): void {
    if (!run.accepts) {
      this.toClient.send(() => this.ended(closeCodes.abnormal.code))
      this.replicaEnded(closeCodes.abnormal.code)
      return
    }
    this.toClient.send(() => {
      if (this.state !== 'dialling') return
      this.state = 'open'
      call(this.socket.onopen)
    })
    const socket: ReplicaSocket = {
      sendFrame: (frame) => this.sendFromReplica(frame),
      ping: () => this.toClient.send(() => this.toReplica.send(() => this.connection && run.hub.pong(this.connection))),
      pong: () => {},
      close: (code) => this.closeFromReplica(code),
      terminate: () => this.terminateFromReplica(),
      bufferedAmount: 0,
      unfinishedBytes: 0,
      pause: () => this.pause(true),
      resume: () => this.pause(false),
    }
    this.connection = run.hub.open(socket, { connectionId: this.options.id, requestId: this.options.id })
  }

  private sendFromClient(text: string): void {
    if (this.state !== 'open') throw new Error('the socket is not open')
    this.toReplica.send(() => {
      const { run, connection } = this
      if (run === undefined || connection === undefined || this.replicaState === 'closed') return
      this.options.tap.accepted(JSON.parse(text) as Message, run)
      run.hub.receive(connection, text, text.length)
    })
  }

  private closeFromClient(code: number): void {
    if (this.state === 'closed' || this.state === 'closing') return
    this.state = 'closing'
    this.toReplica.send(() => this.replicaEnded(code))
    this.ended(code)
  }

  private terminateFromClient(): void {
    this.ended(closeCodes.abnormal.code)
    this.toReplica.cut(this.some(this.toReplica.underWay))
    this.toClient.cut(0)
    if (!this.held)
      this.options.timeline.after(this.options.delayMs(), () => this.replicaEnded(closeCodes.abnormal.code), this.run?.process)
  }

  private sendFromReplica({ frame, payloadBytes }: TextFrame): boolean {
    if (this.replicaState !== 'open') return false
    this.toClient.send(() => {
      const { run } = this
      if (this.state !== 'open' || run === undefined) return
      const data = frame.toString('utf8', frame.length - payloadBytes)
      this.options.tap.delivered(JSON.parse(data) as Message, run)
      call(this.socket.onmessage, { data })
    })
    return true
  }

  private closeFromReplica(code: number): void {
    if (this.replicaState !== 'open') return
    this.replicaState = 'closing'
    this.toClient.send(() => {
      this.ended(code)
      this.toReplica.send(() => this.replicaEnded(code))
    })
    this.options.timeline.after(closeTimeoutMs, () => this.replicaEnded(closeCodes.abnormal.code), this.run?.process)
  }

  private terminateFromReplica(): void {
    this.cut()
    this.endSoon()
    this.options.timeline.after(0, () => this.replicaEnded(closeCodes.abnormal.code), this.run?.process)
  }

  private cut(): void {
    this.toReplica.cut(this.some(this.toReplica.underWay))
    this.toClient.cut(this.some(this.toClient.underWay))
  }

  /** Notifies the client that the connection has ended, unless the network is cut. */
  private endSoon(): void {
    if (!this.held) this.options.timeline.after(20 * this.options.delayMs(), () => this.ended(closeCodes.abnormal.code))
  }

  private ended(code: number): void {
    if (this.state === 'closed') return
    this.state = 'closed'
    if (this.run !== undefined) this.options.tap.closed(code, this.run)
    call(this.socket.onclose, { code, reason: '' })
  }

  private replicaEnded(code: number): void {
    if (this.replicaState === 'closed') return
    this.replicaState = 'closed'
    this.run?.wires.delete(this)
    if (this.connection !== undefined) this.run?.hub.closed(this.connection, code)
  }

  /** When a connection is cut, TCP delivers only the chunks that had arrived before the cut. */
  private some(underWay: number): number {
    return Math.floor(this.options.random() * (underWay + 1))
  }
}

/** Calls one of the client's event handlers with an event that the handler's type does not declare. */
function call(handler: ((event?: never) => void) | null, event?: object): void {
  handler?.(event as never)
}

function setHeld(channel: Channel, held: boolean): void {
  if (held) channel.hold()
  else channel.release()
}
