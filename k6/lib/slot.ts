/**
 * A slot represents one socket of the load curve. While the load curve is above the slot's number, the slot makes one visit after another,
 * each with an open socket. Visits are short, because a new replica gets sockets only through new handshakes.
 */

import type { CookieJar } from 'k6/http'
import http from 'k6/http'
import { clearTimeout, setTimeout } from 'k6/timers'
import { paths } from '../../contract/src/endpoints.ts'
import type { Random } from '../../contract/src/random.ts'
import { createRandom } from '../../contract/src/random.ts'
import * as metrics from './metrics.ts'
import type { Interval } from './scenarios.ts'
import { heldFactor, roomOf, visits } from './scenarios.ts'
import type { Session, SessionEnd } from './session.ts'
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

export interface Slot {
  /** Sets the periods in which the slot is in use; may be called again when the load curve changes. */
  follow(intervals: readonly Interval[]): void
  /** Whether the slot has an open socket. */
  isOpen(): boolean
}

interface User {
  jar: CookieJar
  lastReplica: string | undefined
}

/** Creates a slot. The k6 virtual user's iteration lasts until the last visit to the slot has ended. */
export function createSlot({ settings, index, startedAtMs }: SlotPlan): Slot {
  const random = createRandom(settings.seed, index)
  const runId = startedAtMs.toString(36)
  const roomNumber = roomOf(index, settings.rooms)
  const room = roomNumber === undefined ? undefined : { name: `k6-${runId}-${roomNumber}`, share: settings.rooms.share }
  let intervals: readonly Interval[] = []
  let session: Session | undefined
  let user = newUser()
  let visited = 0
  let failures = 0
  let pausedUntilMs = 0
  let timer: number | undefined

  /** Schedules the next visit, if there is a period that is long enough for one. */
  function plan(): void {
    const sinceStartMs = Date.now() - startedAtMs
    const interval = intervals.find(({ openAtMs, closeAtMs }) => closeAtMs - Math.max(openAtMs, sinceStartMs) >= shortestStayMs)
    if (interval === undefined) return
    if (interval.openAtMs > sinceStartMs) {
      user = newUser()
      failures = 0
    }
    const startAtMs = Math.max(startedAtMs + interval.openAtMs, pausedUntilMs)
    timer = setTimeout(() => visit(startedAtMs + interval.closeAtMs), Math.max(0, startAtMs - Date.now()))
  }

  function visit(closeAtMs: number): void {
    timer = undefined
    const leftMs = closeAtMs - Date.now()
    if (leftMs < shortestStayMs) {
      plan()
      return
    }
    const stayMs = settings.held ? leftMs : Math.min(leftMs, random.between(...visits.stayMs))
    visited += 1
    const url = settings.target + paths.wsChat.replace(':connectionId', `k6-${runId}-${index}-${visited}`)
    session = startSession({ url, jar: user.jar, random, room, stayMs, slowness: settings.held ? heldFactor : 1 }, ended)
  }

  function ended(end: SessionEnd): void {
    session = undefined
    warn(index, end)
    const failed = end.kind !== 'left'
    // lastReplica is set only if the previous visit ended as planned, because the replica of a failed visit may no longer exist.
    if (user.lastReplica !== undefined && end.firstReplica !== undefined) metrics.stickyReturns.add(user.lastReplica === end.firstReplica)
    user = nextUser(end, random)
    pausedUntilMs = Date.now() + pauseMs(end, failed ? failures : 0, random)
    failures = failed ? failures + 1 : 0
    plan()
  }

  return {
    follow: (periods) => {
      intervals = periods
      if (session === undefined) {
        if (timer !== undefined) clearTimeout(timer)
        plan()
        return
      }
      const sinceStartMs = Date.now() - startedAtMs
      const current = intervals.find(({ openAtMs, closeAtMs }) => openAtMs <= sinceStartMs && sinceStartMs < closeAtMs)
      session.leaveWithin(current === undefined ? 0 : current.closeAtMs - sinceStartMs)
    },
    isOpen: () => session?.isOpen() ?? false,
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
  if (end.kind === 'left') return random.between(...visits.pauseMs)
  return Math.min(longestBackoffMs, 500 * 2 ** failuresBefore) * random.between(0.5, 1)
}

function warn(index: number, end: SessionEnd): void {
  if (warningsLeft <= 0 || end.kind === 'left') return
  warningsLeft -= 1
  console.warn(`socket ${index} was ${end.kind}${end.replica ? ` by ${end.replica}` : ''}: ${end.detail}`)
}
