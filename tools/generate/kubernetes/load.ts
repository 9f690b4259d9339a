/** Builds the Job that generates load with k6. Pure. */
import { ports, services } from '@lab/contract/endpoints.ts'
import { scenarios } from '@lab/k6/lib/scenarios.ts'
import { metadata, type Tree } from './objects.ts'
import { type Part, podTemplate, resourcesOf } from './pod.ts'
import { bytesOf } from './quantities.ts'

/** The number of pods among which the Job divides the sockets of the scenario. */
export const workers = 5
const scenario = 'workers'
/** The time for starting pods and for closing sockets, in addition to the load curve. */
const spareSeconds = 300
/** The time after which Kubernetes deletes the finished Job with its logs. */
const storedSeconds = 3600

/** The Job. Its pods share the limits of the Compose service, and each pod opens an equal part of the sockets of the scenario. */
export function loadJob(part: Part): Tree {
  const { service } = part
  // The image of Compose has no scripts, which Compose mounts from the checkout. The image of k6/Dockerfile contains the scripts.
  const { image: _mounted, ...ownImage } = service
  const { sockets, stages } = scenarios[scenario]
  const share = { ...service, cpus: service.cpus / workers, mem_limit: `${Math.floor(bytesOf(service.mem_limit) / workers / 1024)}k` }
  const environment = {
    ...service.environment,
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
