/** Tests the verdict of a soak test with made-up series that grow, that stay flat, and that are interrupted. */
import { createRandom } from '@lab/contract/random.ts'
import { expect, test } from 'vitest'
import { reportText } from './report.ts'
import { readState, type SoakPlan, sampleEverySeconds, sampleLine } from './state.ts'
import { type Figure, judgeSoak, type Sample } from './verdict.ts'

const sockets = 500
const level: Record<Figure, number> = {
  replicaMemory: 90,
  replicaFiles: 200,
  routerMemory: 110,
  routerFiles: 1010,
  series: 9000,
  latency: 8,
}

interface Shape {
  /** Growth over the run, as a share of the level. */
  growth?: Partial<Record<Figure, number>>
  /** Size of the random variation, as a share of the level. */
  noise?: number
  hours?: number
  /** Shares of the run at which it was interrupted; each interruption resets the memory to the level at the start. */
  interruptions?: readonly number[]
  open?: (share: number) => number
}

function samplesOf({ growth = {}, noise = 0.05, hours = 72, interruptions = [], open = () => sockets }: Shape): Sample[] {
  const random = createRandom(7, 1)
  return Array.from({ length: 600 }, (_, index): Sample => {
    const share = index / 599
    const begun = interruptions.filter((at) => at <= share)
    const since = share - (begun.at(-1) ?? 0)
    const values = Object.fromEntries(
      Object.entries(level).map(([figure, start]) => {
        const grown = 1 + (growth[figure as Figure] ?? 0) * since
        return [figure, start * (grown + random.between(-noise, noise))]
      }),
    )
    return { part: begun.length, elapsedSeconds: share * hours * 3600, sockets: open(share), values }
  })
}

const words = (shape: Shape) => Object.fromEntries(judgeSoak(samplesOf(shape), sockets).trends.map(({ figure, word }) => [figure, word]))

test('a run without growth passes', () => {
  const { trends, problems, held, parts } = judgeSoak(samplesOf({}), sockets)
  expect([problems, held, parts]).toEqual([[], 1, 1])
  expect(trends.map(({ word }) => word)).toEqual(Array.from({ length: 6 }, () => 'flat'))
})

test.each(Object.keys(level) as Figure[])('growth of %s by four fifths of its level fails, and names only this figure', (figure) => {
  const { problems } = judgeSoak(samplesOf({ growth: { [figure]: 0.8 } }), sockets)
  expect(problems).toHaveLength(1)
  expect(problems[0]).toMatch(/ grew by [\d.]+( MiB| ms)? during the run; allowed are /)
})

test('growth below the threshold passes, growth above it fails, and growth near it is unclear if the figure varies', () => {
  expect(words({ growth: { series: 0.07 } }).series).toBe('flat')
  expect(words({ growth: { series: 0.13 } }).series).toBe('grows')
  expect(words({ growth: { series: 0.1 }, noise: 0.3 }).series).toBe('unclear')
})

test('the slope is given per hour', () => {
  const { trends } = judgeSoak(samplesOf({ growth: { series: 0.8 }, noise: 0 }), sockets)
  const series = trends.find(({ figure }) => figure === 'series')
  expect(series?.perHour).toBeCloseTo((9000 * 0.8) / 72, 3)
  expect(series?.growth).toBeCloseTo(9000 * 0.8, 1)
})

test('an interruption resets a leak, and does not hide it', () => {
  expect(words({ growth: { replicaMemory: 0.8 }, interruptions: [0.3, 0.6] }).replicaMemory).toBe('grows')
  expect(judgeSoak(samplesOf({ interruptions: [0.3, 0.6] }), sockets)).toMatchObject({ parts: 3, problems: [] })
})

test('the rise of the memory in the first minutes does not count', () => {
  const warming = samplesOf({ hours: 1, noise: 0.01 }).map((sample) => {
    const cold = Math.max(0, 1 - sample.elapsedSeconds / 500)
    return { ...sample, values: { ...sample.values, replicaMemory: level.replicaMemory * (1 - 0.5 * cold) } }
  })
  expect(judgeSoak(warming, sockets).problems).toEqual([])
})

test('a load that was not held fails, and so does a run with too few samples', () => {
  expect(judgeSoak(samplesOf({ open: (share) => (share > 0.4 ? 100 : sockets) }), sockets).problems[0]).toMatch(
    /^the load was held in 40 %/,
  )
  expect(judgeSoak([], sockets).problems).toHaveLength(7)
  expect(judgeSoak(samplesOf({}).slice(0, 5), sockets).problems.join()).toMatch(/memory per replica: too few samples/)
})

test('the stored state of an interrupted run is read without its torn last line, and the next part continues the time', () => {
  const plan: SoakPlan = { seconds: 259_200, sockets, startedAt: '2026-01-01T00:00:00.000Z' }
  const samples = samplesOf({}).slice(0, 3)
  const text = `${samples.map(sampleLine).join('')}${sampleLine(samples[0] as Sample).slice(0, 20)}`
  const state = readState(JSON.stringify(plan), text)
  expect(state).toEqual({ plan, samples, part: 1, elapsedSeconds: samples.at(-1)?.elapsedSeconds })
  expect(readState(JSON.stringify(plan), '')).toEqual({ plan, samples: [], part: 0, elapsedSeconds: 0 })
})

test('the samples of three days are a minute apart, and those of a few minutes are five seconds apart', () => {
  expect([300, 3600, 259_200].map(sampleEverySeconds)).toEqual([5, 7.2, 60])
})

test('the report contains the verdict, every figure and its threshold', () => {
  const plan: SoakPlan = { seconds: 259_200, sockets, startedAt: '2026-01-01T00:00:00.000Z' }
  const text = reportText(plan, judgeSoak(samplesOf({ growth: { series: 0.8 } }), sockets))
  expect(text).toMatch(/^# Soak of 3 days: failed$/m)
  expect(text).toMatch(/^\| time series in Prometheus \| 1\d{4} \| 99\.\d \| .* \| grows \|$/m)
  expect(text).toMatch(/^\| memory per replica, MiB \| .* \| flat \|$/m)
  expect(reportText(plan, judgeSoak(samplesOf({}), sockets))).toMatch(/: passed$/m)
})
