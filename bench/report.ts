/** Turns what was measured into the tables of docs/benchmarks.md. Pure. */
import type { Busy } from './busy.ts'
import { type Aim, type Row, type Section, sections, type TargetName, targets } from './rows.ts'
import type { ScenarioName } from './scenarios.ts'
import { ratios, type Spread, spread } from './stats.ts'

/** One scenario of one target in one round. */
export interface Sample {
  round: number
  target: TargetName
  scenario: ScenarioName
  figures: Readonly<Record<string, number>>
  busy: Busy
}

/** A generator busier than this, with a server less busy than that, may itself have been the limit. */
const generatorLimit = 0.92
const serverLimit = 0.95
/** What is measured at a fixed rate is not limited by anybody; there the generator must only have sent on time. */
const sentLateLimitUs = 500

/** With more than this share of a core taken by other work, a figure says little about the server. */
const noiseLimit = 0.15

/** @returns whether the generator may have been the limit, and not the server */
export function generatorWasLimit({ busy, figures }: Sample): boolean {
  if (figures.sentLateP99 !== undefined) return figures.sentLateP99 > sentLateLimitUs
  return busy.generator > generatorLimit && busy.server < serverLimit
}

/** @returns value by round of one row for one target */
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

/** @returns whether a median fits an aim */
export function isMet({ at, limit }: Aim, median: number): boolean {
  return at === 'least' ? median >= limit : median <= limit
}

function number(value: number, digits: number): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

function spreadText({ min, median, max }: Spread, digits: number): string {
  return `${number(min, digits)} / **${number(median, digits)}** / ${number(max, digits)}`
}

/** What is shown of an aim, as in `≤ 8` or `ratio ≥ 0.92`. */
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
      : `sent ≤ ${Math.round(spread(samples.map((sample) => sample.figures.sentLateP99 ?? 0)).max)} µs late`
  return `${percent((busy) => busy.server)} % · ${generator}`
}

/** What speaks against the figures of a row. */
function doubts(samples: readonly Sample[]): string[] {
  const found: string[] = []
  const limited = samples.filter(generatorWasLimit).length
  if (limited > 0) found.push(`the generator may be the limit in ${limited} of ${samples.length}`)
  const noisy = samples.filter(({ busy }) => busy.others > noiseLimit).length
  if (noisy > 0) found.push(`other work in ${noisy} of ${samples.length}`)
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
    `| min / **median** / max | ${left} | ${right} | ratio, round by round | aim | | server · generator busy |`,
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...rows.map((row) => rowText(samples, section, row, missing)),
    '',
  ].join('\n')
}

/** What the report says beside its tables. */
export interface Circumstances {
  /** One line about hardware and kernel. */
  machine: string
  /** Name and version of what was measured with. */
  versions: Readonly<Record<string, string>>
  /** ISO date. */
  date: string
  rounds: number
  seconds: number
  /** Whether durations and counts were cut down. */
  quick: boolean
  /** Why a target was left out, by target. */
  leftOut: Readonly<Partial<Record<TargetName, string>>>
}

/** @returns the whole Markdown page */
export function report(samples: readonly Sample[], how: Circumstances): string {
  const others = spread(samples.map(({ busy }) => busy.others))
  const versions = Object.entries(how.versions).map(([name, version]) => `${name} ${version}`)
  const tables = sections.map((section) => {
    const why = how.leftOut[section.subject] ?? how.leftOut[section.reference]
    return table(samples, section, `not measured${why ? `: ${why}` : ''}`)
  })
  return `# Benchmarks

Generated by \`npm run bench\` on ${how.date}; not edited by hand.${how.quick ? ' **A quick look: short and small, not for quoting.**' : ''}

- Machine: ${how.machine}. ${versions.join(', ')}.
- ${how.rounds} round${how.rounds === 1 ? '' : 's'} in ${Math.round(how.seconds)} s, the servers taking turns, each freshly started for each measurement. Everything on 127.0.0.1.
- The server has one core for itself and the load generator (raw sockets, frames of about 100 bytes built beforehand) the other. The last column shows how
  busy they were: a row says so when the generator was over ${generatorLimit * 100} % busy while the server was under ${serverLimit * 100} %. At a fixed rate it shows instead how late the generator sent (p99).
  It also says in how many measurements other work took more than ${noiseLimit * 100} % of a core; such rows prove nothing.
- Both servers answer with the same JSON. The baseline (bench/baseline.ts) has metrics and one heartbeat sweep, but no limits, no resuming, no drain and no schemas.
  The service logs from level \`warn\`; its limits are raised so that none is met.
- Latency is from when a message was due to its answer, so a stall counts for every message it delays. Memory is resident memory after garbage collection,
  less what the process had before the first socket; both servers run with \`--expose-gc\` and collect when the bench asks them to.
- Other work took ${Math.round(others.median * 100)} % of a core in the median and ${Math.round(others.max * 100)} % at most. Absolute figures are this machine's; quote the ratios.

${tables.join('\n')}`
}
