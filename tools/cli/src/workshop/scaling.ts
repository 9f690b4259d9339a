/** Checks workshop steps 4 to 7, which concern the scaler's decisions and settings, using the scaler's decision log. Pure. */
import { services } from '@lab/contract/endpoints.ts'
import { metrics } from '@lab/contract/metrics.ts'
import { failure, type Result } from '@lab/contract/result.ts'
import { defaultFeatureGates, type HorizontalPodAutoscaler } from '@lab/scaler/core/types.ts'
import { readHpa } from '@lab/scaler/manifest/read.ts'
import type { ActionRecord, TickRecord } from '@lab/scaler/record.ts'
import { figuresOf } from '@lab/scaler/replay/figures.ts'
import { loadOf, missingMetrics } from '@lab/scaler/replay/load.ts'
import { replay } from '@lab/scaler/replay/replay.ts'
import { commandsOf } from './commands.ts'
import type { Facts } from './facts.ts'
import { type LearnerFile, pathOf } from './learner.ts'
import { type Criterion, criterion } from './results.ts'

const surgeReplicas = 4
/**
 * Length of the scale-down stabilization window in the lab's default settings, in seconds. In step 7, a learner's stabilization window must
 * be at least as long as the one in the default settings.
 */
const windowSeconds = 60
/** The surge of step 4. */
export const surgeLoad = [350, '2m'] as const
/** The surge of step 6. */
const steepSurge = [500, '2m'] as const

export type Acted = TickRecord & { action: ActionRecord }

export function firstSurge({ kind, services: running, log }: Facts): Criterion[] {
  const { startWithMine, load } = commandsOf(kind)
  const surge = load(...surgeLoad)
  const ups = actions(log).filter(({ action }) => action.to > action.from)
  const most = Math.max(0, ...ups.map(({ action }) => action.to))
  const names = new Set(ups.map(winnerOf))
  const runs = running.includes(services.scaler)
  return [
    criterion('the scaler runs', runs, runs ? 'yes' : 'no', startWithMine),
    criterion('the scaler makes decisions', log.length > 0, `${log.length} decisions within the last hour`, startWithMine),
    criterion(
      `the scaler scaled up to at least ${surgeReplicas} replicas`,
      most >= surgeReplicas,
      most === 0 ? 'no scale-up within the last hour' : `up to ${most}`,
      surge,
    ),
    criterion(
      'the metric of the sockets caused the scale-up',
      names.has(metrics.connectionsActive.name),
      names.size === 0 ? 'no reason yet' : [...names].join(', '),
      surge,
    ),
  ]
}

export function wrongSignal({ kind, files, log }: Facts): Criterion[] {
  const { load: loadCommand, block } = commandsOf(kind)
  const surge = loadCommand(...surgeLoad)
  const file = 'hpa-cpu.yaml'
  const read = settingsIn(files, file)
  const onCpu = read.ok && read.value.metrics.every((metric) => metric.type === 'Resource' && metric.name === 'cpu')
  // Decisions that the scaler made after the learner wrote this settings file do not count, because later workshop steps create a different
  // load.
  const writtenMs = files[file]?.modifiedMs ?? Number.POSITIVE_INFINITY
  const before = log.filter(({ time }) => Date.parse(time) <= writtenMs)
  const load = loadOf(before)
  const played =
    onCpu && missingMetrics(read.value.metrics, load).length === 0 ? figuresOf(replay(file, read.value, load).points) : undefined
  const real = Math.max(0, ...before.map(({ decision }) => decision.currentReplicas ?? 0))
  return [
    criterion(
      `CPU is the only metric in ${pathOf(file)}`,
      onCpu,
      read.ok ? `its metrics: ${read.value.metrics.map(metricName).join(', ')}` : read.problems.join('; '),
      block('05-wrong-signal', 'first'),
    ),
    criterion(
      'the log contains a surge before the file was written',
      real >= surgeReplicas,
      `the scaler had at most ${real} replicas`,
      surge,
    ),
    criterion(
      'with CPU as the only metric there would have been fewer replicas',
      played !== undefined && played.peakReplicas < real,
      played === undefined ? 'cannot be replayed yet' : `at most ${played.peakReplicas} instead of ${real} by sockets`,
      `${surge}, then again ${block('05-wrong-signal', 'first')}`,
    ),
  ]
}

export function behaviourPolicies({ kind, files, log }: Facts): Criterion[] {
  const { startWithMine, load } = commandsOf(kind)
  const surge = `${load(...steepSurge)}, once two replicas are left`
  const mine = actions(log).filter(({ hpa, action }) => oneByOne(hpa) && action.to > action.from)
  const steps = mine.map(({ action }) => `${action.from} → ${action.to}`)
  const limited = log.filter(({ hpa, decision }) => oneByOne(hpa) && decision.boundBy === 'ScaleUpLimit')
  return [
    criterion(
      'the scaler has used a policy of one replica at a time',
      log.some(({ hpa }) => oneByOne(hpa)),
      usedSettings(files, log),
      `cp workshop/settings/one-by-one.yaml ${pathOf('hpa.yaml')}   (the scaler must have been started with: ${startWithMine})`,
    ),
    criterion(
      'with this policy, the scaler scaled up at least twice, by one replica each',
      mine.length >= 2 && mine.every(({ action }) => action.to - action.from === 1),
      steps.length === 0 ? 'not yet' : steps.join(', '),
      surge,
    ),
    criterion(
      'the metrics recommended more than the policy allowed',
      limited.length > 0,
      limited.length === 0 ? 'not yet' : `${limited.length} decisions were limited by ScaleUpLimit`,
      surge,
    ),
  ]
}

export function stabilisation({ kind, log }: Facts): Criterion[] {
  const { spike } = commandsOf(kind)
  const without = log.findIndex(({ hpa }) => windowOf(hpa) === 0)
  const hasty = actions(log).filter(
    (record) => windowOf(record.hpa) === 0 && record.action.to < record.action.from && socketsIn(record) > 0,
  )
  const later = without < 0 ? [] : log.slice(without).filter(({ hpa }) => windowOf(hpa) >= windowSeconds)
  const held = later.filter(
    ({ decision: { recommendation, stabilized, minReplicas } }) =>
      recommendation !== null && stabilized !== null && stabilized > Math.max(recommendation, minReplicas),
  )
  return [
    criterion(
      'the scaler has used a window of 0 s',
      without >= 0,
      log.length === 0 ? 'no decision within the last hour' : `windows in the log: ${windowsOf(log)}`,
      `cp workshop/settings/no-window.yaml ${pathOf('hpa.yaml')}`,
    ),
    criterion(
      'with this window, replicas were removed while sockets were open',
      hasty.length > 0,
      hasty.length === 0 ? 'none was removed' : hasty.map(({ action }) => `${action.from} → ${action.to}`).join(', '),
      spike,
    ),
    criterion(
      `afterwards, the scaler has used a window of at least ${windowSeconds} s`,
      later.length > 0,
      `windows on record: ${windowsOf(log)}`,
      `cp scaler/hpa.yaml ${pathOf('hpa.yaml')}`,
    ),
    criterion(
      'that window retained replicas that the load no longer required',
      held.length > 0,
      `${held.length} decisions were stabilised`,
      spike,
    ),
  ]
}

/** Selects the decisions that changed the number of replicas. */
export function actions(log: readonly TickRecord[]): Acted[] {
  return log.filter((record): record is Acted => record.action?.result === 'Succeeded')
}

/** Returns the learner's settings, or a one-line reason why they are invalid. */
export function settingsIn(files: Facts['files'], file: LearnerFile): Result<HorizontalPodAutoscaler> {
  const text = files[file]?.text
  return text === undefined ? failure(`there is no ${pathOf(file)}`) : settingsOf(text, pathOf(file))
}

/** Validates settings as a cluster's API server would. */
export function settingsOf(text: string, file: string): Result<HorizontalPodAutoscaler> {
  return readHpa(text, file, defaultFeatureGates)
}

/** Returns the number of open sockets that the scaler saw when it made a decision. */
function socketsIn(record: TickRecord): number {
  return socketsOf(record).reduce((sum, sockets) => sum + sockets, 0)
}

/** Returns the number of open sockets on each replica that the scaler saw when it made a decision. */
export function socketsOf({ observation }: TickRecord): number[] {
  return observation.pods.map(({ valuesMilli }) => (valuesMilli[metrics.connectionsActive.name] ?? 0) / 1000)
}

function usedSettings(files: Facts['files'], log: readonly TickRecord[]): string {
  const newest = log.at(-1)
  if (newest === undefined) return 'no decision within the last hour'
  const mine = settingsIn(files, 'hpa.yaml')
  if (!mine.ok) return mine.problems.join('; ')
  if (contentOf(mine.value) !== contentOf(newest.hpa)) return `the scaler uses other settings than ${pathOf('hpa.yaml')}`
  return `present policies: ${policiesOf(newest.hpa)}`
}

/** Returns those HPA settings that are compared, in a fixed order, because the decision log stores them in a different order. */
function contentOf({ minReplicas, maxReplicas, metrics: asked, behavior }: HorizontalPodAutoscaler): string {
  return JSON.stringify([minReplicas, maxReplicas, asked, behavior])
}

function policiesOf({ behavior }: HorizontalPodAutoscaler): string {
  return behavior?.scaleUp.policies.map(({ type, value, periodSeconds }) => `${value} ${type} in ${periodSeconds} s`).join(', ') ?? 'none'
}

function oneByOne({ behavior }: HorizontalPodAutoscaler): boolean {
  const policies = behavior?.scaleUp.policies ?? []
  return policies.length > 0 && policies.every(({ type, value }) => type === 'Pods' && value === 1)
}

function windowOf({ behavior }: HorizontalPodAutoscaler): number {
  return behavior?.scaleDown.stabilizationWindowSeconds ?? Number.POSITIVE_INFINITY
}

function windowsOf(log: readonly TickRecord[]): string {
  const windows = [...new Set(log.map(({ hpa }) => windowOf(hpa)))]
  return windows.length === 0 ? 'none' : windows.map((seconds) => (Number.isFinite(seconds) ? `${seconds} s` : 'the default')).join(', ')
}

function winnerOf({ decision }: TickRecord): string {
  return decision.metrics[decision.winner ?? -1]?.name ?? 'limits'
}

function metricName(metric: HorizontalPodAutoscaler['metrics'][number]): string {
  return 'metric' in metric ? metric.metric.name : metric.name
}
