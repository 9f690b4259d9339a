/** Creates and changes the objects of a namespace so that they match an observation: the scale target, its pods, and the autoscaler. */
import type { HorizontalPodAutoscaler, Observation, Pod } from '@lab/scaler/core/types.ts'
import type { ApiClient } from './api-client.ts'
import { autoscalerObject, deploymentObject, namespaceObject, pathsIn, podObject, podStatus } from './core/objects.ts'

/** A finalizer, which keeps a deleted pod in the API until the recording no longer contains it. */
const finalizers = ['websocket-lab/draining']

interface Written {
  readonly object: string
  readonly status: string
  readonly deleting: boolean
}

export interface Workload {
  /** Changes the scale target and the pods. */
  apply(observation: Observation): Promise<void>
  /** Creates or replaces the autoscaler. */
  setAutoscaler(hpa: HorizontalPodAutoscaler): Promise<void>
  /** Records the count that the controller wrote, so that `apply` writes only a different count. */
  wrote(replicas: number): void
}

/** Creates a namespace with an empty workload. @param target name of the Deployment */
export async function createWorkload(api: ApiClient, namespace: string, target: string): Promise<Workload> {
  const paths = pathsIn(namespace)
  const deployment = `${paths.deployments}/${target}`
  await api.create('/api/v1/namespaces', namespaceObject(namespace))
  const pods = new Map<string, Written>()
  let written: { spec: number; status: number } | null = null
  let created = false

  const applyScale = async (scale: Observation['scale']) => {
    if ('error' in scale) {
      // A missing Deployment is the only way to make reading the scale target fail.
      await api.remove(deployment)
      written = null
      return
    }
    if (written === null) await api.create(paths.deployments, deploymentObject(target, scale.specReplicas))
    else if (written.spec !== scale.specReplicas) await api.patch(deployment, { spec: { replicas: scale.specReplicas } })
    if (written?.status !== scale.statusReplicas) await api.patch(`${deployment}/status`, { status: { replicas: scale.statusReplicas } })
    written = { spec: scale.specReplicas, status: scale.statusReplicas }
  }

  const removePod = async (name: string) => {
    if (pods.get(name)?.deleting === true) await api.patch(`${paths.pods}/${name}`, { metadata: { finalizers: null } })
    else await api.remove(`${paths.pods}/${name}`)
    pods.delete(name)
  }

  const applyPod = async (pod: Pod) => {
    const path = `${paths.pods}/${pod.name}`
    const next = { object: JSON.stringify(podObject(pod)), status: JSON.stringify(podStatus(pod)), deleting: pod.deleting }
    let before = pods.get(pod.name)
    if (before !== undefined && (before.object !== next.object || (before.deleting && !next.deleting))) {
      await removePod(pod.name)
      before = undefined
    }
    if (before === undefined) await api.create(paths.pods, podObject(pod))
    if (before?.status !== next.status) await api.patch(`${path}/status`, { status: podStatus(pod) })
    if (next.deleting && before?.deleting !== true) {
      await api.patch(path, { metadata: { finalizers } })
      await api.remove(path)
    }
    pods.set(pod.name, next)
  }

  return {
    apply: async (observation) => {
      const names = new Set(observation.pods.map(({ name }) => name))
      const gone = [...pods.keys()].filter((name) => !names.has(name))
      await Promise.all([applyScale(observation.scale), ...gone.map(removePod), ...observation.pods.map(applyPod)])
    },
    setAutoscaler: async (hpa) => {
      const object = autoscalerObject(hpa)
      if (created) await api.replace(`${paths.autoscalers}/${hpa.name}`, object)
      else await api.create(paths.autoscalers, object)
      created = true
    },
    wrote: (replicas) => {
      if (written !== null) written = { ...written, spec: replicas }
    },
  }
}
