/** Reads figures from docs/benchmarks.md, which `./lab bench` writes. Pure. */
import type { WsComparison } from './schema.ts'

export interface BenchmarkRow {
  title: string
  /** Median of the reference, for example plain `ws`, and median of the service. */
  reference: number
  service: number
}

/**
 * @param markdown content of docs/benchmarks.md
 * @returns the rows of the "Against plain `ws`" table
 */
export function readBenchmarks(markdown: string): BenchmarkRow[] {
  const section = markdown.split(/^## /m).find((part) => part.startsWith('Against plain')) ?? ''
  return section.split('\n').flatMap((line) => {
    const [title = '', reference = '', service = ''] = line
      .split('|')
      .slice(1)
      .map((cell) => cell.trim())
    const [a, b] = [medianOf(reference), medianOf(service)]
    if (a === undefined || b === undefined) return []
    return [{ title, reference: a, service: b }]
  })
}

/**
 * The benchmark rows that the proof report shows, and the names under which it shows them. In each row, the service and plain `ws` were
 * measured in the same rounds on the same machine.
 */
export const shownBenchmarks: readonly Pick<WsComparison, 'id' | 'what' | 'unit' | 'better'>[] = [
  { id: 'echo, one message in flight per socket, 100 sockets, msg/s', what: 'Echo, one at a time', unit: 'msg/s', better: 'higher' },
  { id: 'echo, 16 messages in flight per socket, 100 sockets, msg/s', what: 'Echo, 16 at a time', unit: 'msg/s', better: 'higher' },
  { id: 'fan-out, 1 to 1,000, deliveries/s', what: 'Fan-out, 1 to 1,000', unit: '/s', better: 'higher' },
  { id: 'connects, 10,000 sockets, 128 at a time, connects/s', what: 'Connects', unit: '/s', better: 'higher' },
  { id: 'memory per idle socket at 10,000, KiB', what: 'Memory of an idle socket', unit: 'KiB', better: 'lower' },
  {
    id: '5,000 msg/s on 1,000 of 10,000 sockets, a heartbeat every 4 s: p99, µs',
    what: '5,000 msg/s on 10,000 sockets with heartbeats, p99',
    unit: 'µs',
    better: 'lower',
  },
]

/** Returns those of the selected benchmark rows that docs/benchmarks.md contains. */
export function againstWs(benchmarks: readonly BenchmarkRow[]): WsComparison[] {
  return shownBenchmarks.flatMap((shown) => {
    const row = benchmarks.find(({ title }) => title === shown.id)
    return row === undefined ? [] : [{ ...shown, service: row.service, ws: row.reference }]
  })
}

/** The bold median: `85,698 / **87,911** / 96,704` → 87911. */
function medianOf(cell: string): number | undefined {
  const found = /\*\*([\d,.]+)\*\*/.exec(cell)?.[1]
  return found === undefined ? undefined : Number(found.replaceAll(',', ''))
}
