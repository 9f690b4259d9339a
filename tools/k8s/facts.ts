/** Defines the facts that `k8s doctor` reads from the cluster and the checkout. Pure. */

/** Kind and name of an object in the lab's namespace. */
export interface ObjectName {
  /** The object's kind in lower case, which kubectl accepts as an argument. */
  kind: string
  name: string
}

/** State of a metrics API: available, registered but unavailable, or not registered. */
export type ApiState = 'available' | 'unavailable' | 'absent'

export interface Facts {
  kubectlMissing: boolean
  /** Name of kubectl's current context; undefined if there is none. */
  context: string | undefined
  /** Version of the Kubernetes API server, or the reason why the server does not respond. */
  server: { version: string } | { error: string }
  /** Permissions that the current user lacks, for example `create deployments`. */
  missingRights: readonly string[]
  /** Objects in the lab's namespace that do not belong to the lab. */
  foreign: readonly ObjectName[]
  /** Images of the lab that a node neither has nor can pull. */
  missingImages: readonly string[]
  ingressClass: boolean
  secretFile: boolean
  metrics: { resource: ApiState; custom: ApiState }
  /** Whether the metrics adapter provides the HPA's connection metric; undefined if there are no replicas. */
  connectionsMetric: boolean | undefined
}
