/**
 * Defines the tables of the benchmark report. Each row compares a figure measured on one server with the corresponding figure measured on
 * another.
 */
import type { ScenarioName } from './scenarios.ts'

/** The measured servers. The target `service` is this project's service; `ws` is the baseline. */
export const targets = {
  ws: 'plain `ws`',
  service: 'this service',
  quiet: 'without metrics',
  traced: 'with tracing',
  proxied: 'through Traefik',
} as const
export type TargetName = keyof typeof targets

/** A row's aim: a limit for the median ratio or for the median value. */
export interface Aim {
  of: 'ratio' | 'value'
  at: 'least' | 'most'
  limit: number
}

/** One row of a table in the benchmark report. */
export interface Row {
  title: string
  unit: string
  /** Number of digits after the decimal point. */
  digits: number
  scenario: ScenarioName
  figure: string
  /** Name of the reference's figure; if undefined, the figures of the reference and the subject have the same name. */
  referenceFigure?: string
  /**
   * The scenario that provides the divisor: in each round, the row's figure is divided by the figure of the same name from this scenario.
   */
  over?: ScenarioName
  aim?: Aim
}

/** A report table, in which each row compares a figure of the server under test (the subject) with a figure of the reference server. */
export interface Section {
  title: string
  reference: TargetName
  subject: TargetName
  /** Column titles to use instead of the target names; needed if a table compares a target with itself. */
  columns?: readonly [string, string]
  rows: readonly Row[]
}

const ratioAtLeast = (limit: number): Aim => ({ of: 'ratio', at: 'least', limit })
const ratioAtMost = (limit: number): Aim => ({ of: 'ratio', at: 'most', limit })
const valueAtMost = (limit: number): Aim => ({ of: 'value', at: 'most', limit })

const echo1 = {
  scenario: 'echo1',
  figure: 'rate',
  title: 'echo, one message in flight per socket, 100 sockets',
  unit: 'msg/s',
  digits: 0,
} as const
const echo1Cpu = {
  scenario: 'echo1',
  figure: 'cpu',
  title: 'echo, one message in flight per socket: server CPU',
  unit: 'µs/msg',
  digits: 1,
} as const
const echo16 = {
  scenario: 'echo16',
  figure: 'rate',
  title: 'echo, 16 messages in flight per socket, 100 sockets',
  unit: 'msg/s',
  digits: 0,
} as const
const echo16Cpu = {
  scenario: 'echo16',
  figure: 'cpu',
  title: 'echo, 16 messages in flight per socket: server CPU',
  unit: 'µs/msg',
  digits: 1,
} as const
const p50 = { scenario: 'steady1k', figure: 'p50', title: '5,000 msg/s on 1,000 sockets: p50', unit: 'µs', digits: 0 } as const
const p99 = { scenario: 'steady1k', figure: 'p99', title: '5,000 msg/s on 1,000 sockets: p99', unit: 'µs', digits: 0 } as const
const fanOut = { scenario: 'fanOut', figure: 'rate', title: 'fan-out, 1 to 1,000', unit: 'deliveries/s', digits: 0 } as const
const fanOutLast = {
  scenario: 'fanOut',
  figure: 'lastP99',
  title: 'fan-out, 1 to 1,000: time until the last member has the message, p99',
  unit: 'ms',
  digits: 1,
} as const

/** Returns a copy of a table row, adapted to a scenario that switches a feature on and off. */
const switched = (row: Row, scenario: ScenarioName): Row => ({
  ...row,
  scenario,
  figure: `${row.figure}On`,
  referenceFigure: `${row.figure}Off`,
})
const traced = (row: Row, scenario: ScenarioName): Row => ({ ...switched(row, scenario), aim: ratioAtMost(1.03) })

/** The benchmark report's tables, in the order in which the page shows them. */
export const sections: readonly Section[] = [
  {
    title: 'Against plain `ws`',
    reference: 'ws',
    subject: 'service',
    rows: [
      { ...echo1, aim: ratioAtLeast(0.92) },
      { ...echo1Cpu, aim: ratioAtMost(1.08) },
      { ...echo16, aim: ratioAtLeast(0.92) },
      { ...echo16Cpu, aim: ratioAtMost(1.08) },
      { ...p50, aim: ratioAtMost(1.1) },
      { ...p99, aim: valueAtMost(1000) },
      {
        scenario: 'steady10kOff',
        figure: 'p99',
        title: '5,000 msg/s on 1,000 of 10,000 sockets, no heartbeats: p99',
        unit: 'µs',
        digits: 0,
      },
      {
        scenario: 'steady10kOn',
        figure: 'p99',
        title: '5,000 msg/s on 1,000 of 10,000 sockets, a heartbeat every 4 s: p99',
        unit: 'µs',
        digits: 0,
        aim: valueAtMost(2000),
      },
      {
        scenario: 'steady10kOn',
        over: 'steady10kOff',
        figure: 'p99',
        title: 'p99 with heartbeats ÷ p99 without',
        unit: '×',
        digits: 2,
        aim: valueAtMost(2),
      },
      { ...fanOut, aim: ratioAtLeast(0.95) },
      { ...fanOutLast, aim: ratioAtMost(1.15) },
      {
        scenario: 'connects',
        figure: 'rate',
        title: 'connects, 10,000 sockets, 128 at a time',
        unit: 'connects/s',
        digits: 0,
        aim: ratioAtLeast(0.6),
      },
      { scenario: 'connects', figure: 'cpu', title: 'connects, 10,000 sockets, 128 at a time: server CPU', unit: 'µs/connect', digits: 0 },
      { scenario: 'connects', figure: 'perSocket', title: 'memory per idle socket at 10,000', unit: 'KiB', digits: 1, aim: valueAtMost(8) },
      { scenario: 'connects', figure: 'slope', title: 'memory per additional idle socket, from 5,000 to 10,000', unit: 'KiB', digits: 1 },
      {
        scenario: 'connects',
        figure: 'rssUncollected',
        title: 'process memory at 10,000, before garbage collection',
        unit: 'MiB',
        digits: 0,
      },
      {
        scenario: 'connects',
        figure: 'rss',
        title: 'process memory at 10,000, after garbage collection',
        unit: 'MiB',
        digits: 0,
        aim: valueAtMost(200),
      },
      { scenario: 'members', figure: 'perMember', title: 'memory per member at 5,000, two in each room', unit: 'KiB', digits: 1 },
      {
        scenario: 'members',
        figure: 'withLog',
        title: 'memory per member at 5,000, with a full room log of 20,000 messages',
        unit: 'KiB',
        digits: 1,
      },
    ],
  },
  {
    title: 'What metrics cost',
    reference: 'quiet',
    subject: 'service',
    rows: [echo1, { ...echo1Cpu, aim: ratioAtMost(1.06) }, echo16, { ...echo16Cpu, aim: ratioAtMost(1.06) }],
  },
  {
    title: 'What tracing costs at the default sampling ratio of 1 %, measured in one process',
    reference: 'traced',
    subject: 'traced',
    columns: ['tracing off', 'tracing on'],
    rows: [switched(echo1, 'switched1'), traced(echo1Cpu, 'switched1'), switched(echo16, 'switched16'), traced(echo16Cpu, 'switched16')],
  },
  {
    title: "Through Traefik, which shares the service's core",
    reference: 'service',
    subject: 'proxied',
    rows: [
      echo1,
      { ...echo1Cpu, title: 'echo, one message in flight per socket: CPU of the service and Traefik' },
      echo16,
      { ...echo16Cpu, title: 'echo, 16 messages in flight per socket: CPU of the service and Traefik' },
      p50,
      p99,
      fanOut,
      fanOutLast,
      { scenario: 'connectsFew', figure: 'rate', title: 'connects, 2,000 sockets, 128 at a time', unit: 'connects/s', digits: 0 },
      {
        scenario: 'connectsFew',
        figure: 'cpu',
        title: 'connects, 2,000 sockets, 128 at a time: CPU of the service and Traefik',
        unit: 'µs/connect',
        digits: 0,
      },
    ],
  },
]

/** Uses the tables to determine the scenarios in which each target is measured. */
export function plan(): Map<TargetName, Set<ScenarioName>> {
  const found = new Map<TargetName, Set<ScenarioName>>()
  for (const { reference, subject, rows } of sections) {
    for (const target of [reference, subject]) {
      const scenarios = found.get(target) ?? new Set()
      found.set(target, scenarios)
      for (const { scenario, over } of rows) {
        scenarios.add(scenario)
        if (over) scenarios.add(over)
      }
    }
  }
  return found
}
