/** Steps 4 to 7: what the scaler did, and by which settings. All of it is read from its decision log. Pure. */
import { services } from '@lab/contract/endpoints.ts'
import { metrics } from '@lab/contract/metrics.ts'
import { defaultFeatureGates, type HorizontalPodAutoscaler } from '../../../scaler/src/core/types.ts'
import type { ActionRecord, TickRecord } from '../../../scaler/src/record.ts'
import { figuresOf } from '../../../scaler/src/replay/figures.ts'
import { loadOf, missingMetrics } from '../../../scaler/src/replay/load.ts'
import { replay } from '../../../scaler/src/replay/replay.ts'
import { problemText, readHpa } from '../../../scaler/src/spec/read.ts'
import type { Facts, LearnerFile } from './facts.ts'
import { pathOf } from './first-steps.ts'
import { type Verdict, verdict } from './verdict.ts'

const surgeReplicas = 4
/** What the lab's own settings wait for before they remove anything, and what counts as waiting at all. */
const windowSeconds = 60
export const surge = 'npx lab load 350 --duration 2m'
export const withMySettings = `SCALER_HPA=${pathOf('hpa.yaml')} npx lab up --k8s-sim`

export type Acted = TickRecord & { action: ActionRecord }

export function firstSurge({ services: running, log }: Facts): Verdict[] {
  const ups = actions(log).filter(({ action }) => action.to > action.from)
  const most = Math.max(0, ...ups.map(({ action }) => action.to))
  const names = new Set(ups.map(winnerOf))
  const runs = running.includes(services.scaler)
  return [
    verdict('the scaler runs', runs, runs ? 'yes' : 'no', withMySettings),
    verdict('it decides', log.length > 0, `${log.length} decisions within the hour`, withMySettings),
    verdict(
      `it went up to ${surgeReplicas} replicas or more`,
      most >= surgeReplicas,
      most === 0 ? 'it has not gone up within the hour' : `up to ${most}`,
      surge,
    ),
    verdict(
      'because of the sockets',
      names.has(metrics.connectionsActive.name),
      names.size === 0 ? 'no reason yet' : [...names].join(', '),
      surge,
    ),
  ]
}

export function wrongSignal({ files, log }: Facts): Verdict[] {
  const file = 'hpa-cpu.yaml'
  const read = settingsIn(files, file)
  const onCpu = 'hpa' in read && read.hpa.metrics.every((metric) => metric.type === 'Resource' && metric.name === 'cpu')
  // As the learner saw it: what later steps do is another load.
  const writtenMs = files[file]?.modifiedMs ?? Number.POSITIVE_INFINITY
  const before = log.filter(({ time }) => Date.parse(time) <= writtenMs)
  const load = loadOf(before)
  const played = onCpu && missingMetrics(read.hpa.metrics, load).length === 0 ? figuresOf(replay(file, read.hpa, load).points) : undefined
  const real = Math.max(0, ...before.map(({ decision }) => decision.currentReplicas ?? 0))
  return [
    verdict(
      `${pathOf(file)} asks for CPU and nothing else`,
      onCpu,
      'problem' in read ? read.problem : `its metrics: ${read.hpa.metrics.map(metricName).join(', ')}`,
      'the first block of workshop/05-wrong-signal.md',
    ),
    verdict('a surge is on record before it was written', real >= surgeReplicas, `the scaler had ${real} replicas at most`, surge),
    verdict(
      'with CPU alone there would have been fewer replicas',
      played !== undefined && played.peakReplicas < real,
      played === undefined ? 'it cannot be played yet' : `${played.peakReplicas} at most, where sockets asked for ${real}`,
      `${surge}, then workshop/05-wrong-signal.md again`,
    ),
  ]
}

export function behaviourPolicies({ files, log }: Facts): Verdict[] {
  const mine = actions(log).filter(({ hpa, action }) => oneByOne(hpa) && action.to > action.from)
  const steps = mine.map(({ action }) => `${action.from} → ${action.to}`)
  const limited = log.filter(({ hpa, decision }) => oneByOne(hpa) && decision.boundBy === 'ScaleUpLimit')
  return [
    verdict(
      'the scaler has taken a policy of one replica at a time',
      log.some(({ hpa }) => oneByOne(hpa)),
      usedSettings(files, log),
      `cp workshop/settings/one-by-one.yaml ${pathOf('hpa.yaml')}   (once started with: ${withMySettings})`,
    ),
    verdict(
      'under it, it went up at least twice, one replica each time',
      mine.length >= 2 && mine.every(({ action }) => action.to - action.from === 1),
      steps.length === 0 ? 'not yet' : steps.join(', '),
      'npx lab load 500 --duration 2m, once two replicas are left',
    ),
    verdict(
      'more was asked for than the policy allowed',
      limited.length > 0,
      limited.length === 0 ? 'not yet' : `${limited.length} decisions were bound by ScaleUpLimit`,
      'npx lab load 500 --duration 2m, once two replicas are left',
    ),
  ]
}

export function stabilisation({ log }: Facts): Verdict[] {
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
    verdict(
      'the scaler has taken a window of no seconds',
      without >= 0,
      log.length === 0 ? 'no decision within the hour' : `windows on record: ${windowsOf(log)}`,
      `cp workshop/settings/no-window.yaml ${pathOf('hpa.yaml')}`,
    ),
    verdict(
      'under it, replicas left while sockets were open',
      hasty.length > 0,
      hasty.length === 0 ? 'none has left' : hasty.map(({ action }) => `${action.from} → ${action.to}`).join(', '),
      'npx lab load spike --sockets 400 --duration 2m',
    ),
    verdict(
      `afterwards, a window of ${windowSeconds} s or more came back`,
      later.length > 0,
      `windows on record: ${windowsOf(log)}`,
      `cp scaler/hpa.yaml ${pathOf('hpa.yaml')}`,
    ),
    verdict(
      'and held replicas that the load no longer asked for',
      held.length > 0,
      `${held.length} decisions were held`,
      'npx lab load spike --sockets 400 --duration 2m',
    ),
  ]
}

/** Decisions that changed the number of replicas. */
export function actions(log: readonly TickRecord[]): Acted[] {
  return log.filter((record): record is Acted => record.action?.result === 'Succeeded')
}

/** A learner's settings, or why they can't be taken, in a line. */
export function settingsIn(files: Facts['files'], file: LearnerFile): { hpa: HorizontalPodAutoscaler } | { problem: string } {
  const text = files[file]?.text
  return text === undefined ? { problem: `there is no ${pathOf(file)}` } : settingsOf(text, pathOf(file))
}

/** Settings as a cluster's API server would take them, or why not. */
export function settingsOf(text: string, file: string): { hpa: HorizontalPodAutoscaler } | { problem: string } {
  const read = readHpa(text, file, defaultFeatureGates)
  return 'hpa' in read ? read : { problem: read.problems.map(problemText).join('; ') }
}

function socketsIn({ observation }: TickRecord): number {
  return observation.pods.reduce((sum, { valuesMilli }) => sum + (valuesMilli[metrics.connectionsActive.name] ?? 0) / 1000, 0)
}

function usedSettings(files: Facts['files'], log: readonly TickRecord[]): string {
  const newest = log.at(-1)
  if (newest === undefined) return 'no decision within the hour'
  const mine = settingsIn(files, 'hpa.yaml')
  if ('problem' in mine) return mine.problem
  if (contentOf(mine.hpa) !== contentOf(newest.hpa)) return `the scaler goes by other settings than ${pathOf('hpa.yaml')}`
  return `policies now: ${policiesOf(newest.hpa)}`
}

/** What decides, for comparing; the log keeps the fields of the whole in another order. */
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
