/** An in-memory lab for scene tests. The fake lab records every call, and can be configured to fail at any of them. */

import type { Readings, ScaleDownRules } from '@lab/lab/lab.ts'
import type { FakeClock } from '@lab/scaler/fakes/fake-clock.ts'
import type { BeginFault } from '../core/director.ts'
import type { SceneLab } from '../core/scene.ts'

export interface FakeLab extends SceneLab {
  readonly beginFault: BeginFault
  /** The recorded calls in order, for example `load 300`. Read calls are not recorded. */
  readonly calls: string[]
  /** Lists the differences between the fake lab's current and initial states, for example `paused`. */
  unusual(): string[]
}

export interface FakeSettings {
  clock: FakeClock
  /** Zero-based index of the call that fails after it has taken effect. */
  failsAt?: number
  /** Called before each read of the fake lab. */
  onRead?: () => void
  /** Selects the calls that always fail. */
  fails?: (call: string) => boolean
  has?: { store?: boolean }
}

const target = 100
const min = 2
const max = 10
const windowSeconds = 120
const dropSeconds = 30
const syncSeconds = 15
const timeScale = 5
const startSeconds = 1
const drainSeconds = 2

interface Pod {
  number: number
  since: number
  leavingSince?: number
  /** Time at which a new replica replaces this replica in a rollout; undefined if no rollout affects it. */
  replacedAt?: number
}

/**
 * Creates the lab. The fake lab always spreads its sockets evenly over the ready replicas. The fake lab's scaler applies the HPA formula
 * with a scale-down stabilization window, and removes one replica at a time.
 */
export function fakeLab({ clock, failsAt, onRead, fails, has }: FakeSettings): FakeLab {
  const calls: string[] = []
  const decisions: Readings['decisions'][number][] = []
  const recommended: { at: number; count: number }[] = []
  let pods: Pod[] = [1, 2].map((number) => ({ number, since: 0 }))
  let load = 0
  let paused = false
  let storeUp = true
  let rules: ScaleDownRules | null = null
  /** These counters start above zero, as on a lab on which scenes have already been played. */
  const counted = { reconnects: 41, moves: 23, lost: 17 }
  let lastSync = Number.NEGATIVE_INFINITY
  let lastDrop = Number.NEGATIVE_INFINITY
  /** The active faults, with the number of replicas that existed before each fault began. */
  const faults = new Map<string, number>()
  const now = () => clock.nowSeconds()
  const isReady = ({ since, leavingSince }: Pod) => leavingSince === undefined && (since === 0 || now() - since >= startSeconds)
  const staying = () => pods.filter(({ leavingSince }) => leavingSince === undefined)

  function resize(count: number): void {
    const here = staying()
    const first = Math.max(0, ...pods.map(({ number }) => number)) + 1
    for (let i = here.length; i < count; i++) pods.push({ number: first + i - here.length, since: now() })
    for (const pod of here.slice(count)) pod.leavingSince = now()
  }

  function synchronise(): void {
    const current = staying().length
    const ratio = load / (pods.filter(isReady).length || 1) / target
    const wanted = Math.abs(ratio - 1) <= 0.1 ? current : Math.ceil(load / target)
    const window = rules?.windowSeconds ?? windowSeconds
    recommended.push({ at: now(), count: wanted })
    const highest = Math.max(...recommended.filter(({ at }) => now() - at <= window / timeScale).map(({ count }) => count))
    let desired = Math.min(max, Math.max(min, wanted > current ? Math.min(wanted, current + 4) : Math.min(current, highest)))
    if (desired < current) {
      const period = rules?.periodSeconds ?? dropSeconds
      const step = now() - lastDrop >= period / timeScale ? (rules?.pods ?? 1) : 0
      desired = Math.max(desired, current - step)
    }
    const reason = desired === current ? '' : 'pods metric above or below target'
    decisions.push({ time: new Date(now() * 1000).toISOString(), current, desired, reason, text: `${current} → ${desired}` })
    if (paused || desired === current) return
    if (desired < current) lastDrop = now()
    resize(desired)
  }

  function live(): void {
    for (const { number } of staying().filter(({ replacedAt }) => replacedAt !== undefined && now() >= replacedAt)) leave(`ws-${number}`)
    pods = pods.filter(({ leavingSince }) => leavingSince === undefined || now() - leavingSince < drainSeconds)
    if (now() - lastSync < syncSeconds / timeScale) return
    lastSync = now()
    synchronise()
  }

  async function call(text: string, act: () => void): Promise<void> {
    const index = calls.push(text) - 1
    act()
    if (index === failsAt || fails?.(text)) throw new Error(`${text}: refused`)
  }

  const setPaused = (wanted: boolean) =>
    call(`paused ${wanted}`, () => {
      paused = wanted
    })
  const setStore = (up: boolean) =>
    call(`store ${up}`, () => {
      storeUp = up
    })
  /** Counts all sockets of one replica as both reconnected and moved. */
  const moveOne = () => {
    const share = Math.round(load / (pods.filter(isReady).length || 1))
    counted.reconnects += share
    counted.moves += share
  }
  const kill = (id: string) => {
    moveOne()
    pods = pods.filter(({ number }) => `ws-${number}` !== id)
  }
  const leave = (id: string) => {
    moveOne()
    for (const pod of pods) if (`ws-${pod.number}` === id) pod.leavingSince = now()
  }

  return {
    calls,
    kind: 'embedded',
    readEverySeconds: 0.5,
    steadyShare: 1,
    sources: new Proxy({} as SceneLab['sources'], { get: (_all, name) => `the fake's ${String(name)}` }),
    scaler: {
      timeScale,
      pause: () => setPaused(true),
      resume: () => setPaused(false),
      setScaleDown: (wanted) =>
        call(`settings ${wanted === null ? 'before' : 'new'}`, () => {
          rules = wanted
        }),
    },
    store: has?.store === false ? undefined : { set: setStore },
    unusual: () => [
      ...(load === 0 ? [] : [`load ${load}`]),
      ...(paused ? ['paused'] : []),
      ...(storeUp ? [] : ['no store']),
      ...(rules === null ? [] : ['settings']),
      ...faults.keys(),
    ],
    readings: async () => {
      onRead?.()
      live()
      const ready = pods.filter(isReady)
      const share = (index: number) => Math.floor(load / (ready.length || 1)) + (index < load % (ready.length || 1) ? 1 : 0)
      return {
        atSeconds: now(),
        replicas: pods.map((pod) => ({
          id: `ws-${pod.number}`,
          state: pod.leavingSince !== undefined ? 'draining' : isReady(pod) ? 'ready' : 'starting',
          sockets: isReady(pod) ? share(ready.indexOf(pod)) : 0,
          startedAtSeconds: pod.since || pod.number,
        })),
        loadWanted: load,
        answersPerSecond: load / 2,
        p95Ms: 1.5,
        ...counted,
        storeUp: has?.store === false ? null : storeUp,
        scaler: { desired: decisions.at(-1)?.desired ?? null, min, max, target, paused },
        decisions: decisions.slice(-20),
      }
    },
    setLoad: (sockets) =>
      call(`load ${sockets}`, () => {
        load = sockets
      }),
    beginFault: async (name, replica) => {
      const id = `${name} ${replica}`
      const end = () =>
        call(`end ${id}`, () => {
          const before = faults.get(id) ?? 0
          faults.delete(id)
          if (staying().length < before) resize(before)
        })
      const begin = call(`fault ${id}`, () => {
        faults.set(id, staying().length)
        if (name === 'kill') kill(replica)
        if (name === 'drain') leave(replica)
      })
      await begin.catch(async (error: unknown) => {
        await end()
        throw error
      })
      return () =>
        end().then(
          () => [],
          (error: Error) => [error.message],
        )
    },
    scaleTo: (count) => call(`replicas ${count}`, () => resize(count)),
    deployFailing: () => call('failing deploy', () => undefined),
    rollOut: () =>
      call('rollout', () => {
        const old = staying()
        resize(2 * old.length)
        for (const pod of old) pod.replacedAt = now() + startSeconds
      }),
  }
}
