/** Uses a timer to run the drain state machine in drain.ts, and then waits for the last scrape of the metrics. */
import type { Config } from './config.ts'
import { type DrainState, returnWindowMs, startDrain, stepDrain } from './drain.ts'
import type { Hub } from './hub.ts'
import type { Clock, Log } from './ports.ts'

export interface DrainRunner {
  progress(): { socketsLeft: number; secondsLeft: number }
  /** Begins the drain; does nothing if the drain has begun already. */
  begin(): void
  /** Moves the drain deadline to the current time, and ends the wait for the last scrape. */
  hurry(): void
  /** Records that Prometheus has scraped the metrics. */
  scraped(): void
}

export interface DrainRunnerDeps {
  config: Config
  clock: Clock
  hub: Hub
  log: Log
  /**
   * Called when no connections are left, or when the time allowed for closing handshakes after the drain deadline has elapsed. The replica
   * continues to serve its metrics for one final scrape.
   */
  onEmpty: () => void
  /** Called when the replica's drain is complete. */
  onDone: () => void
}

/** Interval between the steps of a drain. Milliseconds. */
const stepMs = 100
/** Maximum time between two log lines about a drain's progress. Milliseconds. */
const logEveryMs = 5000

export function createDrainRunner({ config, clock, hub, log, onEmpty, onDone }: DrainRunnerDeps): DrainRunner {
  const settings = { delayMs: config.DRAIN_DELAY, timeoutMs: config.DRAIN_TIMEOUT, perSecond: config.DRAIN_RATE }
  let state: DrainState | undefined
  let stepTimer: NodeJS.Timeout | undefined
  /** Timer that limits how long the replica waits for the last scrape. */
  let lastTimer: NodeJS.Timeout | undefined
  let hurried = false
  let loggedAtMs = 0

  const progress = () => ({
    socketsLeft: state ? hub.size : 0,
    secondsLeft: state ? Math.max(0, (state.deadlineMs - clock.steady()) / 1000) : 0,
  })

  function logProgress(phase: DrainState['phase'], nowMs: number): void {
    loggedAtMs = nowMs
    log.info({ phase, ...progress() }, 'drain')
  }

  function step(): void {
    if (state === undefined || state.phase === 'done') return
    const nowMs = clock.steady()
    const next = stepDrain(settings, state, nowMs, hub.size, hub.askedToReconnect('draining'))
    if (next.state.phase !== state.phase || nowMs - loggedAtMs >= logEveryMs) logProgress(next.state.phase, nowMs)
    state = next.state
    if (next.goodbyes > 0) {
      hub.sayGoodbye({
        count: next.goodbyes,
        windowMs: returnWindowMs(settings, state, nowMs),
        reason: 'draining',
        random: Math.random,
      })
    }
    if (next.closeAll) hub.closeAll('draining')
    if (state.phase === 'done') empty()
  }

  /** Waits for one more scrape, without which Prometheus would miss the final values of the counters. */
  function empty(): void {
    clearInterval(stepTimer)
    onEmpty()
    if (hurried) leave()
    else lastTimer = setTimeout(leave, config.LAST_SCRAPE_TIMEOUT)
  }

  function leave(): void {
    clearTimeout(lastTimer)
    onDone()
  }

  return {
    progress,
    begin: () => {
      if (state !== undefined) return
      state = startDrain(settings, clock.steady(), hub.size)
      logProgress(state.phase, clock.steady())
      stepTimer = setInterval(step, stepMs)
      step()
    },
    hurry: () => {
      hurried = true
      if (lastTimer !== undefined) return leave()
      if (state !== undefined) state = { ...state, deadlineMs: clock.steady() }
      step()
    },
    scraped: () => {
      if (lastTimer !== undefined) leave()
    },
  }
}
