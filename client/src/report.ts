/** What a machine has to say: actions for whoever runs it, events and state for the user, counts. Pure. */
import type { GoodbyeReason } from '../../contract/src/metrics.ts'
import type { ClientEvent, ClientState, ClientStats } from './types.ts'

export type Action =
  /** `away`: why another replica is wanted than that of the last time. */
  | { do: 'dial'; connection: number; away: GoodbyeReason | undefined }
  | { do: 'send'; connection: number; text: string }
  /** `cut`: without waiting for the other side, which is not expected to answer. */
  | { do: 'close'; connection: number; code: number; reason: string; cut: boolean }
  | { do: 'tell'; event: ClientEvent }

export class Report {
  readonly stats: ClientStats = {
    ...{ sent: 0, resent: 0, answered: 0, refused: 0, unanswered: 0, received: 0, duplicatesDropped: 0, gaps: 0, missing: 0 },
    ...{ reconnects: 0, resumes: 0, moves: 0, halfOpen: 0, rttMs: undefined },
  }
  state: ClientState = {
    ...{ word: 'connecting', replica: undefined, movedFrom: undefined, connectionId: undefined, attempt: 0 },
    ...{ nextTryInMs: undefined, closeCode: undefined, reason: '' },
  }
  private readonly traced: boolean
  private waiting: Action[] = []

  /** @param traced whether frames are reported, too */
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

  tell(event: ClientEvent): void {
    const { stats } = this
    if (event.type === 'message') stats.received += 1
    else if (event.type === 'dropped') stats.duplicatesDropped += 1
    else if (event.type === 'refused') stats.refused += 1
    else if (event.type === 'gap') {
      stats.gaps += 1
      stats.missing += event.missing ?? 0
    } else if (event.type === 'attached') this.countAttached(event)
    this.waiting.push({ do: 'tell', event })
  }

  frame(direction: 'in' | 'out', connection: number, text: string): void {
    if (this.traced) this.waiting.push({ do: 'tell', event: { type: 'frame', direction, connection, text } })
  }

  /** Changes the state, and says so. What is not given stays, but for the time of the next try. */
  become(change: Partial<ClientState>): void {
    this.state = { ...this.state, nextTryInMs: undefined, ...change }
    this.waiting.push({ do: 'tell', event: { type: 'state', state: this.state } })
  }

  private countAttached({ how, replica }: Extract<ClientEvent, { type: 'attached' }>): void {
    const before = this.state.replica
    if (before !== undefined) this.stats.reconnects += 1
    if (how === 'resumed') this.stats.resumes += 1
    if (before !== undefined && before !== replica) this.stats.moves += 1
  }
}
