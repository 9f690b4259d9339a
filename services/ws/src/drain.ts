/**
 * How a replica leaves: not ready, wait for the router to let go, say goodbye in paced batches, close who stays, done.
 * A pure state machine: time and the number of sockets are passed in, what to do comes back.
 */

export interface DrainSettings {
  /** From SIGTERM to the first goodbye. */
  delayMs: number
  /** From SIGTERM to closing everybody who is still there. */
  timeoutMs: number
  /** Goodbyes per second; more of them when this many would not be enough to tell everybody in time. */
  perSecond: number
}

export interface DrainState {
  phase: 'letting-go' | 'saying-goodbye' | 'waiting' | 'closing' | 'done'
  startedAtMs: number
  deadlineMs: number
  /** Sockets when the drain began; the window for coming back grows with it. */
  initialSockets: number
  /** Goodbyes said so far. */
  said: number
}

export interface DrainStep {
  state: DrainState
  /** How many sockets to say goodbye to now. */
  goodbyes: number
  /** Whether to close everybody now. */
  closeAll: boolean
}

/** Smallest and largest window over which told clients spread their return. Milliseconds. */
const minWindowMs = 500
const maxWindowMs = 10_000
/** Of the time from the first goodbye to the deadline, the part in which everybody is told. */
const tellShare = 0.6
/** After the deadline, sockets that were closed get this long to finish the closing handshake. Milliseconds. */
export const closingGraceMs = 2_000

/** Begins a drain. Times by any steady clock. */
export function startDrain(settings: DrainSettings, nowMs: number, sockets: number): DrainState {
  return { phase: 'letting-go', startedAtMs: nowMs, deadlineMs: nowMs + settings.timeoutMs, initialSockets: sockets, said: 0 }
}

/**
 * One step of the drain; call it about ten times a second until the phase is `done`.
 * @param socketsLeft sockets that are open now
 * @param toldLeft how many of them have been told to go already
 */
export function stepDrain(settings: DrainSettings, state: DrainState, nowMs: number, socketsLeft: number, toldLeft: number): DrainStep {
  const stay = (phase: DrainState['phase'], more: Partial<DrainStep> = {}): DrainStep => {
    const goodbyes = more.goodbyes ?? 0
    return { state: { ...state, phase, said: state.said + goodbyes }, goodbyes, closeAll: more.closeAll ?? false }
  }
  if (state.phase === 'done') return stay('done')
  if (state.phase === 'closing') {
    // Whoever came in at the last moment is closed as well.
    return socketsLeft === 0 || nowMs >= state.deadlineMs + closingGraceMs ? stay('done') : stay('closing', { closeAll: true })
  }
  if (nowMs >= state.deadlineMs) return socketsLeft === 0 ? stay('done') : stay('closing', { closeAll: true })
  const goodbyesFromMs = state.startedAtMs + settings.delayMs
  if (nowMs < goodbyesFromMs) return stay('letting-go')
  if (socketsLeft === 0) return stay('done')
  const untold = socketsLeft - toldLeft
  const due = Math.ceil(((nowMs - goodbyesFromMs) * pace(settings, state.said + untold)) / 1000) - state.said
  if (untold > 0) return stay('saying-goodbye', { goodbyes: Math.max(0, Math.min(untold, due)) })
  return stay('waiting')
}

/** Goodbyes per second that tell so many sockets early enough: the last of them still have time to come back before the deadline. */
function pace({ delayMs, timeoutMs, perSecond }: DrainSettings, sockets: number): number {
  const tellWithinMs = (timeoutMs - delayMs) * tellShare
  return tellWithinMs > 0 ? Math.max(perSecond, (sockets * 1000) / tellWithinMs) : perSecond
}

/**
 * The window over which clients are asked to come back: wide enough that they return no faster than they are told.
 * It ends before the deadline.
 */
export function returnWindowMs(settings: DrainSettings, state: DrainState, nowMs: number): number {
  const wanted = Math.max(minWindowMs, Math.min(maxWindowMs, (state.initialSockets * 1000) / settings.perSecond))
  return Math.max(0, Math.round(Math.min(wanted, (state.deadlineMs - nowMs) * 0.8)))
}
