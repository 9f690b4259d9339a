/** Formats the verdict of a soak test as a Markdown page. Pure. */
import { table } from '@lab/host/markdown.ts'
import type { SoakPlan } from './state.ts'
import { figures, type SoakVerdict, type Trend } from './verdict.ts'

export function reportText({ seconds, sockets, startedAt }: SoakPlan, verdict: SoakVerdict): string {
  const complete = verdict.seconds >= seconds * 0.98
  const { problems } = verdict
  const word = !complete ? 'interrupted' : problems.length === 0 ? 'passed' : 'failed'
  const rows = verdict.trends.map((trend) => [
    named(trend),
    number(trend.mean),
    number(trend.perHour),
    `${number(trend.growth)} (${number(trend.from)} to ${number(trend.to)})`,
    number(trend.allowed),
    trend.word,
  ])
  const parts = verdict.parts === 1 ? '' : ` in ${verdict.parts} parts`
  return [
    `# Soak of ${span(seconds)}: ${word}`,
    '',
    `Started at ${startedAt}, ran for ${span(verdict.seconds)}${parts} with ${sockets} sockets; ${verdict.samples} samples, and the load was held in ` +
      `${(verdict.held * 100).toFixed(1)} % of them.`,
    '',
    ...problems.map((problem) => `- ${problem}`),
    ...(problems.length > 0 ? [''] : []),
    table(['figure', 'mean', 'slope per hour', 'growth over the run (95 % confidence)', 'allowed growth', 'verdict'], rows),
    '',
  ].join('\n')
}

function named({ figure }: Trend): string {
  const { name, unit } = figures[figure]
  return unit === '' ? name : `${name}, ${unit}`
}

function number(value: number): string {
  return String(Number(value.toFixed(Math.abs(value) >= 1000 ? 0 : Math.abs(value) >= 10 ? 1 : 2)))
}

/** Returns a duration in the largest unit that keeps it at two or more, for example 90 minutes or 3 days. */
export function span(seconds: number): string {
  const [size, unit] = [[86_400, 'days'] as const, [3600, 'hours'] as const, [60, 'minutes'] as const].find(
    ([one]) => seconds >= 2 * one,
  ) ?? [1, 'seconds']
  return `${Number((seconds / size).toFixed(1))} ${unit}`
}
