/**
 * Judges a soak test: whether memory, file descriptors, time series or latency grew during the run. Each figure gets a straight line that is
 * fitted by linear regression, and the growth of this line over the run is compared with a threshold. Pure.
 */
import { upperQuantile } from '@lab/prove/report/students-t.ts'

/** The figures that are measured. */
export const figures = {
  replicaMemory: { name: 'memory per replica', unit: 'MiB', share: 0.1, atLeast: 10 },
  replicaFiles: { name: 'file descriptors per replica', unit: '', share: 0.1, atLeast: 10 },
  routerMemory: { name: 'memory of Traefik', unit: 'MiB', share: 0.1, atLeast: 10 },
  routerFiles: { name: 'file descriptors of Traefik', unit: '', share: 0.1, atLeast: 20 },
  series: { name: 'time series in Prometheus', unit: '', share: 0.1, atLeast: 200 },
  latency: { name: 'p95 of the message latency', unit: 'ms', share: 0.25, atLeast: 5 },
} as const satisfies Record<string, { name: string; unit: string; share: number; atLeast: number }>
export type Figure = keyof typeof figures

/** One measurement. A figure is absent if Prometheus had no value. */
export interface Sample {
  /** Number of the part of the run; each interruption begins a new part. */
  part: number
  /** Time since the start of the soak without the interruptions, in seconds. */
  elapsedSeconds: number
  sockets: number
  values: Partial<Record<Figure, number>>
}

/**
 * `flat`: the growth is below the threshold with a confidence of 95 %; `grows`: it is above the threshold with that confidence;
 * `unclear`: the run is too short, or the figure varies too much, to decide.
 */
export type Word = 'flat' | 'grows' | 'unclear'

export interface Trend {
  figure: Figure
  word: Word
  /** Mean over the run. */
  mean: number
  perHour: number
  /** Growth of the fitted line over the run, and the bounds of its 95 % confidence interval. */
  growth: number
  from: number
  to: number
  /** The growth that is allowed: a share of the mean, but at least an absolute amount. */
  allowed: number
}

export interface SoakVerdict {
  seconds: number
  parts: number
  samples: number
  /** Share of the samples in which the wanted number of sockets was open. */
  held: number
  trends: Trend[]
  problems: string[]
}

/** At the start of each part, buffers and caches fill, so this share of the part is not judged, but at most `warmUpSeconds`. */
const warmUpShare = 0.15
const warmUpSeconds = 600
/** The samples of the run are averaged in this many bins of equal length, because successive samples are not independent. */
const bins = 30
const fewestBins = 8
/** A sample counts if at least this share of the wanted sockets was open; the load was held if this share of the samples counts. */
export const heldShare = 0.95
const confidence = 0.95

/** @param sockets the number of sockets that the load should have had */
export function judgeSoak(samples: readonly Sample[], sockets: number): SoakVerdict {
  const seconds = samples.at(-1)?.elapsedSeconds ?? 0
  const settled = afterWarmUp(samples)
  const loaded = settled.filter((sample) => sample.sockets >= sockets * heldShare)
  const held = settled.length === 0 ? 0 : loaded.length / settled.length
  const trends = (Object.keys(figures) as Figure[]).flatMap((figure) => trendOf(figure, loaded, seconds) ?? [])
  const missing = (Object.keys(figures) as Figure[]).filter((figure) => !trends.some((trend) => trend.figure === figure))
  return {
    seconds,
    parts: new Set(samples.map(({ part }) => part)).size,
    samples: samples.length,
    held,
    trends,
    problems: [
      ...(held < heldShare ? [`the load was held in ${Math.round(held * 100)} % of the samples; wanted ${heldShare * 100} %`] : []),
      ...missing.map((figure) => `${figures[figure].name}: too few samples`),
      ...trends.filter(({ word }) => word !== 'flat').map(problemOf),
    ],
  }
}

function problemOf({ figure, word, growth, allowed }: Trend): string {
  const { name, unit } = figures[figure]
  const amount = (value: number) => `${value.toFixed(1)}${unit && ` ${unit}`}`
  return word === 'grows'
    ? `${name} grew by ${amount(growth)} during the run; allowed are ${amount(allowed)}`
    : `${name}: the run is too short, or the figure varies too much, to show that it grows by less than ${amount(allowed)}`
}

function afterWarmUp(samples: readonly Sample[]): Sample[] {
  return grouped(samples, ({ part }) => part).flatMap((part) => {
    const [first, last] = [part[0]?.elapsedSeconds ?? 0, part.at(-1)?.elapsedSeconds ?? 0]
    const from = first + Math.min((last - first) * warmUpShare, warmUpSeconds)
    return part.filter(({ elapsedSeconds }) => elapsedSeconds >= from)
  })
}

interface Bin {
  part: number
  x: number
  y: number
}

function trendOf(figure: Figure, samples: readonly Sample[], seconds: number): Trend | undefined {
  const points = samples.flatMap(({ part, elapsedSeconds: x, values: { [figure]: y } }) => (y === undefined ? [] : [{ part, x, y }]))
  const means = binned(points, seconds / bins)
  // A restart between two parts changes the level of a figure, so each part has a line of its own, and all lines have the same slope.
  const parts = grouped(means, ({ part }) => part)
  const freedom = means.length - parts.length - 1
  if (means.length < fewestBins || freedom < 1) return undefined
  const centred = parts.flatMap((part) => {
    const [meanX, meanY] = [mean(part.map(({ x }) => x)), mean(part.map(({ y }) => y))]
    return part.map(({ x, y }) => ({ x: x - meanX, y: y - meanY }))
  })
  const squares = sum(centred.map(({ x }) => x * x))
  if (squares === 0) return undefined
  const slope = sum(centred.map(({ x, y }) => x * y)) / squares
  const residual = sum(centred.map(({ x, y }) => (y - slope * x) ** 2))
  const margin = upperQuantile((1 - confidence) / 2, freedom) * Math.sqrt(residual / freedom / squares)
  const average = mean(points.map(({ y }) => y))
  const { share, atLeast } = figures[figure]
  const allowed = Math.max(average * share, atLeast)
  const [growth, from, to] = [slope * seconds, (slope - margin) * seconds, (slope + margin) * seconds]
  const word = from > allowed ? 'grows' : to <= allowed ? 'flat' : 'unclear'
  return { figure, word, mean: average, perHour: slope * 3600, growth, from, to, allowed }
}

function binned(points: readonly Bin[], width: number): Bin[] {
  return grouped(points, ({ part, x }) => `${part} ${Math.floor(x / width)}`).map((group) => ({
    part: group[0]?.part ?? 0,
    x: mean(group.map(({ x }) => x)),
    y: mean(group.map(({ y }) => y)),
  }))
}

function grouped<T>(values: readonly T[], keyOf: (value: T) => unknown): T[][] {
  const groups = new Map<unknown, T[]>()
  for (const value of values) {
    const group = groups.get(keyOf(value))
    if (group === undefined) groups.set(keyOf(value), [value])
    else group.push(value)
  }
  return [...groups.values()]
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
const mean = (values: readonly number[]) => sum(values) / values.length
