/** Steps 11 and 12: settings tuned on recorded load, and what goes to a cluster. Pure. */

import { paths, ports } from '@lab/contract/endpoints.ts'
import { isMap, parseDocument } from 'yaml'
import type { HorizontalPodAutoscaler } from '../../../scaler/src/core/types.ts'
import type { TickRecord } from '../../../scaler/src/record.ts'
import { type Figures, figuresOf } from '../../../scaler/src/replay/figures.ts'
import { loadOf, missingMetrics } from '../../../scaler/src/replay/load.ts'
import { replay } from '../../../scaler/src/replay/replay.ts'
import { verify } from '../../../scaler/src/replay/verify.ts'
import type { Facts, TextFile } from './facts.ts'
import { pathOf } from './first-steps.ts'
import { putAside, recordIn } from './record.ts'
import { settingsIn, settingsOf, surge } from './scaling.ts'
import { type Verdict, verdict } from './verdict.ts'

/**
 * What tuned settings must save of the replica-seconds, and for how many times as long replicas may be too full for it. On three records
 * of the steps, letting go sooner made it 1.2, 1.6 and 1.7 times as long, and a maximum of 3 replicas 3.3 times or more.
 */
const savedShare = 0.03
const fullerTimes = 2.5
/** A load to tune on: so many seconds in which the replicas were not all at the minimum. */
const busySeconds = 60

export function tuning({ files, originalHpa }: Facts): Verdict[] {
  const tuned = settingsIn(files, 'tuned.yaml')
  const original = settingsOf(originalHpa, 'scaler/hpa.yaml')
  const record = recordIn(files['record.jsonl'])
  const log = 'log' in record ? record.log : []
  const busy = secondsAboveMinimum(log)
  const before = 'hpa' in original ? played(original.hpa, log) : undefined
  const after = 'hpa' in tuned ? played(tuned.hpa, log) : undefined
  const known = before !== undefined && after !== undefined && busy >= busySeconds
  const saved = known ? 1 - after.replicaSeconds / before.replicaSeconds : 0
  const allowed = before ? before.aboveTargetSeconds * fullerTimes : 0
  const again = `change ${pathOf('tuned.yaml')}, and play it: npm run --silent scaler -- replay --from ${pathOf('record.jsonl')} --hpa scaler/hpa.yaml --hpa ${pathOf('tuned.yaml')}`
  const unknown = 'not known yet'
  return [
    verdict(
      `${pathOf('tuned.yaml')} is an autoscaler's settings`,
      'hpa' in tuned,
      'problem' in tuned ? tuned.problem : 'it is',
      `cp scaler/hpa.yaml ${pathOf('tuned.yaml')}, and change it`,
    ),
    verdict(
      'there is load on record',
      busy >= busySeconds,
      'problem' in record ? record.problem : `${Math.round(busy)} s above the minimum in ${pathOf('record.jsonl')}`,
      'problem' in record ? putAside : `${surge}, then ${putAside}`,
    ),
    verdict(
      `they save ${savedShare * 100} % of the replica-seconds or more`,
      known && saved >= savedShare,
      known ? `${Math.round(before.replicaSeconds)} before, ${Math.round(after.replicaSeconds)} after` : unknown,
      again,
    ),
    verdict(
      `and replicas are above their target for ${fullerTimes} times as long at most`,
      known && after.aboveTargetSeconds <= allowed,
      known
        ? `${Math.round(before.aboveTargetSeconds)} s before, ${Math.round(after.aboveTargetSeconds)} s after; allowed are ${Math.floor(allowed)}`
        : unknown,
      again,
    ),
  ]
}

export function toKubernetes({ files, log }: Facts): Verdict[] {
  const file = files['for-the-cluster.yaml']
  const read =
    file === undefined
      ? { problem: `there is no ${pathOf('for-the-cluster.yaml')}` }
      : settingsOf(file.text, pathOf('for-the-cluster.yaml'))
  const target = 'hpa' in read ? `${read.hpa.scaleTargetRef.kind}/${read.hpa.scaleTargetRef.name}` : undefined
  const { compared, differences } = verify(log)
  const wrong = deploymentProblems(files['deployment.yaml'])
  return [
    verdict(
      `a cluster would take ${pathOf('for-the-cluster.yaml')}`,
      'hpa' in read,
      'problem' in read ? read.problem : 'autoscaling/v2, every field is valid',
      'the first block of workshop/12-to-kubernetes.md',
    ),
    verdict(
      'it scales Deployment/ws',
      target === 'Deployment/ws',
      target ?? 'no target',
      'the first block of workshop/12-to-kubernetes.md',
    ),
    verdict(
      "every decision is the one that Kubernetes' algorithm takes again",
      compared > 0 && differences.length === 0,
      `${compared} taken again, ${differences.length} differ`,
      compared > 0 ? 'npm run --silent scaler -- replay --verify' : surge,
    ),
    verdict(
      `${pathOf('deployment.yaml')} asks for what the replicas have here`,
      wrong.length === 0,
      wrong.length === 0 ? 'it does' : wrong.join('; '),
      'fill it in from docs/kubernetes-mapping.md, or: the second block of workshop/12-to-kubernetes.md',
    ),
  ]
}

/** What a Deployment must say, as docs/kubernetes-mapping.md has it; a test compares it with that page. */
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
  if (document.errors.length > 0 || !isMap(document.contents)) return [document.errors[0]?.message.split('\n')[0] ?? 'no mapping of fields']
  if (document.get('kind') !== 'Deployment') return ['kind is not Deployment']
  return deploymentFields.flatMap(({ path, value }) => {
    const found = document.getIn(path)
    if (String(found) === String(value)) return []
    return [`${path.slice(3).join('.')} is ${found === undefined ? 'missing' : String(found)}, here it is ${value}`]
  })
}

/** Undefined where the settings ask for what is not on record. */
function played(hpa: HorizontalPodAutoscaler, log: readonly TickRecord[]): Figures | undefined {
  const load = loadOf(log)
  if (log.length === 0 || missingMetrics(hpa.metrics, load).length > 0) return undefined
  return figuresOf(replay('', hpa, load).points)
}

/** In the autoscaler's seconds. */
function secondsAboveMinimum(log: readonly TickRecord[]): number {
  return log.reduce((sum, { decision }, i) => {
    const next = log[i + 1]?.decision.timeSeconds ?? decision.timeSeconds
    return (decision.currentReplicas ?? 0) > decision.minReplicas ? sum + next - decision.timeSeconds : sum
  }, 0)
}
