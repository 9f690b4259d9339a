/** The verdict as a page for people. Pure. */

import type { Options } from '../options.ts'
import { type FindingKind, findingKinds } from './findings.ts'
import type { Verdict } from './verdict.ts'

/** Milliseconds at the half, at 90, 95 and 99 of 100, and the longest; of how many. */
export interface Times {
  count: number
  p50: number
  p90: number
  p95: number
  p99: number
  max: number
}

/** Measured on the way. */
export interface Figures {
  /** From a crash of its replica to a member's new connection. */
  reconnectAfterKillMs: Times
  /** From SIGTERM to the end of the process. */
  drainMs: Times
  /** Of who had to leave a replica that drained: from the end of the connection to the session elsewhere; 0 for who moved before. */
  awayDuringDrainMs: Times
  /** From sending to delivery on another replica, while nothing was broken; and all the time. */
  crossReplicaMs: Times
  crossReplicaUnderFaultsMs: Times
  /** From sending to the answer "stored". */
  storedMs: Times
  /** What the client library counted, all members together. */
  clients: Record<string, number>
}

export interface Report {
  verdict: Verdict
  options: Options
  startedAt: string
  /** How long faults and load lasted. */
  seconds: number
  figures: Figures
  /** Faults of the plan; those for which there was no time are not among the following. */
  planned: number
  /** Each fault: when, which, on what, how it went. */
  faults: readonly { atSeconds: number; kind: string; replica: string | undefined; happened: boolean; detail: string }[]
}

/** The times of a list, in milliseconds. */
export function timesOf(values: readonly number[]): Times {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
  return { count: sorted.length, p50: at(0.5), p90: at(0.9), p95: at(0.95), p99: at(0.99), max: at(1) }
}

/** Markdown. */
export function markdown(report: Report): string {
  const { verdict, options, figures } = report
  const { counts, drops } = verdict
  const rows = (cells: readonly (readonly [string, string | number])[]) => cells.map(([what, value]) => `| ${what} | ${value} |`)
  return `${[
    `# ${verdict.pass ? 'PASS' : 'FAIL'}`,
    '',
    `${options.sockets} sockets in ${options.rooms} rooms, ${options.rate} messages per second for ${Math.round(report.seconds)} s, seed ${options.seed}, from ${report.startedAt}.`,
    '',
    '| what | how many |',
    '| --- | ---: |',
    ...rows([
      ['sent', counts.sent],
      ['accepted', counts.accepted],
      ['refused', counts.refused],
      ['stored', counts.stored],
      ['to be delivered (stored × members)', counts.expected],
      ['delivered', counts.delivered],
      ['of these, while the store was away', counts.provisional],
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
    '| milliseconds | p50 | p99 | longest | of |',
    '| --- | ---: | ---: | ---: | ---: |',
    timesRow('back elsewhere after a crash', figures.reconnectAfterKillMs),
    timesRow('SIGTERM to the end of the replica', figures.drainMs),
    timesRow('away during a drain', figures.awayDuringDrainMs),
    timesRow('replica to replica, nothing broken', figures.crossReplicaMs),
    timesRow('replica to replica, all the time', figures.crossReplicaUnderFaultsMs),
    timesRow('sent to stored', figures.storedMs),
    '',
    '| of the clients | all together |',
    '| --- | ---: |',
    ...rows(Object.entries(figures.clients)),
    ...findingSections(verdict),
    '',
    '## Faults',
    '',
    `${report.faults.length} of ${report.planned} that were planned.`,
    '',
    '| at | kind | replica | how it went |',
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
