/** What `k8s doctor` reads from the cluster and from the checkout. Pure. */

/** An object in the namespace of the lab. */
export interface ObjectName {
  /** The kind in lower case, as kubectl accepts it. */
  kind: string
  name: string
}

/** The state of a metrics API: available, registered but not available, or not registered. */
export type ApiState = 'available' | 'unavailable' | 'absent'

export interface Facts {
  kubectlMissing: boolean
  /** The name of the current context, or undefined if there is none. */
  context: string | undefined
  /** The version of the API server, or the reason why it does not answer. */
  server: { version: string } | { error: string }
  /** The rights that this user does not have, as in `create deployments`. */
  missingRights: readonly string[]
  /** Objects in the namespace that do not belong to the lab. */
  foreign: readonly ObjectName[]
  /** Images of the lab that a node does not have and does not get. */
  missingImages: readonly string[]
  ingressClass: boolean
  secretFile: boolean
  metrics: { resource: ApiState; custom: ApiState }
  /** Whether the metrics adapter has the metric of the HPA; undefined if the lab does not run. */
  connectionsMetric: boolean | undefined
}
