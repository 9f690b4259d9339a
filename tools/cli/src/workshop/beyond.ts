/** Checks workshop steps 11 and 12: settings tuned on recorded load, and files for a Kubernetes cluster. Pure. */

import { paths, ports } from '@lab/contract/endpoints.ts'
import { failure } from '@lab/contract/result.ts'
import type { HorizontalPodAutoscaler } from '@lab/scaler/core/types.ts'
import type { TickRecord } from '@lab/scaler/record.ts'
import { type Figures, figuresOf } from '@lab/scaler/replay/figures.ts'
import { loadOf, missingMetrics } from '@lab/scaler/replay/load.ts'
import { replay } from '@lab/scaler/replay/replay.ts'
import { verify } from '@lab/scaler/replay/verify.ts'
import { isMap, parseDocument } from 'yaml'
import { commandsOf } from './commands.ts'
import type { Facts } from './facts.ts'
import { lookBackMinutes, pathOf, type TextFile } from './learner.ts'
import { recordIn } from './record.ts'
import { type Criterion, criterion } from './results.ts'
import { settingsIn, settingsOf, surgeLoad } from './scaling.ts'

/**
 * Fraction of replica-seconds that the tuned settings must save, and the factor by which the time above the utilization target may
 * increase. In three recorded runs, settings that scale down earlier multiplied the time above the utilization target by 1.2 to 1.7;
 * settings with a maximum of 3 replicas multiplied it by at least 3.3.
 */
const savedShare = 0.03
const fullerTimes = 2.5
/** How long, in seconds, the decision log must show more replicas than the autoscaler's minimum. */
const busySeconds = 60

export function tuning({ kind, files, originalHpa }: Facts): Criterion[] {
  const { load, record: putAside } = commandsOf(kind)
  const tuned = settingsIn(files, 'tuned.yaml')
  const original = settingsOf(originalHpa, 'scaler/hpa.yaml')
  const record = recordIn(files['record.jsonl'])
  const log = record.ok ? record.value : []
  const busy = secondsAboveMinimum(log)
  const before = original.ok ? played(original.value, log) : undefined
  const after = tuned.ok ? played(tuned.value, log) : undefined
  const known = before !== undefined && after !== undefined && busy >= busySeconds
  const saved = known ? 1 - after.replicaSeconds / before.replicaSeconds : 0
  const allowed = before ? before.aboveTargetSeconds * fullerTimes : 0
  const again = `change ${pathOf('tuned.yaml')}, and replay it: ./lab scaler replay --from ${pathOf('record.jsonl')} --hpa scaler/hpa.yaml --hpa ${pathOf('tuned.yaml')}`
  const unknown = 'unknown so far'
  return [
    criterion(
      `${pathOf('tuned.yaml')} contains valid settings of an autoscaler`,
      tuned.ok,
      tuned.ok ? 'valid' : tuned.problems.join('; '),
      `cp scaler/hpa.yaml ${pathOf('tuned.yaml')}, and change the copy`,
    ),
    criterion(
      'the record contains enough load',
      busy >= busySeconds,
      record.ok ? `${Math.round(busy)} s above the minimum in ${pathOf('record.jsonl')}` : record.problems.join('; '),
      record.ok ? `${load(...surgeLoad)}, then ${putAside}` : putAside,
    ),
    criterion(
      `the tuned settings save at least ${savedShare * 100} % of the replica-seconds`,
      known && saved >= savedShare,
      known ? `${Math.round(before.replicaSeconds)} before, ${Math.round(after.replicaSeconds)} after` : unknown,
      again,
    ),
    criterion(
      `with them, the time above the target is at most ${fullerTimes} times as long`,
      known && after.aboveTargetSeconds <= allowed,
      known
        ? `${Math.round(before.aboveTargetSeconds)} s before, ${Math.round(after.aboveTargetSeconds)} s after; allowed are ${Math.floor(allowed)} s`
        : unknown,
      again,
    ),
  ]
}

export function rollingUpdates({ files, answers }: Facts): Criterion[] {
  const page = 'workshop/12-rolling-updates.md'
  const line = files['plain-up.txt']?.text.split('\n').find((line) => line.includes('replicas-outdated') || line.includes('at once'))
  const { versionsAtOnce: versions = 0, secondsSinceUndo: undone = Number.POSITIVE_INFINITY } = answers
  const isUndone = undone <= lookBackMinutes * 60
  return [
    criterion(
      `${pathOf('plain-up.txt')} reports how many sockets a plain up would close`,
      line !== undefined,
      line?.trim() ?? 'it does not',
      `the first block of ${page}`,
    ),
    criterion('two versions ran at the same time', versions > 1, `${versions} at most`, `the second block of ${page}`),
    criterion(
      'a rollout was undone',
      isUndone,
      isUndone ? `${Math.round(undone / 60)} minutes ago` : `none in the last ${lookBackMinutes} minutes`,
      './lab rollout undo',
    ),
  ]
}

export function toKubernetes({ kind, files, log }: Facts): Criterion[] {
  const { load, verify: replayAll, block } = commandsOf(kind)
  const file = files['for-the-cluster.yaml']
  const read =
    file === undefined ? failure(`there is no ${pathOf('for-the-cluster.yaml')}`) : settingsOf(file.text, pathOf('for-the-cluster.yaml'))
  const target = read.ok ? `${read.value.scaleTargetRef.kind}/${read.value.scaleTargetRef.name}` : undefined
  const { compared, differences } = verify(log)
  const wrong = deploymentProblems(files['deployment.yaml'])
  return [
    criterion(
      `a cluster would accept ${pathOf('for-the-cluster.yaml')}`,
      read.ok,
      read.ok ? 'autoscaling/v2, and every field is valid' : read.problems.join('; '),
      block('13-to-kubernetes', 'first'),
    ),
    criterion('its scale target is Deployment/ws', target === 'Deployment/ws', target ?? 'no target', block('13-to-kubernetes', 'first')),
    criterion(
      "Kubernetes' algorithm reproduces every recorded decision",
      compared > 0 && differences.length === 0,
      `${compared} replayed, ${differences.length} differ`,
      compared > 0 ? replayAll : load(...surgeLoad),
    ),
    criterion(
      `${pathOf('deployment.yaml')} has the values of the lab's replicas`,
      wrong.length === 0,
      wrong.length === 0 ? 'all values match' : wrong.join('; '),
      `take the values from docs/kubernetes-mapping.md, or from ${block('13-to-kubernetes', 'second')}`,
    ),
  ]
}

/** The values that the learner's Deployment must contain, which a test compares with docs/kubernetes-mapping.md. */
export const deploymentFields: readonly { path: readonly (string | number)[]; value: string | number }[] = [
  { path: ['spec', 'template', 'spec', 'terminationGracePeriodSeconds'], value: 30 },
  { path: [...container(), 'resources', 'requests', 'cpu'], value: '250m' },
  { path: [...container(), 'resources', 'requests', 'memory'], value: '128Mi' },
  { path: [...container(), 'resources', 'limits', 'memory'], value: '256Mi' },
  { path: [...container(), 'readinessProbe', 'httpGet', 'path'], value: paths.readyz },
  { path: [...container(), 'readinessProbe', 'httpGet', 'port'], value: ports.internal },
  { path: [...container(), 'readinessProbe', 'periodSeconds'], value: 2 },
]

function container(): (string | number)[] {
  return ['spec', 'template', 'spec', 'containers', 0]
}

function deploymentProblems(file: TextFile | undefined): string[] {
  if (file === undefined) return [`there is no ${pathOf('deployment.yaml')}`]
  const document = parseDocument(file.text)
  if (document.errors.length > 0 || !isMap(document.contents))
    return [document.errors[0]?.message.split('\n')[0] ?? 'the file is not a YAML mapping']
  if (document.get('kind') !== 'Deployment') return ['kind is not Deployment']
  return deploymentFields.flatMap(({ path, value }) => {
    const found = document.getIn(path)
    if (String(found) === String(value)) return []
    return [`${path.slice(3).join('.')} is ${found === undefined ? 'missing' : String(found)}, the lab has ${value}`]
  })
}

/**
 * Simulates recorded load with the given HPA and returns the resulting figures; undefined if the record lacks a metric that the HPA uses.
 */
function played(hpa: HorizontalPodAutoscaler, log: readonly TickRecord[]): Figures | undefined {
  const load = loadOf(log)
  if (log.length === 0 || missingMetrics(hpa.metrics, load).length > 0) return undefined
  return figuresOf(replay('', hpa, load).points)
}

/** Returns the time, in seconds on the autoscaler's clock, during which there were more replicas than the minimum. */
function secondsAboveMinimum(log: readonly TickRecord[]): number {
  return log.reduce((sum, { decision }, i) => {
    const next = log[i + 1]?.decision.timeSeconds ?? decision.timeSeconds
    return (decision.currentReplicas ?? 0) > decision.minReplicas ? sum + next - decision.timeSeconds : sum
  }, 0)
}
