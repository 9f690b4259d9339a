/** Types and names that all manifests share. Pure. */

export type Tree = { [key: string]: Tree | Tree[] | string | string[] | number | boolean | null | undefined }

/** The namespace of all objects. */
export const namespace = 'ws-lab'

const nameLabel = 'app.kubernetes.io/name'

/** The label that selects the pods of a component. */
export function selected(name: string): Record<string, string> {
  return { [nameLabel]: name }
}

/** The label of Prometheus' service discovery that contains the name of a pod's component. */
export const discoveredName = `__meta_kubernetes_pod_label_${nameLabel.replaceAll(/[./]/g, '_')}`

/** The label of all objects of the lab. */
export const partOfLab: Readonly<Record<string, string>> = { 'app.kubernetes.io/part-of': 'websocket-lab' }

/** The metadata of an object of a component. */
export function metadata(name: string, more: Tree = {}): Tree {
  return { name, labels: { ...selected(name), ...partOfLab }, ...more }
}
