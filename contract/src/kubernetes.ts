/** Defines the names by which the manifests in k8s/, the commands and the tests find the lab in a Kubernetes cluster. */

/** The namespace of all objects in the manifests. */
export const namespace = 'ws-lab'

/** The label whose value is the name of a pod's service, such as `ws`. */
export const nameLabel = 'app.kubernetes.io/name'

/** The environment variable that contains the address at which this machine reaches the cluster's Ingress controller. */
export const ingressVariable = 'LAB_INGRESS'

/** The address of the Ingress controller if neither `LAB_INGRESS` nor the Ingress object contains one. */
export const defaultIngress = 'http://127.0.0.1:30080'
