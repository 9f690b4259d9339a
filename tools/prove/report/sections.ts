/** Renders those sections of the report that consist mainly of tables. Pure. */
import { findingKinds } from '@lab/ledger/findings.ts'
import { barChart } from '@lab/report-kit/charts.ts'
import { escaped, table, withLinks } from '@lab/report-kit/html.ts'
import { durationText, moneyText, numberText, withUnit } from './format.ts'
import type { CostAmount, ProofReport } from './schema.ts'

const mebibyte = 2 ** 20

export function ledgerSection({ ledger }: ProofReport): string {
  const { drops, findings } = ledger
  const number = (what: string, count: number) => [what, { number: numberText(count) }]
  const said: Readonly<Record<string, string>> = findingKinds
  const rows = [
    number('sent', ledger.sent),
    number('accepted (answered as stored)', ledger.accepted),
    number('refused', ledger.refused),
    number('in the room log', ledger.stored),
    number('expected deliveries (stored × members)', ledger.expected),
    number('delivered', ledger.delivered),
    number('of these, while the store was down', ledger.provisional),
    ...Object.entries(findings).map(([kind, count]) => number(said[kind] === undefined ? kind : `${kind}: ${said[kind]}`, count)),
  ]
  const causes = [
    ...Object.entries(drops.explained).map(([why, count]) => number(why, count)),
    ...Object.entries(drops.unexplained).map(([why, count]) => number(`unexplained: ${why}`, count)),
    number('all', drops.total),
  ]
  const cases = ledger.cases.map((text) => `<li>${escaped(text)}</li>`).join('\n')
  return `<h2>Ledger</h2>
<p>What clients sent, were answered and were given, held against the room log itself.</p>
${table({ caption: 'Room messages', titles: ['What', 'How many'], rows })}
${cases === '' ? '' : `<p>The first cases:</p><ul>${cases}</ul>`}
${table({ caption: 'Connections that ended, by fault and cause', titles: ['Why', 'How many'], rows: causes })}`
}

export function latencySection({ latencies, slos }: ProofReport): string {
  const known = latencies.filter(({ times }) => times.count > 0)
  const limits: Record<string, string> = {
    connect: 'connect-p95',
    answer: 'answer-p95',
    delivery: 'delivery-p95',
    'delivery-ten-times': 'ten-times',
  }
  const bars = known.map(({ id, name, times }) => ({
    name,
    parts: [times.p50 ?? 0, times.p99 ?? 0],
    limit: slos.find((slo) => slo.id === limits[id])?.limit,
  }))
  const rows = latencies.map(({ name, times }) => [
    name,
    ...[times.p50, times.p90, times.p95, times.p99, times.max].map((ms) => ({ number: durationText(ms) })),
    { number: numberText(times.count) },
  ])
  const caption = 'The narrow bar shows p50, the wide one p99, and the line the objective for p95. The scale is logarithmic.'
  const text = `p50 and p99. ${known.map(({ name, times }) => `${name}: ${durationText(times.p50)} and ${durationText(times.p99)}`).join('; ')}.`
  return `<h2>Latency</h2>
${barChart({ id: 'latency', title: 'Latency', text, caption, bars, logarithmic: true, shown: durationText })}
${table({ caption: 'Percentiles', titles: ['What', 'p50', 'p90', 'p95', 'p99', 'longest', 'of'], rows })}`
}

export function benchmarkSection({ againstWs }: ProofReport): string {
  if (againstWs.length === 0) return ''
  const rows = againstWs.map(({ what, unit, better, service, ws }) => [
    what,
    { number: withUnit(service, unit) },
    { number: withUnit(ws, unit) },
    { number: ws === 0 ? '' : numberText(service / ws) },
    better,
  ])
  return `<h2>Against plain ws</h2>
<p>Medians of docs/benchmarks.md, not of this run: the service without router and store, and a server of nothing but <code>ws</code>, in the same rounds on the same machine.</p>
${table({ caption: 'Benchmarks', titles: ['What', 'This service', 'Plain ws', 'Ratio', 'Better is'], rows })}`
}

export function resourceSection({ resources }: ProofReport): string {
  const { replicas, problem } = resources
  const bytes = (value: number | null) => (value === null ? withUnit(null, '') : `${numberText(Math.round(value / mebibyte))} MiB`)
  const rows = replicas.map(({ replica, seconds, cpuSeconds, memoryPeakBytes }) => [
    replica,
    { number: withUnit(seconds, 's') },
    { number: withUnit(cpuSeconds, 's') },
    { number: cpuSeconds === null || seconds === 0 ? '' : numberText(cpuSeconds / seconds) },
    { number: bytes(memoryPeakBytes) },
  ])
  const known = replicas.filter(({ cpuSeconds }) => cpuSeconds !== null)
  const text = `CPU seconds of each replica. ${known.map(({ replica, cpuSeconds }) => `${replica}: ${numberText(cpuSeconds)}`).join('; ')}.`
  const bars = known.map(({ replica, cpuSeconds }) => ({ name: replica, parts: [cpuSeconds ?? 0], limit: undefined }))
  return `<h2>Resources</h2>
${problem === null ? '' : `<p>${escaped(problem)}</p>`}
${bars.length === 0 ? '' : barChart({ id: 'cpu', title: 'CPU', text, bars, logarithmic: false, shown: (value) => `${numberText(value)} s` })}
${table({ caption: 'Each replica: seconds by Docker, the rest by Prometheus', titles: ['Replica', 'Ran', 'CPU', 'Cores in the mean', 'Memory at most'], rows })}`
}

export function costSection({ cost }: ProofReport): string {
  const { currency, prices, request, byRequest, byUsage, replicaSeconds, messages, socketHours } = cost
  const money = (value: number | null | undefined) => ({ number: moneyText(value ?? null, currency) })
  const row = (name: string, amountOf: (amount: CostAmount) => number | null) => [
    name,
    money(amountOf(byRequest)),
    money(byUsage === null ? null : amountOf(byUsage)),
  ]
  const per = (value: number | null, divisor: number) => (value === null ? null : value / divisor)
  const rows = [
    row('CPU', ({ cpu }) => cpu),
    row('Memory', ({ memory }) => memory),
    row('Whole run', ({ total }) => total),
    row('Per delivered message', ({ perMillionMessages }) => per(perMillionMessages, 1e6)),
    row('A million messages', ({ perMillionMessages }) => perMillionMessages),
    row('Per user and hour', ({ perThousandUserHours }) => per(perThousandUserHours, 1e3)),
    row('Per thousand users and hour', ({ perThousandUserHours }) => perThousandUserHours),
  ]
  return `<h2>Cost</h2>
<p>${numberText(replicaSeconds)} replica-seconds, ${numberText(messages)} messages delivered, ${numberText(socketHours)} socket-hours. By request: replica-seconds × (${request.vcpu} vCPU × price + ${request.gib} GiB × price). By usage: CPU seconds × price + GiB-seconds × price. Replicas alone: router, store and monitoring are not in it.</p>
<p class="soft">${prices.perVcpuHour} ${escaped(currency)} per vCPU and hour, ${prices.perGibHour} ${escaped(currency)} per GiB and hour: ${withLinks(prices.source)}</p>
${table({ caption: 'Cost of the run', titles: ['What', 'By request', 'By usage'], rows })}`
}

export function environmentSection({ environment, settings }: ProofReport): string {
  const { cores, memoryBytes, cpu, loadAverage, kernel, engine, compose, node, images, seed, commandLine, revision } = environment
  const rows = [
    ['Machine', `${cores} cores (${cpu}), ${numberText(Math.round(memoryBytes / mebibyte))} MiB`],
    ['Load average of a minute', `${loadAverage.map((load) => load.toFixed(1)).join(' at the start, ')} at the end`],
    ['Kernel', kernel],
    ['Docker', `${engine}, Compose ${compose}`],
    ['Node', node],
    ['Seed', String(seed)],
    ['Faults of the plan', settings.faults.join(', ') || 'none'],
    ['Command', commandLine],
    ['Revision', revision],
    ...images.map(({ service, image, id }) => [`Image of ${service}`, `${image} (${id})`]),
  ]
  return `<h2>Environment</h2>
${table({ caption: 'Where it was measured', titles: ['What', 'Which'], rows })}`
}
