/** One fault and the alerts it must set off: begun, seen to arrive, undone, seen to end. What it took goes to reports/alerts.json and .md. */
import { writeFileSync } from 'node:fs'
import { fromRoot } from './settings.ts'
import { type AlertWatch, type Labels, words } from './watch.ts'

/** Takes a fault back. */
export type Undo = () => Promise<void>

export interface Provocation {
  /** In words, for the report. */
  fault: string
  alerts: readonly Labels[]
  begin: () => Promise<Undo>
  /** When the fault began, if it is there already. Milliseconds of Unix time. */
  sinceMs?: number
  firesWithinSeconds?: number
  resolvesWithinSeconds?: number
  /** Runs while the alerts fire, before the fault is undone. */
  meanwhile?: () => Promise<void>
}

interface Row {
  alert: string
  fault: string
  secondsToFiring: number | null
  /** From the fault's being undone; null: not seen. */
  secondsToResolved: number | null
  note?: string
}

const rows: Row[] = []

/**
 * Provokes alerts. Rejects when one does not come or does not end within its bound; the fault is undone in any case.
 * @param late alerts whose end is not waited for: they are given to `ends`, to be waited for later
 */
export async function provoke(watch: AlertWatch, { fault, alerts, begin, meanwhile, ...bounds }: Provocation, late?: Late): Promise<void> {
  const own = alerts.map((labels) => {
    const row: Row = { alert: words(labels), fault, secondsToFiring: null, secondsToResolved: null }
    rows.push(row)
    return { labels, row }
  })
  const startedMs = bounds.sinceMs ?? Date.now()
  const undo = await begin()
  try {
    const within = (bounds.firesWithinSeconds ?? 180) * 1000
    await all(
      own.map(async ({ labels, row }) => {
        row.secondsToFiring = seconds((await watch.firing(labels, startedMs, within)) - startedMs)
        writeReport()
      }),
    )
    await meanwhile?.()
  } finally {
    await undo()
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

/** Alerts that end long after their fault. */
export interface Late {
  alerts: readonly Labels[]
  ends: ((withinMs: number) => Promise<void>)[]
}

export interface Seen {
  fault: string
  labels: Labels
  /** When the fault began. Milliseconds of Unix time. */
  sinceMs: number
  withinMs: number
  /** Why its end is not waited for. */
  note: string
}

/** Adds an alert to the report that was seen to fire and whose end is not waited for. */
export async function seenFiring(watch: AlertWatch, { fault, labels, sinceMs, withinMs, note }: Seen): Promise<void> {
  const row: Row = { alert: words(labels), fault, secondsToFiring: null, secondsToResolved: null, note }
  rows.push(row)
  row.secondsToFiring = seconds((await watch.firing(labels, 0, withinMs)) - sinceMs)
  writeReport()
}

/** Names of the alerts that were seen to fire, and to end unless their row says why not. */
export function provoked(): string[] {
  const done = rows.filter(
    ({ secondsToFiring, secondsToResolved, note }) => secondsToFiring !== null && (secondsToResolved !== null || note),
  )
  return [...new Set(done.map(({ alert }) => alert.split(' ')[0] ?? ''))].sort()
}

/** The report as it stands: a table in reports/alerts.md, and the same as data. */
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

/** Waits for all of them, also when one fails. */
async function all(promises: Promise<void>[]): Promise<void> {
  const failures = (await Promise.allSettled(promises)).flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []))
  if (failures.length > 0) throw new Error(failures.join('\n'))
}
