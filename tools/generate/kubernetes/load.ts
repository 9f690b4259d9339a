/** Builds the Job that generates load with k6. Pure. */
import { ports, services } from '@lab/contract/endpoints.ts'
import { scenarios } from '@lab/k6/lib/scenarios.ts'
import { metadata, type Tree } from './objects.ts'
import { type Part, podTemplate, resourcesOf } from './pod.ts'
import { bytesOf } from './quantities.ts'

/** Number of pods over which the Job distributes the scenario's sockets. */
export const workers = 5
const scenario = 'workers'
/** Time for starting pods and closing sockets, in addition to the duration of the load curve. */
const spareSeconds = 300
/** Time after which Kubernetes deletes the finished Job and its logs. */
const storedSeconds = 3600

/**
 * Returns the Job that generates load. The limits of the Compose service and the scenario's sockets are divided equally among the Job's
 * pods.
 */
export function loadJob(part: Part): Tree {
  const { service } = part
  // The image that Compose uses does not contain the k6 scripts, because Compose mounts them from the checkout. The image built from
  // k6/Dockerfile contains the scripts.
  const { image: _mounted, ...ownImage } = service
  const { sockets, stages } = scenarios[scenario]
  const share = { ...service, cpus: service.cpus / workers, mem_limit: `${Math.floor(bytesOf(service.mem_limit) / workers / 1024)}k` }
  // The live page, through which a run can be changed, is not in the cluster.
  const { CONTROL: _control, ...variables } = service.environment ?? {}
  const environment = {
    ...variables,
    TARGET: `http://${services.ws}:${ports.public}`,
    SCENARIO: scenario,
    SOCKETS: String(sockets / workers),
  }
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: metadata(part.name),
    spec: {
      parallelism: workers,
      completions: workers,
      completionMode: 'Indexed',
      backoffLimit: 0,
      activeDeadlineSeconds: stages.reduce((sum, { seconds }) => sum + seconds, 0) + spareSeconds,
      ttlSecondsAfterFinished: storedSeconds,
      template: podTemplate(
        { ...part, service: { ...ownImage, environment } },
        {
          volumes: [{ name: 'reports', mountPath: '/lab/reports', source: { emptyDir: {} } }],
          resources: resourcesOf(share),
          pod: { restartPolicy: 'Never' },
        },
      ),
    },
  }
}
