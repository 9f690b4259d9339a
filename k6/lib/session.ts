/** One visit of one user: dial, talk, leave. Every wait in it is bounded. */
import type { CookieJar } from 'k6/http'
import { clearTimeout, setTimeout } from 'k6/timers'
import { WebSocket } from 'k6/websockets'
import { closeCodes } from '../../contract/src/close-codes.ts'
import type { ClientMessageType, ServerMessageType } from '../../contract/src/messages.ts'
import * as metrics from './metrics.ts'
import type { Random } from './random.ts'

const connectTimeoutMs = 10_000
const answerTimeoutMs = 5_000
const closeTimeoutMs = 5_000
const ackEvery = 10

export interface SessionPlan {
  url: string
  /** The user's cookies: by them the router brings a returning user to the replica of the last visit. */
  jar: CookieJar
  random: Random
  /** Room to join and send to, if the user is one for rooms. */
  room: string | undefined
  /** How long to stay before leaving by ourselves, in milliseconds. */
  stayMs: number
}

/** How the visit ended: `left` as planned, `sent_away` by a draining replica, after the wait it asked for, `refused` at the handshake, `lost` in any other way. */
export interface SessionEnd {
  kind: 'left' | 'sent_away' | 'refused' | 'lost'
  replica: string | undefined
  /** For people: why it was refused or lost. */
  detail: string
}

interface Incoming {
  type: ServerMessageType
  replica?: string
  connectionId?: string
  from?: string
  id?: number
  clientTime?: number
  seq?: number
  comeBackInMs?: number
  code?: string
  message?: string
}

/**
 * Starts a visit and returns at once.
 * @param onEnd called exactly once, when the visit is over
 */
export function startSession(plan: SessionPlan, onEnd: (end: SessionEnd) => void): void {
  const dialledAtMs = Date.now()
  const socket = new WebSocket(plan.url, null, { jar: plan.jar, tags: { name: 'chat' } })
  const timers = new Set<number>()
  const unanswered = new Map<number, number>()
  const end: SessionEnd = { kind: 'lost', replica: undefined, detail: '' }
  let state: 'dialling' | 'talking' | 'told_to_go' | 'leaving' | 'over' = 'dialling'
  let sentAway = false
  let connectionId = ''
  let joined = false
  let nextId = 1
  let lastSeq = 0
  let ackedSeq = 0

  function after(delayMs: number, then: () => void): void {
    const timer = setTimeout(() => {
      timers.delete(timer)
      then()
    }, delayMs)
    timers.add(timer)
  }

  function send(type: ClientMessageType, fields: object): void {
    const id = nextId++
    unanswered.set(id, Date.now())
    metrics.messagesSent.add(1)
    socket.send(JSON.stringify({ type, id, ...fields }))
  }

  function talk(): void {
    if (state !== 'talking') return
    giveUpOn((sentAtMs) => Date.now() - sentAtMs > answerTimeoutMs)
    if (lastSeq - ackedSeq >= ackEvery) {
      ackedSeq = lastSeq
      socket.send(JSON.stringify({ type: 'ack' satisfies ClientMessageType, seq: lastSeq }))
    }
    const time = Date.now()
    const data = 'x'.repeat(plan.random.between(20, 200))
    if (plan.random.chance(0.1)) send('heartbeat', { time })
    else if (joined && plan.random.chance(0.5)) send('broadcast', { time, data, room: plan.room })
    else send('message', { time, data })
    after(plan.random.between(2000, 5000), talk)
  }

  /** Counts messages as lost whose answer nobody waits for any longer. */
  function giveUpOn(hopeless: (sentAtMs: number) => boolean): void {
    for (const [id, sentAtMs] of unanswered) {
      if (!hopeless(sentAtMs)) continue
      unanswered.delete(id)
      metrics.errors.add(true)
    }
  }

  /** Waits for answers on their way, then closes. */
  function leave(): void {
    if (state === 'leaving' || state === 'over') return
    const startedAtMs = Date.now()
    state = 'leaving'
    const close = () => {
      if (unanswered.size > 0 && Date.now() - startedAtMs < answerTimeoutMs) return after(50, close)
      socket.close(closeCodes.normal.code, closeCodes.normal.reason)
      after(closeTimeoutMs, () => finish('lost', `no answer to our close within ${closeTimeoutMs} ms`))
    }
    close()
  }

  function finish(kind: SessionEnd['kind'], detail: string): void {
    if (state === 'over') return
    const opened = state !== 'dialling'
    state = 'over'
    for (const timer of timers) clearTimeout(timer)
    giveUpOn(() => true)
    if (opened) {
      metrics.socketsClosed.add(1)
      metrics.errors.add(kind === 'lost')
    } else metrics.connectSuccess.add(false)
    onEnd({ ...end, kind, detail })
  }

  function receive(message: Incoming): void {
    end.replica = message.replica ?? end.replica
    lastSeq = message.seq ?? lastSeq
    const sentAtMs = message.id === undefined ? undefined : unanswered.get(message.id)
    if (message.type === 'room_message') {
      if (message.from !== connectionId && message.clientTime !== undefined) metrics.roomDelivery.add(Date.now() - message.clientTime)
    } else if (message.id !== undefined && sentAtMs !== undefined) {
      unanswered.delete(message.id)
      metrics.errors.add(message.type === 'error')
      if (message.type === 'error') return
      metrics.messagesAnswered.add(1)
      metrics.messageRtt.add(Date.now() - sentAtMs)
      if (message.type === 'room_joined') joined = true
    } else if (message.type === 'error') metrics.errors.add(true)
    else if (message.type === 'connection_established') connectionId = message.connectionId ?? ''
    else if (message.type === 'goodbye') {
      sentAway = true
      if (state === 'talking') state = 'told_to_go'
      after(message.comeBackInMs ?? 0, leave)
    }
  }

  after(connectTimeoutMs, () => {
    if (state !== 'dialling') return
    finish('refused', `no answer within ${connectTimeoutMs} ms`)
    socket.close()
  })
  socket.onopen = () => {
    if (state !== 'dialling') return socket.close()
    state = 'talking'
    metrics.connectSuccess.add(true)
    metrics.connectTime.add(Date.now() - dialledAtMs)
    metrics.socketsOpened.add(1)
    if (plan.room !== undefined) send('join', { room: plan.room })
    after(plan.random.between(100, 3000), talk)
    after(plan.stayMs, leave)
  }
  socket.onmessage = (event) => {
    if (state === 'over') return
    const message = parse(event?.data)
    if (message) receive(message)
    else metrics.errors.add(true)
  }
  // An error is always followed by a close, which ends the visit; here only its reason is kept.
  socket.onerror = (event) => {
    end.detail = event?.error ?? ''
  }
  socket.onclose = (event?: { code?: number }) => {
    if (state === 'dialling') return finish('refused', end.detail)
    if (event?.code === closeCodes.draining.code) return finish('sent_away', '')
    if (state === 'leaving' && event?.code === closeCodes.normal.code) return finish(sentAway ? 'sent_away' : 'left', '')
    finish('lost', `close code ${event?.code}. ${end.detail}`)
  }
}

/** The message in a frame, or undefined when there is none. */
function parse(frame: unknown): Incoming | undefined {
  if (typeof frame !== 'string') return undefined
  try {
    return JSON.parse(frame) as Incoming
  } catch {
    return undefined
  }
}
