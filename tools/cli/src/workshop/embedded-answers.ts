/**
 * Answers the questions of the workshop checks on the embedded lab, which has no Prometheus: from the replicas' metrics and the scaler's
 * decision log. Questions about faults and rollouts remain unanswered. Pure.
 */
import { paths } from '@lab/contract/endpoints.ts'
import { metrics } from '@lab/contract/metrics.ts'
import { type Sample, sumOf } from '@lab/embedded/exposition.ts'
import type { TickRecord } from '@lab/scaler/record.ts'
import type { Facts } from './facts.ts'
import { readingMinutes, understoodTypes } from './questions.ts'
import { socketsOf } from './scaling.ts'

/**
 * @param scrapes the metrics of each replica
 * @param log the scaler's decisions, which contain the number of sockets on each replica
 * @param readAtMs time at which the learner wrote peak.txt
 */
export function embeddedAnswers(scrapes: readonly (readonly Sample[])[], log: readonly TickRecord[], readAtMs: number): Facts['answers'] {
  const total = (name: string, labels?: Record<string, string>) =>
    scrapes.reduce((sum, samples) => sum + (sumOf(samples, name, labels) ?? 0), 0)
  const asked = scrapes.filter((samples) => (sumOf(samples, metrics.httpRequests.name, { route: paths.health }) ?? 0) > 0)
  const seen = log
    .filter(({ time }) => Date.parse(time) <= readAtMs && Date.parse(time) > readAtMs - readingMinutes * 60_000)
    .map((record) => socketsOf(record))
  return {
    socketsOpened: total(metrics.connectionsOpened.name),
    messagesUnderstood: understoodTypes.reduce((sum, type) => sum + total(metrics.messagesReceived.name, { type }), 0),
    replicasAskedForHealth: asked.length,
    peakSockets: Math.max(0, ...seen.map((sockets) => sockets.reduce((sum, count) => sum + count, 0))),
    fullestReplica: Math.max(0, ...seen.flat()),
  }
}
