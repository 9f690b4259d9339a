/** Renders the measurements as tables for docs/benchmarks.md. Pure. */
import type { Busy } from './busy.ts'
import { type Aim, type Row, type Section, sections, type TargetName, targets } from './rows.ts'
import type { ScenarioName } from './scenarios.ts'
import { ratios, type Spread, spread } from './stats.ts'

/** A measurement of one scenario with one target in one round. */
export interface Sample {
  round: number
  target: TargetName
  scenario: ScenarioName
  figures: Readonly<Record<string, number>>
  busy: Busy
}

/**
 * The load generator may have been the bottleneck if it was busier than `generatorLimit` and the server was less busy than `serverLimit`.
 */
const generatorLimit = 0.92
const serverLimit = 0.95
/**
 * Maximum acceptable send delay in fixed-rate scenarios, in microseconds. In these scenarios, CPU usage does not show whether the load
 * generator was the bottleneck.
 */
const sentLateLimitUs = 500

/** The fraction of a core that other processes may use during a measurement before it is marked as doubtful. */
const noiseLimit = 0.15

/** Whether the load generator, rather than the server, may have been the bottleneck. */
export function generatorWasLimit({ busy, figures }: Sample): boolean {
  if (figures.sentLateP99 !== undefined) return figures.sentLateP99 > sentLateLimitUs
  return busy.generator > generatorLimit && busy.server < serverLimit
}

/** Returns a table row's values for one target, by round. */
export function valuesOf(
  samples: readonly Sample[],
  target: TargetName,
  row: Pick<Row, 'scenario' | 'figure' | 'over'>,
): Map<number, number> {
  const byRound = (scenario: ScenarioName) =>
    new Map(
      samples.flatMap((sample) => {
        const value = sample.figures[row.figure]
        return sample.target === target && sample.scenario === scenario && value !== undefined ? [[sample.round, value] as const] : []
      }),
    )
  const values = byRound(row.scenario)
  if (!row.over) return values
  const base = byRound(row.over)
  return new Map([...values].flatMap(([round, value]) => (base.has(round) ? [[round, value / (base.get(round) ?? 1)] as const] : [])))
}

/** Returns whether a table row's median meets the limit that is set for this row. */
export function isMet({ at, limit }: Aim, median: number): boolean {
  return at === 'least' ? median >= limit : median <= limit
}

function number(value: number, digits: number): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

function spreadText({ min, median, max }: Spread, digits: number): string {
  return `${number(min, digits)} / **${number(median, digits)}** / ${number(max, digits)}`
}

/** Formats the limit that a table row should meet, for example `≤ 8` or `ratio ≥ 0.92`. */
function aimText({ of, at, limit }: Aim, unit: string): string {
  const bound = `${at === 'least' ? '≥' : '≤'} ${number(limit, of === 'ratio' ? 2 : 0)}`
  return of === 'ratio' ? `ratio ${bound}` : `${bound} ${unit}`
}

function busyText(samples: readonly Sample[]): string {
  const [first] = samples
  if (!first) return ''
  const percent = (pick: (busy: Busy) => number) => Math.round(spread(samples.map((sample) => pick(sample.busy))).median * 100)
  const generator =
    first.figures.sentLateP99 === undefined
      ? `${percent((busy) => busy.generator)} %`
      : `send delay ≤ ${Math.round(spread(samples.map((sample) => sample.figures.sentLateP99 ?? 0)).max)} µs`
  return `${percent((busy) => busy.server)} % · ${generator}`
}

/** Lists the reasons to doubt a row's figures. */
function doubts(samples: readonly Sample[]): string[] {
  const found: string[] = []
  const limited = samples.filter(generatorWasLimit).length
  if (limited > 0) found.push(`the generator may have been the bottleneck in ${limited} of ${samples.length} measurements`)
  const noisy = samples.filter(({ busy }) => busy.others > noiseLimit).length
  if (noisy > 0) found.push(`other processes were active in ${noisy} of ${samples.length} measurements`)
  return found
}

function rowText(samples: readonly Sample[], { reference, subject }: Section, row: Row, missing: string): string {
  const [base, own] = [valuesOf(samples, reference, { ...row, figure: row.referenceFigure ?? row.figure }), valuesOf(samples, subject, row)]
  const title = `${row.title}, ${row.unit}`
  if (base.size === 0 || own.size === 0) return `| ${title} | ${missing} | | | | | |`
  const ratio = spread(ratios(own, base))
  const ownSpread = spread([...own.values()])
  const ofRow = samples.filter(({ scenario, target }) => scenario === row.scenario && (target === subject || target === reference))
  const busy = busyText(ofRow.filter(({ target }) => target === subject))
  const cells = [
    title,
    spreadText(spread([...base.values()]), row.digits),
    spreadText(ownSpread, row.digits),
    spreadText(ratio, 2),
    row.aim ? aimText(row.aim, row.unit) : '',
    row.aim ? (isMet(row.aim, row.aim.of === 'ratio' ? ratio.median : ownSpread.median) ? 'met' : '**not met**') : '',
    [busy, ...doubts(ofRow)].join(' ⚠ '),
  ]
  return `| ${cells.join(' | ')} |`
}

function table(samples: readonly Sample[], section: Section, missing: string): string {
  const { title, reference, subject, rows } = section
  const [left, right] = section.columns ?? [targets[reference], targets[subject]]
  return [
    `## ${title}`,
    '',
    `| min / **median** / max | ${left} | ${right} | ratio per round | aim | | server · generator busy |`,
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...rows.map((row) => rowText(samples, section, row, missing)),
    '',
  ].join('\n')
}

/** The measurement conditions, which the report describes. */
export interface Circumstances {
  /** One line about the hardware and the kernel. */
  machine: string
  /** Names and versions of the programs that were used. */
  versions: Readonly<Record<string, string>>
  /** ISO date. */
  date: string
  rounds: number
  seconds: number
  /** Whether this was a quick run, with reduced durations and counts. */
  quick: boolean
  /** The targets that were not measured, each with the reason. */
  leftOut: Readonly<Partial<Record<TargetName, string>>>
}

/** Returns the complete benchmark page as Markdown. */
export function report(samples: readonly Sample[], how: Circumstances): string {
  const others = spread(samples.map(({ busy }) => busy.others))
  const versions = Object.entries(how.versions).map(([name, version]) => `${name} ${version}`)
  const tables = sections.map((section) => {
    const why = how.leftOut[section.subject] ?? how.leftOut[section.reference]
    return table(samples, section, `not measured${why ? `: ${why}` : ''}`)
  })
  return `# Benchmarks

Generated by \`./lab bench\` on ${how.date}; do not edit this page by hand.${how.quick ? ' **These are quick measurements with less precise results.**' : ''}

- Machine: ${how.machine}. ${versions.join(', ')}.
- ${how.rounds} round${how.rounds === 1 ? '' : 's'} in ${Math.round(how.seconds)} s. The servers were measured alternately, and each was restarted for every measurement. All connections used 127.0.0.1.
- The server runs alone on one core, and the load generator (raw sockets, prebuilt frames of about 100 bytes) on another. The last column shows the CPU
  usage of the server and of the generator, and warns if the generator was over ${generatorLimit * 100} % busy while the server was under ${serverLimit * 100} %. In scenarios with a fixed rate, the last column shows the generator's send delay (p99) instead.
  The last column also counts the measurements in which other processes used more than ${noiseLimit * 100} % of a core; such rows are not reliable.
- Both servers send the same JSON responses. The baseline (tools/bench/baseline.ts) has metrics and one heartbeat sweep, but no limits, resume, drain or schemas.
  The service logs at level \`warn\`; its limits are set so high that none of them is reached.
- Latency is measured from the time at which a message was due to be sent until its response arrived, so a stall affects every delayed message. Memory is the resident memory after
  garbage collection minus the memory before the first socket. Both servers run with \`--expose-gc\` and collect garbage when the benchmark requests it.
- Other processes used a median of ${Math.round(others.median * 100)} % and a maximum of ${Math.round(others.max * 100)} % of a core. Absolute figures depend on the machine; compare the ratios.

${tables.join('\n')}`
}
