/** Returns the part of the live page's state that describes the scaler. Pure. */
import type { EmbeddedSnapshot } from '@lab/contract/embedded-api.ts'
import { metrics } from '@lab/contract/metrics.ts'
import type { HorizontalPodAutoscaler } from '@lab/scaler/core/types.ts'
import type { TickRecord } from '@lab/scaler/record.ts'
import { decisionWords } from '@lab/scaler/views/sentence.ts'

/**
 * @param record the record of the scaler's latest decision; null if it has not made one yet
 * @param now the scaler's current inputs, which may have changed since its latest decision
 */
export function scalerPart(
  record: TickRecord | null,
  now: { hpa: HorizontalPodAutoscaler; paused: boolean; current: number },
): EmbeddedSnapshot['scaler'] {
  const { hpa, paused, current } = now
  return {
    current,
    desired: record?.decision.desiredReplicas ?? null,
    min: hpa.minReplicas,
    max: hpa.maxReplicas,
    paused,
    targetConnections: targetOf(hpa),
    blind: record !== null && record.decision.winner === null && record.decision.metrics.some(({ failure }) => failure !== null),
    words: record === null ? 'Waiting for the first decision.' : decisionWords(record),
    decidedAt: record?.time ?? null,
  }
}

/** Returns the HPA's target for the average number of sockets per replica; null if the HPA has no such target. */
function targetOf(hpa: HorizontalPodAutoscaler): number | null {
  for (const metric of hpa.metrics) {
    if (metric.type !== 'Pods' || metric.metric.name !== metrics.connectionsActive.name) continue
    return metric.target.averageValueMilli === undefined ? null : metric.target.averageValueMilli / 1000
  }
  return null
}
