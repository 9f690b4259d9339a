/** A lab in memory, for tests: it does what it is asked, remembers each call, and can fail at any of them. */
import type { FakeClock } from '../../scaler/src/fakes/fake-clock.ts'
import type { Readings, ScalerSettings, Stage } from '../core/stage.ts'

export interface FakeStage extends Stage {
  /** What was asked for, in order, as in `load 300`. Looks do not count. */
  readonly calls: string[]
  /** What of it holds and was not there at the beginning. */
  unusual(): string[]
}

export interface FakeSettings {
  clock: FakeClock
  /** The call, counted from zero, that fails after having done what it was asked. */
  failsAt?: number
  /** Told before each look. */
  onLook?: () => void
  /** Calls that fail always. */
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
}

/** Sockets spread evenly and at once; the scaler does the sum, waits for its window going down, and takes one at a time. */
export function fakeStage({ clock, failsAt, onLook, fails, has }: FakeSettings): FakeStage {
  const calls: string[] = []
  const decisions: Readings['decisions'][number][] = []
  const recommended: { at: number; count: number }[] = []
  let pods: Pod[] = [1, 2].map((number) => ({ number, since: 0 }))
  let load = 0
  let paused = false
  let storeUp = true
  let settings: ScalerSettings | null = null
  /** Not zero: others have played on this lab before. */
  const counted = { reconnects: 41, moves: 23, lost: 17 }
  let lastSync = Number.NEGATIVE_INFINITY
  let lastDrop = Number.NEGATIVE_INFINITY
  /** How many replicas there were before each. */
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
    const window = settings?.scaleDownWindowSeconds ?? windowSeconds
    recommended.push({ at: now(), count: wanted })
    const highest = Math.max(...recommended.filter(({ at }) => now() - at <= window / timeScale).map(({ count }) => count))
    let desired = Math.min(max, Math.max(min, wanted > current ? Math.min(wanted, current + 4) : Math.min(current, highest)))
    if (desired < current) {
      const period = settings?.scaleDownPeriodSeconds ?? dropSeconds
      const step = now() - lastDrop >= period / timeScale ? (settings?.scaleDownPodsPerPeriod ?? 1) : 0
      desired = Math.max(desired, current - step)
    }
    const reason = desired === current ? '' : 'pods metric above or below target'
    decisions.push({ time: new Date(now() * 1000).toISOString(), current, desired, reason, text: `${current} → ${desired}` })
    if (paused || desired === current) return
    if (desired < current) lastDrop = now()
    resize(desired)
  }

  function live(): void {
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

  /** Each socket of one goes on elsewhere. */
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
    surface: 'embedded',
    timeScale,
    lookEverySeconds: 0.5,
    steadyShare: 1,
    sources: new Proxy({} as Stage['sources'], { get: (_all, name) => `the fake's ${String(name)}` }),
    lacks: (need) => (need === 'store' && has?.store === false ? 'there is no Valkey' : undefined),
    unusual: () => [
      ...(load === 0 ? [] : [`load ${load}`]),
      ...(paused ? ['paused'] : []),
      ...(storeUp ? [] : ['no store']),
      ...(settings === null ? [] : ['settings']),
      ...faults.keys(),
    ],
    read: async () => {
      onLook?.()
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
        ...{ answersPerSecond: load / 2, p95Ms: 1.5, ...counted, storeUp: has?.store === false ? null : storeUp },
        scaler: { desired: decisions.at(-1)?.desired ?? null, min, max, target, paused },
        decisions: decisions.slice(-20),
      }
    },
    setLoad: (sockets) =>
      call(`load ${sockets}`, () => {
        load = sockets
      }),
    fault: (name, replica) =>
      call(`fault ${name} ${replica}`, () => {
        faults.set(`${name} ${replica}`, staying().length)
        if (name === 'kill') kill(replica ?? '')
        if (name === 'drain') leave(replica ?? '')
      }),
    endFault: (name, replica) =>
      call(`end ${name} ${replica}`, () => {
        const before = faults.get(`${name} ${replica}`) ?? 0
        faults.delete(`${name} ${replica}`)
        if (staying().length < before) resize(before)
      }),
    setStore: (up) =>
      call(`store ${up}`, () => {
        storeUp = up
      }),
    setReplicas: (count) => call(`replicas ${count}`, () => resize(count)),
    retire: (replica) => call(`retire ${replica}`, () => leave(replica)),
    pauseScaler: (wanted) =>
      call(`paused ${wanted}`, () => {
        paused = wanted
      }),
    setScaler: (wanted) =>
      call(`settings ${wanted === null ? 'before' : 'new'}`, () => {
        settings = wanted
      }),
    close: async () => undefined,
  }
}
