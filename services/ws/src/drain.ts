/**
 * Controls a replica's drain: the replica stops being ready, waits until the router stops routing to it, asks its clients to reconnect at a
 * limited rate, and closes the remaining connections. The drain is a pure state machine: it takes the time and the number of sockets as
 * parameters, and returns the actions to perform.
 */

export interface DrainSettings {
  /** The time from SIGTERM to the first goodbye message. */
  delayMs: number
  /** Time from SIGTERM until all remaining connections are closed. */
  timeoutMs: number
  /** Number of goodbye messages per second. The rate exceeds DRAIN_RATE if DRAIN_RATE is too low to reach all clients in time. */
  perSecond: number
}

export interface DrainState {
  phase: 'letting-go' | 'saying-goodbye' | 'waiting' | 'closing' | 'done'
  startedAtMs: number
  deadlineMs: number
  /** Number of sockets when the drain began; the reconnect window grows with this number. */
  initialSockets: number
  /** Number of goodbye messages sent so far. */
  said: number
}

export interface DrainStep {
  state: DrainState
  /** Number of goodbye messages to send now. */
  goodbyes: number
  /** Whether to close all remaining connections now. */
  closeAll: boolean
}

/** Shortest and longest time window that clients are given to reconnect. Milliseconds. */
const minWindowMs = 500
const maxWindowMs = 10_000
/** The replica sends all goodbye messages within this fraction of the time from the first goodbye message to the drain deadline. */
const askShare = 0.6
/** Time after the deadline during which sockets may finish the closing handshake. Milliseconds. */
export const closingGraceMs = 2_000

/** Begins a drain. All times are taken from a monotonic clock. */
export function startDrain(settings: DrainSettings, nowMs: number, sockets: number): DrainState {
  return { phase: 'letting-go', startedAtMs: nowMs, deadlineMs: nowMs + settings.timeoutMs, initialSockets: sockets, said: 0 }
}

/**
 * Performs one step of the drain. Call this function about ten times per second until the phase is `done`.
 * @param socketsLeft the number of open sockets
 * @param askedLeft the number of open sockets whose clients have been asked to reconnect
 */
export function stepDrain(settings: DrainSettings, state: DrainState, nowMs: number, socketsLeft: number, askedLeft: number): DrainStep {
  const stay = (phase: DrainState['phase'], more: Partial<DrainStep> = {}): DrainStep => {
    const goodbyes = more.goodbyes ?? 0
    return { state: { ...state, phase, said: state.said + goodbyes }, goodbyes, closeAll: more.closeAll ?? false }
  }
  if (state.phase === 'done') return stay('done')
  if (state.phase === 'closing') {
    // The drain also closes connections that opened after the deadline.
    return socketsLeft === 0 || nowMs >= state.deadlineMs + closingGraceMs ? stay('done') : stay('closing', { closeAll: true })
  }
  if (nowMs >= state.deadlineMs) return socketsLeft === 0 ? stay('done') : stay('closing', { closeAll: true })
  const goodbyesFromMs = state.startedAtMs + settings.delayMs
  if (nowMs < goodbyesFromMs) return stay('letting-go')
  if (socketsLeft === 0) return stay('done')
  const notAsked = socketsLeft - askedLeft
  const due = Math.ceil(((nowMs - goodbyesFromMs) * pace(settings, state.said + notAsked)) / 1000) - state.said
  if (notAsked > 0) return stay('saying-goodbye', { goodbyes: Math.max(0, Math.min(notAsked, due)) })
  return stay('waiting')
}

/** Returns how many goodbye messages to send per second so that even the last clients have enough time to reconnect before the deadline. */
function pace({ delayMs, timeoutMs, perSecond }: DrainSettings, sockets: number): number {
  const askWithinMs = (timeoutMs - delayMs) * askShare
  return askWithinMs > 0 ? Math.max(perSecond, (sockets * 1000) / askWithinMs) : perSecond
}

/**
 * Returns the time window that clients are given to reconnect. The reconnect window grows with the number of sockets, so that clients do
 * not all reconnect at once, and it ends before the deadline.
 */
export function returnWindowMs(settings: DrainSettings, state: DrainState, nowMs: number): number {
  const wanted = Math.max(minWindowMs, Math.min(maxWindowMs, (state.initialSockets * 1000) / settings.perSecond))
  return Math.max(0, Math.round(Math.min(wanted, (state.deadlineMs - nowMs) * 0.8)))
}
