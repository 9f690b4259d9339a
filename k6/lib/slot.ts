/**
 * A slot keeps one socket open while the curve says so: user after user, visit after visit. Visits end and new ones begin
 * all the time, because replicas that were added later fill only by new handshakes.
 */

import type { CookieJar } from 'k6/http'
import http from 'k6/http'
import { setTimeout } from 'k6/timers'
import { paths } from '../../contract/src/endpoints.ts'
import * as metrics from './metrics.ts'
import type { Random } from './random.ts'
import { createRandom } from './random.ts'
import type { Interval } from './scenarios.ts'
import { roomOf, slotIntervals } from './scenarios.ts'
import type { SessionEnd } from './session.ts'
import { startSession } from './session.ts'
import type { Settings } from './settings.ts'

/** A visit shorter than this is not worth dialling for. */
const shortestStayMs = 1_000
const longestBackoffMs = 8_000
/** Bound on warnings per VU: the counters tell the rest. */
let warningsLeft = 3

export interface SlotPlan {
  settings: Settings
  index: number
  /** When the scenario started, milliseconds since 1970. */
  startedAtMs: number
}

interface User {
  jar: CookieJar
  lastReplica: string | undefined
}

/** Schedules everything the slot will do and returns at once; the iteration lasts until the last socket is closed. */
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
      // Only a user who left by choice is sure to find the old replica in place.
      if (user.lastReplica !== undefined && end.firstReplica !== undefined) metrics.stickyKept.add(user.lastReplica === end.firstReplica)
      const next = nextUser(end, random)
      setTimeout(() => visit(interval, next, failed ? failures + 1 : 0), pauseMs(end, failed ? failures : 0, random))
    })
  }

  for (const interval of slotIntervals(settings.stages, settings.sockets, index)) {
    setTimeout(() => visit(interval, newUser(), 0), Math.max(0, startedAtMs + interval.openAtMs - Date.now()))
  }
}

/** A new user has no cookie, so the router spreads users over the replicas. */
function newUser(): User {
  return { jar: new http.CookieJar(), lastReplica: undefined }
}

/** Half of those who left come back later, with their cookie; those who were refused or cut off always do. */
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
