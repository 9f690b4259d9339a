/**
 * A slot represents one socket of the load curve. While the load curve is above the slot's number, the slot makes one visit after another,
 * each with an open socket. Visits are short, because a new replica gets sockets only through new handshakes.
 */

import type { CookieJar } from 'k6/http'
import http from 'k6/http'
import { setTimeout } from 'k6/timers'
import { paths } from '../../contract/src/endpoints.ts'
import type { Random } from '../../contract/src/random.ts'
import { createRandom } from '../../contract/src/random.ts'
import * as metrics from './metrics.ts'
import type { Interval } from './scenarios.ts'
import { roomOf, slotIntervals } from './scenarios.ts'
import type { SessionEnd } from './session.ts'
import { startSession } from './session.ts'
import type { Settings } from './settings.ts'

/** Minimum length of a visit, in milliseconds. */
const shortestStayMs = 1_000
const longestBackoffMs = 8_000
/** Number of warnings that this virtual user may still print. The k6 metrics count every failed visit, even if no warning is printed. */
let warningsLeft = 3

export interface SlotPlan {
  settings: Settings
  index: number
  /** Start of the scenario, in milliseconds since 1970. */
  startedAtMs: number
}

interface User {
  jar: CookieJar
  lastReplica: string | undefined
}

/**
 * Schedules all the slot's visits and returns immediately. The k6 virtual user's iteration lasts until the slot's last socket is closed.
 */
export function runSlot({ settings, index, startedAtMs }: SlotPlan): void {
  const random = createRandom(settings.seed, index)
  const runId = startedAtMs.toString(36)
  const roomNumber = roomOf(index, settings.rooms)
  const room = roomNumber === undefined ? undefined : { name: `k6-${runId}-${roomNumber}`, share: settings.rooms.share }
  let visits = 0

  function visit(interval: Interval, user: User, failures: number): void {
    const leftMs = startedAtMs + interval.closeAtMs - Date.now()
    if (leftMs < shortestStayMs) return
    const stayMs = Math.min(leftMs, random.between(15_000, 45_000))
    visits += 1
    const url = settings.target + paths.wsChat.replace(':connectionId', `k6-${runId}-${index}-${visits}`)
    startSession({ url, jar: user.jar, random, room, stayMs }, (end) => {
      warn(index, end)
      const failed = end.kind !== 'left'
      // lastReplica is set only if the previous visit ended as planned, because the replica of a failed visit may no longer exist.
      if (user.lastReplica !== undefined && end.firstReplica !== undefined) metrics.stickyReturns.add(user.lastReplica === end.firstReplica)
      const next = nextUser(end, random)
      setTimeout(() => visit(interval, next, failed ? failures + 1 : 0), pauseMs(end, failed ? failures : 0, random))
    })
  }

  for (const interval of slotIntervals(settings.stages, settings.sockets, index)) {
    setTimeout(() => visit(interval, newUser(), 0), Math.max(0, startedAtMs + interval.openAtMs - Date.now()))
  }
}

/** Returns a user without a cookie, whom Traefik may route to any replica. */
function newUser(): User {
  return { jar: new http.CookieJar(), lastReplica: undefined }
}

/**
 * Returns the user for the next visit. After a visit that ended as planned, half of the users return with their cookie; after any other
 * visit, all users do.
 */
function nextUser(end: SessionEnd, random: Random): User {
  if (end.kind === 'left') return random.chance(0.5) ? { jar: end.jar, lastReplica: end.replica } : newUser()
  return { jar: end.jar, lastReplica: undefined }
}

function pauseMs(end: SessionEnd, failuresBefore: number, random: Random): number {
  if (end.kind === 'left') return random.between(50, 500)
  return Math.min(longestBackoffMs, 500 * 2 ** failuresBefore) * random.between(0.5, 1)
}

function warn(index: number, end: SessionEnd): void {
  if (warningsLeft <= 0 || end.kind === 'left') return
  warningsLeft -= 1
  console.warn(`socket ${index} was ${end.kind}${end.replica ? ` by ${end.replica}` : ''}: ${end.detail}`)
}
