/** Checks that the model of the store, accessed over simulated connections, passes the real stores' test suites. */
import { readConfig } from '@lab/ws/config.ts'
import { standardTimers } from '@lab/ws/ports.ts'
import { presenceSuite } from '@lab/ws/test/suites/presence-suite.ts'
import { roomLogSuite } from '@lab/ws/test/suites/room-log-suite.ts'
import { sessionStoreSuite } from '@lab/ws/test/suites/session-store-suite.ts'
import { valkeyStores } from '@lab/ws/valkey/stores.ts'
import { describe, onTestFinished } from 'vitest'
import { ModelLink, Store } from './store.ts'
import { Process, Timeline } from './timeline.ts'

/** Virtual time that follows real time, because the test suites wait in real time. */
class RealTime extends Timeline {
  private readonly startedAtMs = performance.now()
  readonly turning = setInterval(() => void this.turn(), 1)
  private isTurning = false

  private async turn(): Promise<void> {
    if (this.isTurning) return
    this.isTurning = true
    await this.runUntil(performance.now() - this.startedAtMs)
    this.isTurning = false
  }
}

/** Creates one replica's stores, connected to a new model of Valkey. */
async function stores(env: Record<string, number> = {}) {
  const timeline = new RealTime()
  const store = new Store({ timeline, epochMs: Date.now(), delayMs: () => 0.1 })
  const process = new Process()
  const config = readConfig(Object.fromEntries(Object.entries(env).map(([name, value]) => [name, String(value)])))
  if (!config.ok) throw new Error(config.problems.join('\n'))
  const clock = { now: Date.now, steady: () => performance.now() }
  const log = { info: () => {}, error: () => {} }
  const connect = (options: ConstructorParameters<typeof ModelLink>[0]) =>
    new ModelLink(options, { store, process, random: () => 0.5, parted: () => false })
  const made = valkeyStores(config.value, { id: 'a', clock, log }, { timers: standardTimers, connect, instance: 'one' })
  onTestFinished(async () => {
    await made.stop()
    clearInterval(timeline.turning)
  })
  await new Promise((resolve) => setTimeout(resolve, 20))
  return made
}

describe('the room log', () => roomLogSuite(async () => (await stores()).roomLog))

describe('sessions', () => {
  sessionStoreSuite(async ({ windowMs, limit }) => {
    const { sessions: store } = await stores({ RESUME_WINDOW: windowMs, MAX_HELD_SESSIONS: limit })
    const pass = async (ms: number) => {
      await new Promise((resolve) => setTimeout(resolve, ms))
      store.tick(performance.now())
    }
    return { store, pass }
  })
})

describe('presence', () => {
  presenceSuite(async () => ({ presence: (await stores()).presence, stop: async () => {} }))
})
