/** Searches for better targets and windows under a load. Pure. */
import { createRandom } from '@lab/contract/random.ts'
import { defaultScaleDown, defaultScaleUp } from '@lab/scaler/core/defaults.ts'
import type { HorizontalPodAutoscaler, MetricSpec, MetricTarget } from '@lab/scaler/core/types.ts'
import { type Figures, figuresOf } from '@lab/scaler/replay/figures.ts'
import { neededReplicas, type RecordedLoad } from '@lab/scaler/replay/load.ts'
import type { Activation } from './keda.ts'
import { play } from './play.ts'

/** The settings of a candidate. */
export interface Settings {
  /** Targets as a percentage of the file's targets. */
  readonly targetPercent: number
  readonly upWindowSeconds: number
  readonly downWindowSeconds: number
}

export interface Candidate extends Settings {
  readonly title: string
  readonly targets: readonly string[]
  readonly figures: Pick<Figures, 'replicaSeconds' | 'aboveTargetSeconds' | 'changes' | 'peakReplicas'>
}

export interface Tuned {
  /** The settings in the file. */
  readonly current: Candidate
  /** The candidates that no other candidate beats, from the cheapest to the most expensive. */
  readonly front: readonly Candidate[]
  /** Number of candidates that were tried. */
  readonly tried: number
}

const targetPercents = [50, 55, 60, 65, 70, 75, 80, 85, 90, 95, 100, 105, 110, 115, 120, 130, 140]
const upWindows = [0, 15, 30, 60, 90, 120, 180, 300]
const downWindows = [0, 30, 60, 90, 120, 180, 240, 300, 450, 600, 900, 1800]

/** Every combination of targets and windows that the search knows. */
export const allSettings: readonly Settings[] = targetPercents.flatMap((targetPercent) =>
  upWindows.flatMap((upWindowSeconds) => downWindows.map((downWindowSeconds) => ({ targetPercent, upWindowSeconds, downWindowSeconds }))),
)

export interface Search {
  /** Greatest number of candidates. If it is smaller than the number of combinations, the seed determines which ones are tried. */
  readonly tries: number
  readonly seed: number
}

/**
 * Returns the candidates on the front between replica-seconds, time above the target, and number of changes. The time above the target is
 * measured with the targets in the file for all candidates, so a higher target does not hide a lack of replicas.
 */
export function tune(hpa: HorizontalPodAutoscaler, load: RecordedLoad, { tries, seed }: Search, activation?: Activation): Tuned {
  const candidates = sample(tries, seed).map((settings) => candidate('', withSettings(hpa, settings), settings, hpa, { load, activation }))
  const { behavior } = hpa
  const options = load.ticks[0]?.options
  const current = candidate(
    'the file',
    hpa,
    {
      targetPercent: 100,
      upWindowSeconds: behavior?.scaleUp.stabilizationWindowSeconds ?? 0,
      downWindowSeconds: behavior?.scaleDown.stabilizationWindowSeconds ?? options?.downscaleStabilizationSeconds ?? 300,
    },
    hpa,
    { load, activation },
  )
  return { current, front: frontOf([current, ...candidates]), tried: candidates.length }
}

/** Returns the settings to try: all of them, or a random selection in a random order. */
function sample(tries: number, seed: number): Settings[] {
  if (tries >= allSettings.length) return [...allSettings]
  const random = createRandom(seed, 0)
  const rest = [...allSettings]
  return Array.from({ length: tries }, () => rest.splice(random.int(rest.length), 1)).flat()
}

function candidate(
  title: string,
  hpa: HorizontalPodAutoscaler,
  settings: Settings,
  file: HorizontalPodAutoscaler,
  { load, activation }: { readonly load: RecordedLoad; readonly activation: Activation | undefined },
): Candidate {
  const points = play(title, hpa, load, activation)
  const measured = points.map((point, i) => {
    const tick = load.ticks[i]
    return { ...point, needed: point.needed === 0 ? 0 : tick === undefined ? null : neededReplicas(file.metrics, tick, load.containers) }
  })
  const { replicaSeconds, aboveTargetSeconds, changes, peakReplicas } = figuresOf(measured)
  return {
    title,
    ...settings,
    targets: hpa.metrics.map(targetText),
    figures: { replicaSeconds, aboveTargetSeconds, changes, peakReplicas },
  }
}

/** Returns the autoscaler with other targets and windows. */
export function withSettings(hpa: HorizontalPodAutoscaler, settings: Settings): HorizontalPodAutoscaler {
  const { scaleUp = defaultScaleUp, scaleDown = defaultScaleDown } = hpa.behavior ?? {}
  return {
    ...hpa,
    metrics: hpa.metrics.map((metric): MetricSpec => ({ ...metric, target: scaled(metric.target, settings.targetPercent / 100) })),
    behavior: {
      scaleUp: { ...scaleUp, stabilizationWindowSeconds: settings.upWindowSeconds },
      scaleDown: { ...scaleDown, stabilizationWindowSeconds: settings.downWindowSeconds },
    },
  }
}

function scaled(target: MetricTarget, factor: number): MetricTarget {
  const times = (value: number) => Math.max(1, Math.round(value * factor))
  const { averageUtilization, averageValueMilli, valueMilli } = target
  return {
    ...target,
    ...(averageUtilization !== undefined && { averageUtilization: times(averageUtilization) }),
    ...(averageValueMilli !== undefined && { averageValueMilli: times(averageValueMilli) }),
    ...(valueMilli !== undefined && { valueMilli: times(valueMilli) }),
  }
}

const goals = ['replicaSeconds', 'aboveTargetSeconds', 'changes'] as const

/** Whether a candidate is at least as good as another one in every respect, and better in one. */
function beats(one: Candidate, other: Candidate): boolean {
  return goals.every((goal) => one.figures[goal] <= other.figures[goal]) && goals.some((goal) => one.figures[goal] < other.figures[goal])
}

/** Returns the candidates that no other candidate beats. Of candidates with equal figures, only the first remains. */
export function frontOf(candidates: readonly Candidate[]): Candidate[] {
  const key = ({ figures }: Candidate) => goals.map((goal) => figures[goal]).join(' ')
  const distinct = [...new Map([...candidates].reverse().map((one) => [key(one), one])).values()]
  return distinct
    .filter((one) => !distinct.some((other) => beats(other, one)))
    .sort((a, b) => a.figures.replicaSeconds - b.figures.replicaSeconds || a.figures.aboveTargetSeconds - b.figures.aboveTargetSeconds)
}

function targetText({ target: { averageUtilization, averageValueMilli, valueMilli } }: MetricSpec): string {
  return averageUtilization === undefined ? String((averageValueMilli ?? valueMilli ?? 0) / 1000) : `${averageUtilization}%`
}

const titles = ['TARGETS', 'UP-WINDOW', 'DOWN-WINDOW', 'REPLICA-SECONDS', 'ABOVE-TARGET', 'CHANGES', 'PEAK', ''] as const
/** Greatest number of rows in the text; the JSON document has all. */
const mostRows = 30

/** Formats the candidates that no other candidate beats as a table. The first row shows the file's settings; candidates that beat it are marked. */
export function tuneText(file: string, { current, front, tried }: Tuned): string {
  const others = front.filter(({ title }) => title === '')
  const better = others.filter((one) => beats(one, current))
  const step = Math.max(1, Math.ceil(others.length / mostRows))
  const shown = others.filter((one, i) => i % step === 0 || better.slice(0, mostRows).includes(one))
  const marked = shown.map((one) => (better.includes(one) ? { ...one, title: 'beats the file' } : one))
  const rows = [titles, ...[current, ...marked].map(cells)]
  const widths = titles.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const table = rows.map((row) => {
    const padded = row.map((cell, column) => cell.padEnd(widths[column] ?? 0))
    return padded.join('  ').trimEnd()
  })
  const beaten = `${better.length} of them ${better.length === 1 ? 'beats' : 'beat'} the file in every respect`
  const rest = shown.length < others.length ? `; ${others.length - shown.length} of its ${others.length} rows are left out` : ''
  return `${table.join('\n')}\n${file}: ${tried} candidates tried, ${beaten}. The rows below the file are the front${rest}.\n`
}

function cells({ title, targets, upWindowSeconds, downWindowSeconds, figures }: Candidate): string[] {
  const { replicaSeconds, aboveTargetSeconds, changes, peakReplicas } = figures
  return [
    targets.join(', '),
    `${upWindowSeconds}s`,
    `${downWindowSeconds}s`,
    String(Math.round(replicaSeconds)),
    `${Math.round(aboveTargetSeconds)}s`,
    String(changes),
    String(peakReplicas),
    title,
  ]
}
