/**
 * One visit of one user: connect, talk, leave. Coming back after a loss, moving to another replica and resuming is what
 * the lab's client does by itself; here is what the user does, and what is counted. Every wait in it is bounded.
 */
import type { CookieJar } from 'k6/http'
import http from 'k6/http'
import { clearTimeout, setTimeout } from 'k6/timers'
import { createClient } from '../../client/src/client.ts'
import { k6Environment } from '../../client/src/k6.ts'
import type { ClientEvent } from '../../client/src/types.ts'
import { closeCodes } from '../../contract/src/close-codes.ts'
import * as metrics from './metrics.ts'
import type { Random } from './random.ts'

const answerTimeoutMs = 5_000

export interface SessionPlan {
  url: string
  /** The user's cookies: by them the router brings a returning user to the replica of the last visit. */
  jar: CookieJar
  random: Random
  /** Room to join, and the share of messages for it, if the user is one for rooms. */
  room: { name: string; share: number } | undefined
  /** How long to stay before leaving by ourselves, in milliseconds. */
  stayMs: number
}

/** How the visit ended: `left` as planned, `refused` at every handshake, or `lost`: sent away for good. */
export interface SessionEnd {
  kind: 'left' | 'refused' | 'lost'
  /** Replicas at the begin and at the end of the visit. */
  firstReplica: string | undefined
  replica: string | undefined
  jar: CookieJar
  /** For people: why it was refused or lost. */
  detail: string
}

/**
 * Starts a visit and returns at once.
 * @param onEnd called exactly once, when the visit is over
 */
export function startSession(plan: SessionPlan, onEnd: (end: SessionEnd) => void): void {
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

  /** A router that knows the user again would bring it back to where it is not wanted. */
  function forgetReplica(): void {
    end.jar = new http.CookieJar()
  }

  function say(send: () => string): void {
    sentAt.set(send(), Date.now())
    metrics.messagesSent.add(1)
  }

  function talk(): void {
    if (phase !== 'staying') return
    giveUpOn((sentAtMs) => Date.now() - sentAtMs > answerTimeoutMs)
    const data = 'x'.repeat(plan.random.between(20, 200))
    if (room !== undefined && joined && plan.random.chance(room.share)) say(() => client.broadcast(room.name, data))
    else say(() => client.send(data))
    after(plan.random.between(2000, 5000), talk)
  }

  /** Counts messages as lost whose answer nobody waits for any longer. */
  function giveUpOn(hopeless: (sentAtMs: number) => boolean): void {
    for (const [id, sentAtMs] of sentAt) {
      if (!hopeless(sentAtMs)) continue
      sentAt.delete(id)
      metrics.errors.add(true)
    }
  }

  /** Waits for answers on their way, then closes. */
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
    giveUpOn(() => true)
    onEnd({ ...end, kind })
  }

  function take(event: ClientEvent): void {
    if (phase === 'over') return
    switch (event.type) {
      case 'opened':
        metrics.connectSuccess.add(true)
        metrics.connectTime.add(event.tookMs)
        metrics.socketsOpened.add(1)
        return
      case 'closed':
        closed(event)
        return
      case 'attached':
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
    // To leave, and to be sent away and go, is as agreed; anything else is not, also when nothing was lost by it.
    const agreed = why === 'left' || why === 'moved' || code === closeCodes.draining.code
    if (!agreed) end.detail = `${why}, code ${code} ${reason}`
    if (opened) {
      metrics.socketsClosed.add(1)
      metrics.errors.add(!agreed)
    } else if (why !== 'left') metrics.connectSuccess.add(false)
  }

  function answered({ id, stored, request }: Extract<ClientEvent, { type: 'answered' }>): void {
    // Not stored yet: the answer that counts is still to come.
    if (stored === false) return
    if (request === 'join') joined = true
    const sentAtMs = sentAt.get(id)
    if (sentAtMs === undefined) return
    sentAt.delete(id)
    metrics.errors.add(false)
    metrics.messagesAnswered.add(1)
    metrics.messageRtt.add(Date.now() - sentAtMs)
  }

  function delivered({ from, clientTime, earlier }: Extract<ClientEvent, { type: 'message' }>['message']): void {
    if (from === client.state.connectionId || clientTime === undefined || earlier === 'history') return
    metrics.roomDelivery.add(Date.now() - clientTime)
  }

  if (room !== undefined) say(() => client.join(room.name))
  after(plan.random.between(100, 3000), talk)
  after(plan.stayMs, leave)
}
