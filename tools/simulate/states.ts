/**
 * Defines the states that a meaningful simulation must reach. If some of these states are never reached, even by runs with many different
 * seeds, the simulation covers too little.
 */
import { closeCodes } from '@lab/contract/close-codes.ts'
import type { History } from './history.ts'
import type { Fault } from './plan.ts'
import type { Run } from './simulated-replica.ts'
import type { Message } from './wire.ts'

export const interestingStates = [
  'a client joined with since on a replica that had not read the log yet',
  'a client resumed on a replica that had not read the log yet',
  'the session of a client that moved could not be read',
  'a session could not be read in two separate outages, and a message was sent again',
  'a session was resumed on another replica',
  'the store was reset to a position before that of a client',
  'a fault began during another one',
  'three faults were active at once',
  'a gap was reported',
  'missed messages were replayed',
  'missed messages were sent after a join with since',
  'a stored message was sent again because its answer was lost',
  'a message was answered as a duplicate',
  'a message was shown before it was stored',
  'an old connection was closed because its session had moved',
  'a client was asked to reconnect',
] as const
export type State = (typeof interestingStates)[number]

export class States {
  readonly reached = new Set<State>()
  private faults = 0
  private outages = 0
  /** For each client, the store outages during which its session could not be read. */
  private readonly unavailable = new Map<string, Set<number>>()
  private readonly sessionsAt = new Map<string, string>()
  private readonly sent = new Set<unknown>()

  reach(state: State): void {
    this.reached.add(state)
  }

  began(_: Fault): void {
    this.faults++
    if (this.faults > 1) this.reach('a fault began during another one')
    if (this.faults > 2) this.reach('three faults were active at once')
  }

  ended(_: Fault): void {
    this.faults--
  }

  outageBegan(): void {
    this.outages++
  }

  accepted(client: string, { type, id, since }: Message, { hasRead }: Run, history: History): void {
    if (type === 'join' && since !== undefined && !hasRead)
      this.reach('a client joined with since on a replica that had not read the log yet')
    if (type === 'resume' && !hasRead) this.reach('a client resumed on a replica that had not read the log yet')
    if (type !== 'broadcast') return
    if (this.sent.has(id)) {
      if (history.wasStored(String(id))) this.reach('a stored message was sent again because its answer was lost')
      if ((this.unavailable.get(client)?.size ?? 0) > 1)
        this.reach('a session could not be read in two separate outages, and a message was sent again')
    }
    this.sent.add(id)
  }

  delivered(client: string, message: Message, { replica }: Run): void {
    switch (message.type) {
      case 'resumed':
        if (this.sessionsAt.get(client) !== replica) this.reach('a session was resumed on another replica')
        if (Number(message.replayed) > 0) this.reach('missed messages were replayed')
        this.sessionsAt.set(client, replica)
        break
      case 'room_joined':
        if (Number(message.history) > 0 && this.sessionsAt.has(client)) this.reach('missed messages were sent after a join with since')
        this.sessionsAt.set(client, replica)
        break
      case 'resume_gap':
        this.reach('a gap was reported')
        break
      case 'message_response':
        if (message.duplicate === true) this.reach('a message was answered as a duplicate')
        break
      case 'room_message':
        if (message.provisional === true) this.reach('a message was shown before it was stored')
        break
      case 'goodbye':
        this.reach('a client was asked to reconnect')
        break
      case 'error':
        if (message.code === 'resume_unavailable') {
          this.reach('the session of a client that moved could not be read')
          this.unavailable.set(client, (this.unavailable.get(client) ?? new Set()).add(this.outages))
        }
    }
  }

  closed(code: number): void {
    if (code === closeCodes.replaced.code) this.reach('an old connection was closed because its session had moved')
  }
}
