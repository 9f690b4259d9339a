/** Collects the output of the client's state machine: actions to perform, events and state for the application, and counters. Pure. */
import type { GoodbyeReason } from '../../contract/src/metrics.ts'
import type { ClientEvent, ClientState, ClientStats } from './types.ts'

export type Action =
  /** `away`: the reason why the connection attempt should reach a different replica; undefined if any replica is acceptable. */
  | { do: 'dial'; connection: number; away: GoodbyeReason | undefined }
  | { do: 'send'; connection: number; text: string }
  /** `cut`: true if the server is not expected to respond, in which case the client skips the closing handshake. */
  | { do: 'close'; connection: number; code: number; reason: string; cut: boolean }
  | { do: 'emit'; event: ClientEvent }

export class Report {
  readonly stats: ClientStats = {
    sent: 0,
    resent: 0,
    answered: 0,
    refused: 0,
    unanswered: 0,
    received: 0,
    duplicatesDropped: 0,
    gaps: 0,
    missing: 0,
    reconnects: 0,
    resumes: 0,
    moves: 0,
    halfOpen: 0,
    rttMs: undefined,
  }
  state: ClientState = {
    word: 'connecting',
    replica: undefined,
    movedFrom: undefined,
    connectionId: undefined,
    attempt: 0,
    nextTryInMs: undefined,
    closeCode: undefined,
    reason: '',
  }
  private readonly traced: boolean
  private waiting: Action[] = []

  /** @param traced whether to report each frame to the listener as an event */
  constructor(traced: boolean) {
    this.traced = traced
  }

  takeActions(): Action[] {
    const actions = this.waiting
    this.waiting = []
    return actions
  }

  act(action: Action): void {
    this.waiting.push(action)
  }

  emit(event: ClientEvent): void {
    const { stats } = this
    if (event.type === 'message') stats.received += 1
    else if (event.type === 'dropped') stats.duplicatesDropped += 1
    else if (event.type === 'refused') stats.refused += 1
    else if (event.type === 'gap') {
      stats.gaps += 1
      stats.missing += event.missing ?? 0
    } else if (event.type === 'attached') this.countAttached(event)
    this.waiting.push({ do: 'emit', event })
  }

  frame(direction: 'in' | 'out', connection: number, text: string): void {
    if (this.traced) this.waiting.push({ do: 'emit', event: { type: 'frame', direction, connection, text } })
  }

  /**
   * Changes the client's state and reports the change to the application. State fields that are not passed remain unchanged, except
   * `nextTryInMs`, which is cleared.
   */
  become(change: Partial<ClientState>): void {
    this.state = { ...this.state, nextTryInMs: undefined, ...change }
    this.waiting.push({ do: 'emit', event: { type: 'state', state: this.state } })
  }

  private countAttached({ how, replica }: Extract<ClientEvent, { type: 'attached' }>): void {
    const before = this.state.replica
    if (before !== undefined) this.stats.reconnects += 1
    if (how === 'resumed') this.stats.resumes += 1
    if (before !== undefined && before !== replica) this.stats.moves += 1
  }
}
