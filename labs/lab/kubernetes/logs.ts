/** Builds the kubectl command that shows the output of the lab's pods. Pure. */
import { nameLabel, namespace } from '@lab/contract/kubernetes.ts'
import type { LogsOptions } from '@lab/host/compose.ts'

/** Number of pods whose output kubectl may follow at the same time; kubectl's own limit of five is lower than the number of services. */
const mostFollowed = 50

/** Returns the arguments of the kubectl command that shows the output of all pods, or of the pods of some services. */
export function podLogsArgs({ services = [], follow, tail, since }: LogsOptions): string[] {
  const selector = services.length === 0 ? nameLabel : `${nameLabel} in (${services.join(',')})`
  // With a selector, kubectl would show only the last ten lines of each pod.
  const lines = ['--tail', tail ?? '-1']
  const from = since === undefined ? [] : [/^\d{4}-/.test(since) ? '--since-time' : '--since', since]
  return [
    '-n',
    namespace,
    'logs',
    '--prefix',
    '-l',
    selector,
    ...lines,
    ...from,
    ...(follow ? ['-f', '--max-log-requests', String(mostFollowed)] : []),
  ]
}
