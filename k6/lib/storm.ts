/**
 * Scenario `storm`: all sockets are at one replica when it dies, and everybody wants to come back. CLIENTS=naive dials at
 * once, CLIENTS=jittered after a random wait. k6 can't kill a replica: `npm run storm` does, for both kinds, and compares.
 */
import http, { CookieJar } from 'k6/http'
import { Counter, Trend } from 'k6/metrics'
import { setTimeout } from 'k6/timers'
import { createClient } from '../../client/src/client.ts'
import { k6Environment } from '../../client/src/k6.ts'
import type { ClientEvent } from '../../client/src/types.ts'
import { paths, replicaHeader, stickyCookie } from '../../contract/src/endpoints.ts'
import { stormMetrics, stormSeconds } from '../../contract/src/storm-metrics.ts'
import { slotIntervals } from './scenarios.ts'
import type { Settings } from './settings.ts'

const lost = new Counter(stormMetrics.lost.name)
const dials = new Counter(stormMetrics.dials.name)
const connects = new Counter(stormMetrics.connects.name)
const back = new Trend(stormMetrics.back.name, true)

/** Jittered clients dial so many times a second, all together, whatever their number. */
const dialsPerSecond = 100
/** Tries to be routed to the replica that is wanted. */
const mostTries = 60

/** Where all sockets go. */
export interface StormTarget {
  replica: string
  cookie: string
}

/** Finds the replica's sticky cookie by asking until it answers; any replica's when `wanted` is empty. For setup(). */
export function findTarget({ target, victim: wanted }: Pick<Settings, 'target' | 'victim'>): StormTarget {
  const url = target.replace(/^ws/, 'http') + paths.health
  for (let tries = 0; tries < mostTries; tries++) {
    const answer = http.get(url, { jar: new CookieJar(), tags: { name: 'ready' } })
    const replica = answer.headers[Object.keys(answer.headers).find((name) => name.toLowerCase() === replicaHeader) ?? ''] ?? ''
    const cookie = answer.cookies[stickyCookie]?.[0]?.value
    if (cookie !== undefined && (wanted === '' || replica === wanted)) return { replica, cookie }
  }
  throw new Error(`VICTIM is "${wanted}"; no replica of that name answered within ${mostTries} tries`)
}

/** When the replica died, as this virtual user saw it, milliseconds since 1970. */
let diedAtMs: number | undefined

/** Keeps one socket open for as long as the curve says, and counts what happens to it. */
export function runStormSlot(settings: Settings, target: StormTarget, index: number, startedAtMs: number): void {
  for (const interval of slotIntervals(settings.stages, settings.sockets, index)) {
    setTimeout(() => stay(settings, target, startedAtMs + interval.closeAtMs), Math.max(0, startedAtMs + interval.openAtMs - Date.now()))
  }
}

function stay(settings: Settings, target: StormTarget, untilMs: number): void {
  let jar = new CookieJar()
  jar.set(settings.target.replace(/^ws/, 'http'), stickyCookie, target.cookie)
  let away = false
  const naive = settings.clients === 'naive'
  const client = createClient(
    {
      url: settings.target + paths.ws,
      onEvent: take,
      forgetReplica: () => {
        jar = new CookieJar()
      },
      backoff: naive ? 'none' : 'full-jitter',
      backoffBaseMs: Math.max(1000, (settings.sockets / dialsPerSecond) * 1000),
    },
    k6Environment({ jar: () => jar, tags: { name: 'storm' } }),
  )
  setTimeout(client.close, Math.max(0, untilMs - Date.now()))

  function take(event: ClientEvent): void {
    switch (event.type) {
      case 'closed':
        if (!event.opened || event.why !== 'remote' || away || event.replica !== target.replica) return
        diedAtMs ??= Date.now()
        away = true
        lost.add(1)
        return
      case 'dialling':
        if (away) count(dials)
        return
      case 'opened':
        if (away) count(connects)
        return
      case 'attached':
        if (away && diedAtMs !== undefined) back.add(Date.now() - diedAtMs)
        away = false
    }
  }
}

function count(metric: Counter): void {
  const second = Math.floor((Date.now() - (diedAtMs ?? 0)) / 1000)
  if (second < stormSeconds) metric.add(1, { second: String(second) })
}
