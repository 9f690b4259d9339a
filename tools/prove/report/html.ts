/** Renders the report as a self-contained HTML file, which loads no scripts or fonts and sends no requests. Pure. */
import { lineChart } from '@lab/report-kit/charts.ts'
import { escaped, page, table } from '@lab/report-kit/html.ts'
import { durationText, numberText, percentText, withUnit } from './format.ts'
import { growthOf } from './scaling.ts'
import type { ProofReport } from './schema.ts'
import { benchmarkSection, costSection, environmentSection, latencySection, ledgerSection, resourceSection } from './sections.ts'
import { objectiveText, slowest } from './slos.ts'

/** Maximum number of points in a chart; surplus points are omitted at even intervals. */
const mostPoints = 240

export function reportHtml(report: ProofReport): string {
  const word = report.verdict.pass ? 'PASS' : 'FAIL'
  return page(
    `${word}: proof report of ${report.startedAt.slice(0, 10)}`,
    `${header(report)}
<main>
${[sloSection, availabilitySection, scalingSection, ledgerSection, latencySection, benchmarkSection, resourceSection, costSection, faultSection, environmentSection].map((section) => section(report)).join('\n')}
</main>
<footer><p class="soft">Written by <code>./lab prove --report</code>, schema version ${report.schemaVersion}. Data: <code>report.json</code>.</p></footer>`,
  )
}

function header({ verdict, startedAt, seconds, settings, ledger, availability, scaling, slos }: ProofReport): string {
  const pass = verdict.pass
  const drops = Object.values(ledger.drops.unexplained).reduce((sum, count) => sum + count, 0)
  const peak = Math.max(...scaling.replicas.map(({ ready }) => ready))
  const [failed, open] = [slos.filter((slo) => slo.pass === false), slos.filter((slo) => slo.pass === null)]
  const left = open.length === 0 ? '' : `; not applicable to this run: ${open.map(({ name }) => name).join(', ')}`
  const growth = growthOf(scaling)
  const figures: [string, string][] = [
    [numberText(ledger.findings.lost ?? 0), `of ${numberText(ledger.expected)} deliveries lost`],
    [percentText(availability.ratio), 'of attempts succeeded, for the worst kind'],
    [numberText(drops), `of ${numberText(ledger.drops.total)} closed connections without a reason`],
    [durationText(slos.find(({ id }) => id === 'delivery-p95')?.value ?? null), 'room message to each member, p95'],
    [withUnit(slowest(growth.seconds), 's'), `from ${growth.from} to a socket on a new replica`],
    [numberText(peak), 'replicas at the peak'],
  ]
  const reasons = verdict.reasons.map((reason) => `<li>${escaped(reason)}.</li>`).join('')
  return `<header>
<h1>Proof report of the WebSocket scaling lab</h1>
<p class="verdict ${pass ? 'good' : 'bad'}">${pass ? '✓ PASS' : '✗ FAIL'}</p>
<p>${pass ? `All ${slos.length - open.length} objectives hold${left}.` : `${failed.length} of ${slos.length} objectives failed${left}:`}</p>
${reasons === '' ? '' : `<ul>${reasons}</ul>`}
<p class="soft">${numberText(settings.sockets)} sockets in ${numberText(settings.rooms)} rooms and ${numberText(settings.surgeClients)} additional clients, ${numberText(settings.rate)} messages per second, ${Math.round(seconds)} s from ${escaped(startedAt.slice(0, 16).replace('T', ' '))} UTC.</p>
<ul class="figures">
${figures.map(([value, what]) => `<li><b>${escaped(value)}</b> ${escaped(what)}</li>`).join('\n')}
</ul>
</header>`
}

function sloSection({ slos }: ProofReport): string {
  const rows = slos.map((slo) => [
    slo.name,
    slo.note === '' ? slo.formula : `${slo.formula}. Note: ${slo.note}`,
    { number: objectiveText(slo) },
    { number: slo.unit === 'ms' ? durationText(slo.value) : withUnit(slo.value, slo.unit) },
    { html: verdictHtml(slo) },
    slo.source,
  ])
  return `<h2>Objectives</h2>
${table({ caption: 'Each objective, its formula, and whether it holds', titles: ['Objective', 'Formula', 'Limit', 'Measured', 'Result', 'Source'], rows })}
<p class="soft">An objective without a measurement does not hold, unless it does not apply to the run.</p>`
}

function verdictHtml({ pass, value }: ProofReport['slos'][number]): string {
  if (pass === null) return '<span class="soft">not measured</span>'
  if (pass) return '<span class="good">✓ holds</span>'
  return `<span class="bad">✗ ${value === null ? 'not measured' : 'does not hold'}</span>`
}

function availabilitySection({ availability }: ProofReport): string {
  const { ratio, objective, parts } = availability
  const cases = parts.flatMap((part) => part.cases)
  const rows = parts.map((part) => [
    part.what,
    { number: numberText(part.attempts) },
    { number: numberText(part.succeeded) },
    { number: percentText(part.ratio) },
    // The 1e-9 compensates for the floating-point error of 1 − 0.999.
    { number: numberText(Math.floor(part.attempts * (1 - objective) + 1e-9)) },
  ])
  return `<h2>Availability</h2>
<p>Successful attempts ÷ attempts, of the worst kind: <strong>${percentText(ratio)}</strong>; the objective is ${percentText(objective)} of each kind.</p>
${table({ caption: 'Attempts', titles: ['Attempts', 'Tried', 'Succeeded', 'Share', 'May fail'], rows })}
${cases.length === 0 ? '' : `<p>The first that failed:</p><ul>${cases.map((text) => `<li>${escaped(text)}</li>`).join('\n')}</ul>`}`
}

function scalingSection({ scaling, load, seconds }: ProofReport): string {
  const { replicas, timeline, by, timeScale, synchronisations, ups } = scaling
  const growth = growthOf(scaling)
  const decided = timeline.filter(({ kind }) => kind === 'decision')
  const marks = decided.map(({ atSeconds }, i) => ({ atSeconds, label: String.fromCharCode(65 + (i % 26)) }))
  const most = Math.max(...replicas.map(({ ready }) => ready))
  const thin = <T>(points: readonly T[]): T[] => points.filter((_, i) => i % Math.ceil(points.length / mostPoints) === 0)
  const who =
    by === 'scaler'
      ? `The scaler decided at ${synchronisations} synchronisations${timeScale === 1 || timeScale === null ? '' : `; its time was compressed ${timeScale} times`}.`
      : 'No scaler ran; the run itself added and removed replicas.'
  const text = `${replicas[0]?.ready ?? 0} replicas at the beginning, ${most} at most, ${replicas.at(-1)?.ready ?? 0} at the end. ${decided.length} changes were decided${decided.length === 0 ? '' : `, marked ${marks.map(({ label }) => label).join(', ')}`}.`
  const least = load.reduce((min, point) => Math.min(min, point.sockets), load[0]?.sockets ?? 0)
  const peak = load.reduce((max, point) => Math.max(max, point.sockets), 0)
  const rate = load.reduce((max, point) => Math.max(max, point.deliveredPerSecond), 0)
  return `<h2>Scaling</h2>
<p>${who}</p>
${lineChart({
  id: 'replicas',
  title: 'Replicas',
  text,
  seconds,
  marks,
  lines: [
    { name: 'ready', steps: true, points: replicas.map(({ atSeconds, ready }) => [atSeconds, ready]) },
    { name: 'running', steps: true, points: replicas.map(({ atSeconds, running }) => [atSeconds, running]) },
  ],
})}
${lineChart({
  id: 'load',
  title: 'Load',
  seconds,
  marks: [],
  text: `From ${numberText(least)} to ${numberText(peak)} open sockets, and up to ${numberText(rate)} deliveries per second.`,
  lines: [
    { name: 'open sockets', steps: false, points: thin(load).map(({ atSeconds, sockets }) => [atSeconds, sockets]) },
    {
      name: 'deliveries per second',
      steps: false,
      points: thin(load).map((point) => [point.atSeconds, point.deliveredPerSecond]),
    },
  ],
})}
${table({
  caption: 'Steps of scaling up, in seconds since the run began',
  titles: ['Change', 'Demand', by === 'scaler' ? 'Decision' : 'Request', 'Ready', 'First socket', `From ${growth.from} to first socket`],
  rows: ups.map((up, i) => [
    `${up.from} → ${up.to}`,
    ...[up.demandAtSeconds, up.decisionAtSeconds, up.readyAtSeconds, up.firstSocketAtSeconds, growth.seconds[i] ?? null].map((at) => ({
      number: withUnit(at, 's'),
    })),
  ]),
})}
${table({
  caption: 'Decisions',
  titles: ['Mark', 'At', 'In words'],
  rows: decided.map(({ atSeconds, text: said }, i) => [marks[i]?.label ?? '', { number: `${atSeconds.toFixed(1)} s` }, said]),
})}
<details><summary>The timeline: ${timeline.length} moments</summary>
${table({
  caption: 'Events, in order of time',
  titles: ['At', 'What', 'In words'],
  rows: timeline.map(({ atSeconds, kind, text: said }) => [`${atSeconds.toFixed(1)} s`, kind, said]),
})}</details>`
}

function faultSection({ faults }: ProofReport): string {
  const rows = faults.map(({ atSeconds, kind, replica, happened, detail }) => [
    `${atSeconds.toFixed(1)} s`,
    kind,
    replica ?? '',
    `${happened ? '' : 'did not happen: '}${detail}`,
  ])
  return `<h2>Faults</h2>
${table({ caption: 'Drains, crashes and the rest of the plan', titles: ['At', 'Fault', 'Replica', 'How it went'], rows })}`
}
