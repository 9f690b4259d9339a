/**
 * One visit by one user: connect, send messages, disconnect. The client library reconnects and resumes sessions by itself. This module
 * controls the client library and counts the results of visits. Every wait in a visit has a time limit.
 */
import type { CookieJar } from 'k6/http'
import http from 'k6/http'
import { clearTimeout, setTimeout } from 'k6/timers'
import { createClient } from '../../client/src/client.ts'
import { k6Environment } from '../../client/src/k6.ts'
import type { ClientEvent } from '../../client/src/types.ts'
import { closeCodes } from '../../contract/src/close-codes.ts'
import type { Random } from '../../contract/src/random.ts'
import * as metrics from './metrics.ts'
import { visits } from './scenarios.ts'

const answerTimeoutMs = 5_000

export interface SessionPlan {
  url: string
  /** The user's cookies, by which Traefik routes a returning user to the same replica. */
  jar: CookieJar
  random: Random
  /** The room that the user joins, if any, and the fraction of the user's messages that are sent to this room. */
  room: { name: string; share: number } | undefined
  /** Length of the visit in milliseconds. */
  stayMs: number
  /** Factor by which the time between two messages is longer than usual. */
  slowness: number
}

/** How a visit ended: `left` as planned, `refused` at every handshake, or `lost` with a close code that forbids reconnecting. */
export interface SessionEnd {
  kind: 'left' | 'refused' | 'lost'
  /** The replicas that served the user at the beginning and at the end of the visit. */
  firstReplica: string | undefined
  replica: string | undefined
  jar: CookieJar
  /** The reason why the visit was refused or lost. */
  detail: string
}

/** A visit in progress. */
export interface Session {
  /** Whether the visit has an open socket. */
  isOpen(): boolean
  /** Ends the visit as planned after the given time, unless it ends earlier. */
  leaveWithin(ms: number): void
}

/**
 * Starts a visit and returns immediately.
 * @param onEnd called exactly once, at the end of the visit
 */
export function startSession(plan: SessionPlan, onEnd: (end: SessionEnd) => void): Session {
  const { room } = plan
  const timers = new Set<number>()
  const sentAt = new Map<string, number>()
  const end: SessionEnd = { kind: 'refused', firstReplica: undefined, replica: undefined, jar: plan.jar, detail: '' }
  let phase: 'staying' | 'leaving' | 'over' = 'staying'
  let joined = false
  const environment = k6Environment({ jar: () => end.jar, tags: { name: 'chat' }, random: () => plan.random.between(0, 1) })
  const client = createClient({ url: plan.url, onEvent: take, forgetReplica }, environment)

  function after(delayMs: number, then: () => void): void {
    const timer = setTimeout(() => {
      timers.delete(timer)
      then()
    }, delayMs)
    timers.add(timer)
  }

  /** Removes the sticky cookie, which would route the user back to the replica that asked the user to reconnect. */
  function forgetReplica(): void {
    end.jar = new http.CookieJar()
  }

  function say(send: () => string): void {
    sentAt.set(send(), Date.now())
    metrics.messagesSent.add(1)
  }

  function sendNext(): void {
    if (phase !== 'staying') return
    countUnanswered((sentAtMs) => Date.now() - sentAtMs > answerTimeoutMs)
    const data = 'x'.repeat(plan.random.between(...visits.messageCharacters))
    if (room !== undefined && joined && plan.random.chance(room.share)) say(() => client.broadcast(room.name, data))
    else say(() => client.send(data))
    after(plan.slowness * plan.random.between(...visits.betweenMessagesMs), sendNext)
  }

  /** Counts a message as an error if no response has arrived in time. */
  function countUnanswered(isOverdue: (sentAtMs: number) => boolean): void {
    for (const [id, sentAtMs] of sentAt) {
      if (!isOverdue(sentAtMs)) continue
      sentAt.delete(id)
      metrics.errors.add(true)
      metrics.recordCheck('answer', false)
    }
  }

  /** Waits for outstanding responses, then closes the socket. */
  function leave(): void {
    if (phase !== 'staying') return
    const startedAtMs = Date.now()
    phase = 'leaving'
    const close = () => {
      if (sentAt.size > 0 && Date.now() - startedAtMs < answerTimeoutMs) after(50, close)
      else finish(end.firstReplica === undefined ? 'refused' : 'left')
    }
    close()
  }

  function finish(kind: SessionEnd['kind']): void {
    if (phase === 'over') return
    client.close()
    phase = 'over'
    for (const timer of timers) clearTimeout(timer)
    countUnanswered(() => true)
    onEnd({ ...end, kind })
  }

  function take(event: ClientEvent): void {
    if (phase === 'over') return
    switch (event.type) {
      case 'opened':
        metrics.connectSuccess.add(true)
        metrics.recordCheck('handshake', true)
        metrics.connectTime.add(event.tookMs)
        metrics.socketsOpened.add(1)
        return
      case 'closed':
        closed(event)
        return
      case 'attached':
        metrics.sessionsAttached.add(1, { version: event.version ?? 'unknown', colour: event.colour ?? 'unknown' })
        end.firstReplica ??= event.replica
        end.replica = event.replica
        return
      case 'state':
        if (event.state.word === 'closed' && phase === 'staying') finish('lost')
        return
      case 'message':
        delivered(event.message)
        return
      case 'answered':
        answered(event)
        return
      case 'refused':
        if (sentAt.delete(event.id)) metrics.errors.add(true)
        return
      case 'gap':
        if (event.missing !== undefined) metrics.errors.add(true)
        return
      case 'error':
        metrics.errors.add(true)
    }
  }

  function closed({ opened, code, reason, why }: Extract<ClientEvent, { type: 'closed' }>): void {
    // A closed connection counts as an error, unless the user left as planned or the replica had asked the client to reconnect.
    const agreed = why === 'left' || why === 'moved' || code === closeCodes.draining.code
    if (!agreed) end.detail = `${why}, code ${code} ${reason}`
    if (opened) {
      metrics.socketsClosed.add(1)
      metrics.errors.add(!agreed)
      metrics.recordCheck('end', agreed)
    } else if (why !== 'left') {
      metrics.connectSuccess.add(false)
      metrics.recordCheck('handshake', false)
    }
  }

  function answered({ id, stored, request }: Extract<ClientEvent, { type: 'answered' }>): void {
    // A response with `stored: false` is provisional: the replica sends a final response when the room message is stored.
    if (stored === false) return
    if (request === 'join') joined = true
    const sentAtMs = sentAt.get(id)
    if (sentAtMs === undefined) return
    sentAt.delete(id)
    metrics.errors.add(false)
    metrics.recordCheck('answer', true)
    metrics.messagesAnswered.add(1)
    metrics.messageRtt.add(Date.now() - sentAtMs)
  }

  function delivered({ from, clientTime, earlier }: Extract<ClientEvent, { type: 'message' }>['message']): void {
    if (from === client.state.connectionId || clientTime === undefined || earlier === 'history') return
    metrics.roomDelivery.add(Date.now() - clientTime)
  }

  if (room !== undefined) say(() => client.join(room.name))
  after(plan.random.between(...visits.firstMessageMs), sendNext)
  after(plan.stayMs, leave)
  return {
    isOpen: () => client.state.word === 'open' || client.state.word === 'leaving',
    leaveWithin: (ms) => after(ms, leave),
  }
}
