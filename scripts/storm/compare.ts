/** Two storms side by side: what naive clients do to a lab, and what jittered ones do. Pure. */
import type { Storm } from '../../k6/lib/storm-summary.ts'

/** How the lab fared meanwhile. */
export interface Damage {
  /** Containers of Traefik and of the other replicas that restarted, ended or were not healthy afterwards, and how. */
  down: string[]
  /** Whether the entry said it was ready: how often it was asked, and how often it did not. */
  asked: number
  notReady: number
}

export interface Comparison {
  naive: Storm & { damage: Damage }
  jittered: Storm & { damage: Damage }
  /** Most dials within one second: naive by jittered. */
  peakRatio: number
  problems: string[]
}

/** By how many times the peak must fall. */
const wantedRatio = 5
/** Share of those cut off that must be back before the end. */
const wantedBack = 0.99

export const peakOf = (storm: Storm) => Math.max(0, ...storm.dialsPerSecond)

/** @param sockets how many the replica was to hold when it died */
export function compare(sockets: number, naive: Comparison['naive'], jittered: Comparison['jittered']): Comparison {
  const problems: string[] = []
  for (const { clients, lost, victim, damage } of [naive, jittered]) {
    if (lost < sockets * 0.95) problems.push(`${clients}: ${victim} died with ${lost} sockets; wanted ${sockets}`)
    for (const what of damage.down) problems.push(`${clients}: ${what}`)
  }
  // The jittered storm is the one that must pass; naive clients may keep each other out for as long as we look.
  if (jittered.back < jittered.lost * wantedBack) problems.push(`jittered: ${jittered.back} of ${jittered.lost} came back`)
  if (jittered.damage.notReady > 0) {
    problems.push(`jittered: the entry was not ready ${jittered.damage.notReady} of ${jittered.damage.asked} times`)
  }
  const peakRatio = peakOf(jittered) === 0 ? 0 : peakOf(naive) / peakOf(jittered)
  if (peakRatio < wantedRatio) problems.push(`the peak falls to ${(1 / peakRatio).toFixed(2)} of it; wanted 1/${wantedRatio} or less`)
  return { naive, jittered, peakRatio, problems }
}

/** The comparison as a page of text. */
export function comparisonText({ naive, jittered, peakRatio, problems }: Comparison): string {
  const last = [naive, jittered].map((storm) => storm.dialsPerSecond.findLastIndex((count) => count > 0))
  const cell = (value: number | undefined) => String(value ?? 0).padStart(10)
  const row = (second: number) =>
    `${String(second).padStart(8)}${[naive, jittered].map((storm) => cell(storm.dialsPerSecond[second]) + cell(storm.connectsPerSecond[second])).join('')}`
  const line = (name: string, of: (one: Comparison['naive']) => string) =>
    `  ${name.padEnd(28)}${of(naive).padStart(10)}${of(jittered).padStart(12)}`
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`
  return [
    'after s     naive            jittered',
    '             dials  connects     dials  connects',
    ...Array.from({ length: Math.max(...last) + 1 }, (_, second) => row(second)),
    '',
    `  ${''.padEnd(28)}${'naive'.padStart(10)}${'jittered'.padStart(12)}`,
    line('sockets cut off', ({ lost }) => String(lost)),
    line('back', ({ back }) => String(back)),
    line('back: p50', ({ backMs }) => seconds(backMs.p50)),
    line('back: p99', ({ backMs }) => seconds(backMs.p99)),
    line('most dials in a second', (storm) => String(peakOf(storm))),
    line('most connects in a second', ({ connectsPerSecond }) => String(Math.max(0, ...connectsPerSecond))),
    line('entry not ready, of asked', ({ damage }) => `${damage.notReady}/${damage.asked}`),
    '',
    `The peak falls by ${peakRatio.toFixed(1)} times.`,
    ...(problems.length === 0 ? ['Traefik and the other replicas stayed up.'] : problems.map((problem) => `FAILED  ${problem}`)),
  ].join('\n')
}
