/** Runs the drain of drain.ts: owns its timer, and waits for the last scrape when the sockets are gone. */
import type { Config } from './config.ts'
import { type DrainState, returnWindowMs, startDrain, stepDrain } from './drain.ts'
import type { Hub } from './hub.ts'
import type { Clock, Log } from './ports.ts'

export interface DrainRunner {
  progress(): { socketsLeft: number; secondsLeft: number }
  /** Begins the drain; called again, it moves the deadline to now. */
  begin(): void
  /** Takes note that somebody has read the metrics. */
  scraped(): void
}

export interface DrainRunnerDeps {
  config: Config
  clock: Clock
  hub: Hub
  log: Log
  /** The sockets are gone; metrics are still served, for one last look. */
  onEmpty: () => void
  /** All is done. */
  onDone: () => void
}

/** How often a drain takes a step. Milliseconds. */
const stepMs = 100
/** At the latest after so long, the log says how far it is. Milliseconds. */
const logEveryMs = 5000

export function createDrainRunner({ config, clock, hub, log, onEmpty, onDone }: DrainRunnerDeps): DrainRunner {
  const settings = { delayMs: config.DRAIN_DELAY, timeoutMs: config.DRAIN_TIMEOUT, perSecond: config.DRAIN_RATE }
  let state: DrainState | undefined
  let stepTimer: NodeJS.Timeout | undefined
  /** Runs while we wait for the last scrape. */
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
    const next = stepDrain(settings, state, nowMs, hub.size, hub.told)
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

  /** What happened since the scrape before would never be seen if we left right now. */
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
      if (lastTimer !== undefined) {
        leave()
        return
      }
      if (state === undefined) {
        state = startDrain(settings, clock.steady(), hub.size)
        logProgress(state.phase, clock.steady())
        stepTimer = setInterval(step, stepMs)
      } else {
        // Asked twice: whoever asks does not want to wait for the deadline, nor for a scrape.
        hurried = true
        state = { ...state, deadlineMs: clock.steady() }
      }
      step()
    },
    scraped: () => {
      if (lastTimer !== undefined) leave()
    },
  }
}
