/** Defines types, names and labels that all Kubernetes manifests use. Pure. */
import { nameLabel } from '@lab/contract/kubernetes.ts'

export type Tree = { [key: string]: Tree | Tree[] | string | string[] | number | boolean | null | undefined }

/** Returns the label that selects a component's pods. */
export function selected(name: string): Record<string, string> {
  return { [nameLabel]: name }
}

/** Name of the label with which Prometheus' service discovery provides the component name of a pod. */
export const discoveredName = `__meta_kubernetes_pod_label_${nameLabel.replaceAll(/[./]/g, '_')}`

/** The label that marks an object as part of the lab. */
export const partOfLab: Readonly<Record<string, string>> = { 'app.kubernetes.io/part-of': 'websocket-lab' }

/** Returns the metadata of an object that belongs to a component. */
export function metadata(name: string, more: Tree = {}): Tree {
  return { name, labels: { ...selected(name), ...partOfLab }, ...more }
}
