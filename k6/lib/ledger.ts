/**
 * The `ledger` scenario checks that no message is lost, duplicated or reordered while you inject faults by hand. All members of a room
 * belong to one virtual user, so this virtual user receives all of the room's messages. Unlike the `ledger` scenario, `./lab prove` injects
 * faults automatically and also reads the room log.
 */
import { CookieJar } from 'k6/http'
import { setTimeout } from 'k6/timers'
import { k6Environment } from '../../client/src/k6.ts'
import { paths } from '../../contract/src/endpoints.ts'
import { Crowd } from '../../ledger/crowd.ts'
import { type FindingKind, findingKinds } from '../../ledger/findings.ts'
import { judge } from '../../ledger/verdict.ts'
import * as metrics from './metrics.ts'
import type { Settings } from './settings.ts'

/** Number of room messages that each socket sends per second. */
const rate = 0.5
const dialsPerSecond = 25
/** Period at the end of the run in which no messages are sent, so that late messages can still arrive. */
const quietMs = 10_000
const quietForMs = 2000

/** Kinds of findings that require a fault plan, which the `ledger` scenario does not have. */
const notOurs: ReadonlySet<FindingKind> = new Set(['unexplained', 'silent', 'failed'])

/**
 * Opens a virtual user's sockets, sends messages until shortly before the load curve ends, and adds the findings to the metrics.
 * @param vu number of the virtual user, starting at 0
 * @param endsAtMs end of the load curve, in milliseconds since 1970
 */
export function runLedger(settings: Settings, sockets: number, vu: number, endsAtMs: number): void {
  const crowd = new Crowd({
    url: settings.target + paths.ws,
    environment: k6Environment({ jar: () => new CookieJar(), tags: { name: 'ledger' } }),
    sockets,
    rooms: Math.max(1, Math.floor(sockets / settings.rooms.members)),
    dialsPerSecond,
    seed: settings.seed + vu,
    run: `ledger-${endsAtMs.toString(36)}-${vu}`,
    onCrossed: (tookMs) => metrics.roomDelivery.add(tookMs),
    onStored: (tookMs) => metrics.messageRtt.add(tookMs),
    log: (line) => console.warn(line),
  })
  crowd.connect()
  whenTrue(
    () => crowd.ready === sockets,
    endsAtMs - quietMs,
    () => {
      crowd.start(sockets * rate)
      setTimeout(() => wait(crowd, endsAtMs), Math.max(0, endsAtMs - quietMs - Date.now()))
    },
  )
}

function wait(crowd: Crowd, endsAtMs: number): void {
  crowd.stop()
  whenTrue(
    () => crowd.ledger.open === 0 && Date.now() - crowd.lastDeliveryAtMs > quietForMs,
    endsAtMs,
    () => finish(crowd),
  )
}

function finish(crowd: Crowd): void {
  crowd.end()
  const { counts, findings } = judge({ ledger: crowd.ledger, log: undefined, faults: [], required: [], wire: crowd.connections.breaches })
  metrics.ledgerAccepted.add(counts.accepted)
  metrics.ledgerDelivered.add(counts.delivered)
  for (const kind of Object.keys(findingKinds) as FindingKind[]) {
    if (notOurs.has(kind) || findings[kind].count === 0) continue
    metrics.ledgerFindings.add(findings[kind].count, { kind })
    for (const words of findings[kind].first) console.error(`${kind}: ${words}`)
  }
}

/** Calls `then` as soon as the condition is met, but no later than the deadline. */
function whenTrue(holds: () => boolean, latestAtMs: number, then: () => void): void {
  if (holds() || Date.now() >= latestAtMs) then()
  else setTimeout(() => whenTrue(holds, latestAtMs, then), 100)
}
