/** Compares the reconnect storm of naive clients with that of jittered clients. Pure. */
import type { Storm } from './storm.ts'

/** Failures of other parts of the lab during a storm. */
export interface Damage {
  /** Lists failures of the router and the other replicas: processes that restarted, exited or became unhealthy. */
  down: string[]
  /** Number of readiness requests that were sent through the router, and how many of them failed. */
  asked: number
  notReady: number
}

export interface Comparison {
  naive: Storm & { damage: Damage }
  jittered: Storm & { damage: Damage }
  /** Ratio of the naive clients' peak to the jittered clients' peak; a peak is the maximum number of connection attempts in one second. */
  peakRatio: number
  problems: string[]
}

/** The comparison succeeds if the naive clients' peak is at least this many times the jittered clients' peak. */
const wantedRatio = 5
/** Fraction of the disconnected clients that must have reconnected by the end of the observation. */
const wantedBack = 0.99

export const peakOf = (storm: Storm) => Math.max(0, ...storm.dialsPerSecond)

/** @param sockets the number of sockets that the replica was meant to have when it was killed */
export function compare(sockets: number, naive: Comparison['naive'], jittered: Comparison['jittered']): Comparison {
  const problems: string[] = []
  for (const { clients, lost, victim, damage } of [naive, jittered]) {
    if (lost < sockets * 0.95) problems.push(`${clients}: ${victim} had ${lost} sockets when it was killed; wanted ${sockets}`)
    for (const what of damage.down) problems.push(`${clients}: ${what}`)
  }
  // Only jittered clients must have reconnected by the end of the observation; naive clients may still be delaying each other.
  if (jittered.back < jittered.lost * wantedBack) problems.push(`jittered: ${jittered.back} of ${jittered.lost} clients reconnected`)
  if (jittered.damage.notReady > 0) {
    problems.push(`jittered: the entry was not ready ${jittered.damage.notReady} of ${jittered.damage.asked} times`)
  }
  const peakRatio = peakOf(jittered) === 0 ? 0 : peakOf(naive) / peakOf(jittered)
  if (peakRatio < wantedRatio)
    problems.push(`jitter reduces the peak to ${(1 / peakRatio).toFixed(2)} of the naive one; wanted 1/${wantedRatio} or less`)
  return { naive, jittered, peakRatio, problems }
}

/** Formats the comparison as text. */
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
    line('sockets lost', ({ lost }) => String(lost)),
    line('back', ({ back }) => String(back)),
    line('back: p50', ({ backMs }) => seconds(backMs.p50)),
    line('back: p99', ({ backMs }) => seconds(backMs.p99)),
    line('failed dials', ({ refused }) => String(refused)),
    line('most dials in a second', (storm) => String(peakOf(storm))),
    line('most connects in a second', ({ connectsPerSecond }) => String(Math.max(0, ...connectsPerSecond))),
    line('entry not ready, of requests', ({ damage }) => `${damage.notReady}/${damage.asked}`),
    '',
    `The peak falls by ${peakRatio.toFixed(1)} times.`,
    ...(problems.length === 0 ? ['The router and the other replicas stayed up.'] : problems.map((problem) => `FAILED  ${problem}`)),
  ].join('\n')
}
