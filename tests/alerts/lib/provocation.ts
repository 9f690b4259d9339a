/**
 * Injects a fault, waits until its alerts fire, undoes the fault, and waits until the alerts resolve. How long each alert took to fire and
 * to resolve is written to reports/alerts.json and reports/alerts.md.
 */
import { writeFileSync } from 'node:fs'
import type { FaultNameOn } from '@lab/faults/catalogue/index.ts'
import { begin } from '@lab/faults/engine.ts'
import { labOf, type Stack } from '../../stack/lib/stack.ts'
import { fromRoot } from './settings.ts'
import { type AlertWatch, type Labels, words } from './watch.ts'

/**
 * Injects a fault that causes alerts. The function must register each cleanup step with `undo` as soon as that step may be needed. Cleanup
 * steps run in reverse order, even if the fault was only partly injected.
 */
export type Begin = (undo: (step: () => unknown) => void) => Promise<unknown>

export interface Provocation {
  /** Description of the fault, for the report. */
  fault: string
  alerts: readonly Labels[]
  begin: Begin
  /** If the fault is already in effect: the Unix time, in milliseconds, at which it started. */
  sinceMs?: number
  firesWithinSeconds?: number
  resolvesWithinSeconds?: number
  /** A function that runs while the alerts are firing, before the fault is undone. */
  meanwhile?: () => Promise<void>
}

interface Row {
  alert: string
  fault: string
  secondsToFiring: number | null
  /** Number of seconds from undoing the fault until the alert resolved; null if it did not resolve. */
  secondsToResolved: number | null
  note?: string
}

const rows: Row[] = []
/** Maximum duration of a fault that no test undoes, in seconds; every alert fires within this time. */
const maxFaultSeconds = 600

/**
 * Provokes alerts. Rejects if an alert does not fire or resolve in time. The fault is always undone.
 * @param late alerts that resolve late; for each of them, adds to `ends` a function that waits until the alert resolves, which a later test
 * calls
 */
export async function provoke(watch: AlertWatch, { fault, alerts, begin, meanwhile, ...bounds }: Provocation, late?: Late): Promise<void> {
  const own = alerts.map((labels) => {
    const row: Row = { alert: words(labels), fault, secondsToFiring: null, secondsToResolved: null }
    rows.push(row)
    return { labels, row }
  })
  const startedMs = bounds.sinceMs ?? Date.now()
  const steps: (() => unknown)[] = []
  try {
    await begin((step) => steps.push(step))
    const within = (bounds.firesWithinSeconds ?? 180) * 1000
    await all(
      own.map(async ({ labels, row }) => {
        row.secondsToFiring = seconds((await watch.firing(labels, startedMs, within)) - startedMs)
        writeReport()
      }),
    )
    await meanwhile?.()
  } finally {
    await undoAll(steps)
  }
  const undoneMs = Date.now()
  const end = async ({ labels, row }: (typeof own)[number], withinMs: number) => {
    row.secondsToResolved = seconds((await watch.resolved(labels, undoneMs, withinMs)) - undoneMs)
    writeReport()
  }
  const isLate = (labels: Labels) => late?.alerts.includes(labels) === true
  for (const one of own.filter(({ labels }) => isLate(labels))) late?.ends.push((withinMs) => end(one, withinMs))
  await all(own.filter(({ labels }) => !isLate(labels)).map((one) => end(one, (bounds.resolvesWithinSeconds ?? 180) * 1000)))
}

/** Injects a fault from the fault catalogue, by default into the last replica. */
export function catalogued(stack: Stack, fault: FaultNameOn<'compose'>, replica?: string): Begin {
  return async (undo) => {
    const begun = await begin(await labOf(stack), fault, { replica, seconds: maxFaultSeconds })
    undo(async () => {
      const left = await begun.undo()
      if (left.length > 0) throw new Error(`${fault} is not undone: ${left.join('; ')}`)
    })
  }
}

/** Runs all cleanup steps in reverse order, even if one of them fails. */
async function undoAll(steps: readonly (() => unknown)[]): Promise<void> {
  const failures: string[] = []
  for (const step of steps.toReversed())
    await Promise.resolve()
      .then(step)
      .catch((error: unknown) => failures.push(String(error)))
  if (failures.length > 0) throw new Error(failures.join('\n'))
}

/** Alerts that resolve only long after their fault has ended. */
export interface Late {
  alerts: readonly Labels[]
  ends: ((withinMs: number) => Promise<void>)[]
}

export interface Seen {
  fault: string
  labels: Labels
  /** Unix time at which the fault started, in milliseconds. */
  sinceMs: number
  withinMs: number
  /** The reason why the test does not wait for the alert to resolve. */
  note: string
}

/** Waits until an alert fires, and adds it to the report without waiting for it to resolve. */
export async function seenFiring(watch: AlertWatch, { fault, labels, sinceMs, withinMs, note }: Seen): Promise<void> {
  const row: Row = { alert: words(labels), fault, secondsToFiring: null, secondsToResolved: null, note }
  rows.push(row)
  row.secondsToFiring = seconds((await watch.firing(labels, 0, withinMs)) - sinceMs)
  writeReport()
}

/**
 * Returns the names of the alerts that fired and then either resolved or have a note that explains why the test does not wait for them to
 * resolve.
 */
export function provoked(): string[] {
  const done = rows.filter(
    ({ secondsToFiring, secondsToResolved, note }) => secondsToFiring !== null && (secondsToResolved !== null || note),
  )
  return [...new Set(done.map(({ alert }) => alert.split(' ')[0] ?? ''))].sort()
}

/** Writes the current report to reports/alerts.md as a table, and to reports/alerts.json. */
export function writeReport(): string {
  const sorted = rows.toSorted((a, b) => a.alert.localeCompare(b.alert))
  const cell = (value: number | null, note = 'not seen') => (value === null ? note : String(value))
  const lines = sorted.map(
    ({ alert, fault, secondsToFiring, secondsToResolved, note }) =>
      `| ${alert} | ${fault} | ${cell(secondsToFiring)} | ${cell(secondsToResolved, note)} |`,
  )
  const table = ['| alert | fault | seconds to firing | seconds to resolved |', '| --- | --- | --- | --- |', ...lines].join('\n')
  writeFileSync(fromRoot('reports/alerts.json'), `${JSON.stringify(sorted, null, 2)}\n`)
  writeFileSync(
    fromRoot('reports/alerts.md'),
    `# Alerts, each provoked once\n\nFrom the fault to Alertmanager and the receiver; from its being undone to both again.\n\n${table}\n`,
  )
  return table
}

function seconds(ms: number): number {
  return Math.round(ms / 100) / 10
}

/** Waits for all promises, even if one of them rejects. */
async function all(promises: Promise<void>[]): Promise<void> {
  const failures = (await Promise.allSettled(promises)).flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []))
  if (failures.length > 0) throw new Error(failures.join('\n'))
}
