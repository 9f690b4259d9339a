/** Renders a run's result as a Markdown page. Pure. */

import { type FindingKind, findingKinds } from '@lab/ledger/findings.ts'
import type { Verdict } from '@lab/ledger/verdict.ts'
import type { Options } from '../options.ts'

/** Percentiles and maximum of a list of times in milliseconds, and the number of values. */
export interface Times {
  count: number
  p50: number
  p90: number
  p95: number
  p99: number
  max: number
}

/** Figures that were measured during the run. */
export interface Figures {
  /** Time from the crash of a client's replica until the client has a new connection. */
  reconnectAfterKillMs: Times
  /** Time from SIGTERM until the process exits. */
  drainMs: Times
  /** Time from losing the connection to a draining replica until the session continues elsewhere; 0 if the session had already moved. */
  awayDuringDrainMs: Times
  /** Time from sending a message to its delivery on another replica, both while no fault was active and during the whole run. */
  crossReplicaMs: Times
  crossReplicaUnderFaultsMs: Times
  /** Time from sending a message until it is acknowledged as stored. */
  storedMs: Times
  /** Maximum number of clients that reconnected within one second after a move or a lost connection. */
  mostReturnsPerSecond: number
  /** The client library's counters, summed over all room members. */
  clients: Record<string, number>
}

export interface Report {
  verdict: Verdict
  options: Options
  startedAt: string
  /** Time from when all clients had joined their rooms until the clients stopped sending messages. */
  seconds: number
  figures: Figures
  /** Number of planned faults, including those that were skipped for lack of time and are missing from the list of faults. */
  planned: number
  /** The attempted faults, with their time, target and outcome. */
  faults: readonly { atSeconds: number; kind: string; replica: string | undefined; happened: boolean; detail: string }[]
}

/** Computes percentiles of a list of times. Milliseconds. */
export function timesOf(values: readonly number[]): Times {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
  return { count: sorted.length, p50: at(0.5), p90: at(0.9), p95: at(0.95), p99: at(0.99), max: at(1) }
}

/** Returns the largest number of the given times that fall within one second. @param atMs times in milliseconds, in any order */
export function mostPerSecond(atMs: readonly number[]): number {
  const sorted = atMs.toSorted((a, b) => a - b)
  let [first, most] = [0, 0]
  for (const [index, moment] of sorted.entries()) {
    while ((sorted[first] ?? moment) <= moment - 1000) first++
    most = Math.max(most, index - first + 1)
  }
  return most
}

/** Formats a report as Markdown. */
export function markdown(report: Report): string {
  const { verdict, options, figures } = report
  const { counts, drops } = verdict
  const rows = (cells: readonly (readonly [string, string | number])[]) => cells.map(([what, value]) => `| ${what} | ${value} |`)
  return `${[
    `# ${verdict.pass ? 'PASS' : 'FAIL'}`,
    '',
    `${options.sockets} sockets in ${options.rooms} rooms, ${options.rate} messages per second for ${Math.round(report.seconds)} s, seed ${options.seed}, from ${report.startedAt}.`,
    '',
    '| what | count |',
    '| --- | ---: |',
    ...rows([
      ['sent', counts.sent],
      ['accepted', counts.accepted],
      ['refused', counts.refused],
      ['stored', counts.stored],
      ['expected deliveries (stored × members)', counts.expected],
      ['delivered', counts.delivered],
      ['of these, while the store was down', counts.provisional],
      ...(Object.keys(findingKinds) as FindingKind[]).map((kind): [string, number] => [
        `**${kind}**: ${findingKinds[kind]}`,
        verdict.findings[kind].count,
      ]),
      ['connections lost or moved', drops.total],
      ...Object.entries(drops.explained).map(([why, count]): [string, number] => [`explained by ${why}`, count]),
      ...Object.entries(drops.unexplained).map(([cause, count]): [string, number] => [`unexplained: ${cause}`, count]),
      ...Object.entries(verdict.faults).map(([kind, count]): [string, number] => [`fault ${kind}`, count]),
    ]),
    '',
    '| milliseconds | p50 | p99 | longest | count |',
    '| --- | ---: | ---: | ---: | ---: |',
    timesRow('reconnected after a crash', figures.reconnectAfterKillMs),
    timesRow('SIGTERM to the exit of the replica', figures.drainMs),
    timesRow('disconnected during a drain', figures.awayDuringDrainMs),
    timesRow('replica to replica, without faults', figures.crossReplicaMs),
    timesRow('replica to replica, whole run', figures.crossReplicaUnderFaultsMs),
    timesRow('sent to stored', figures.storedMs),
    '',
    '| client counter | sum |',
    '| --- | ---: |',
    ...rows([['most that came back within a second', figures.mostReturnsPerSecond], ...Object.entries(figures.clients)]),
    ...findingSections(verdict),
    '',
    '## Faults',
    '',
    `${report.faults.length} of ${report.planned} planned faults were tried.`,
    '',
    '| at | kind | replica | outcome |',
    '| ---: | --- | --- | --- |',
    ...report.faults.map(
      ({ atSeconds, kind, replica, happened, detail }) =>
        `| ${atSeconds.toFixed(1)} s | ${kind} | ${replica ?? ''} | ${happened ? '' : '**did not happen:** '}${detail.replaceAll('\n', ' ')} |`,
    ),
  ].join('\n')}\n`
}

function timesRow(what: string, { count, p50, p99, max }: Times): string {
  const shown = count === 0 ? ['', '', ''] : [p50, p99, max].map((value) => value.toFixed(value < 100 ? 1 : 0))
  return `| ${what} | ${shown.join(' | ')} | ${count} |`
}

function findingSections(verdict: Verdict): string[] {
  return (Object.keys(findingKinds) as FindingKind[]).flatMap((kind) => {
    const { count, first } = verdict.findings[kind]
    if (count === 0) return []
    return [
      '',
      `## ${kind}: ${count}`,
      '',
      ...first.map((words) => `- ${words}`),
      ...(count > first.length ? [`- and ${count - first.length} more`] : []),
    ]
  })
}
