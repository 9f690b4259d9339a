/** What a storm was like, from k6's summary: as data and as a page. Pure. */
import { type StormClients, stormMetrics, stormSeconds } from '../../contract/src/storm-metrics.ts'
import type { Settings } from './settings.ts'
import type { SummaryData } from './summary.ts'

export interface Storm {
  clients: StormClients
  sockets: number
  /** Replica that all sockets were at. */
  victim: string
  /** Sockets cut off. */
  lost: number
  /** Of these, sockets whose session was at another replica before the end. */
  back: number
  backMs: { p50: number; p99: number; max: number }
  /** By the second after the death. */
  dialsPerSecond: number[]
  connectsPerSecond: number[]
}

const ofSecond = (metric: string, second: number) => `${metric}{second:${second}}`
const seconds = Array.from({ length: stormSeconds }, (_, second) => second)

/** What a run must reach, and one for every second, which always holds: k6 keeps numbers by label only where one asks. */
export function stormThresholds(sockets: number): Record<string, string[]> {
  const bySecond = [stormMetrics.dials.name, stormMetrics.connects.name].flatMap((metric) =>
    seconds.map((second) => [ofSecond(metric, second), ['count>=0']] as const),
  )
  const enough = Math.ceil(sockets * 0.8)
  return { ...Object.fromEntries(bySecond), [stormMetrics.lost.name]: [`count>=${enough}`], [stormMetrics.back.name]: ['max>=0'] }
}

export function stormOf(data: SummaryData, settings: Pick<Settings, 'clients' | 'sockets'>, victim: string): Storm {
  const value = (metric: string, key: string) => data.metrics[metric]?.values[key] ?? 0
  const perSecond = (metric: string) => seconds.map((second) => value(ofSecond(metric, second), 'count'))
  const back = stormMetrics.back.name
  return {
    clients: settings.clients,
    sockets: settings.sockets,
    victim,
    lost: value(stormMetrics.lost.name, 'count'),
    back: value(back, 'count'),
    backMs: { p50: value(back, 'med'), p99: value(back, 'p(99)'), max: value(back, 'max') },
    dialsPerSecond: perSecond(stormMetrics.dials.name),
    connectsPerSecond: perSecond(stormMetrics.connects.name),
  }
}

/** The storm as a page of text. */
export function stormText(storm: Storm, jsonPath: string): string {
  const { clients, sockets, victim, lost, back, backMs, dialsPerSecond, connectsPerSecond } = storm
  if (lost === 0) return `\n${sockets} sockets were at ${victim}, and it did not die: kill it during the run, or use npm run storm.\n`
  const most = Math.max(...dialsPerSecond)
  const last = dialsPerSecond.findLastIndex((count) => count > 0)
  const row = (count: number, second: number) =>
    `  ${String(second).padStart(6)}  ${String(count).padStart(6)}  ${String(connectsPerSecond[second] ?? 0).padStart(8)}  ${'#'.repeat(Math.ceil((count / most) * 40))}`
  const lines = [
    `storm of ${clients} clients: ${victim} died with ${lost} sockets; ${back} came back, p99 after ${(backMs.p99 / 1000).toFixed(1)} s`,
    '',
    '  second   dials  connects',
    ...dialsPerSecond.slice(0, last + 1).map(row),
    '',
    `As JSON: ${jsonPath}`,
  ]
  return `\n${lines.join('\n')}\n`
}
