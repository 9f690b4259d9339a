/** Checks whether a Kubernetes cluster responds, and whether it has nodes. */
import { tryKubectl } from '@lab/host/kubectl.ts'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  export interface ProvidedContext {
    /** What is available to the tests: no cluster, only an API server (which can validate manifests), or a cluster with nodes. */
    cluster: 'none' | 'api' | 'nodes'
  }
}

export default async function setup(project: TestProject): Promise<void> {
  const { exitCode, stderr, stdout, missing } = await tryKubectl(['get', 'nodes', '-o', 'name', '--request-timeout=10s'], {
    withinSeconds: 20,
  })
  if (exitCode !== 0) {
    const reason = missing ? 'kubectl is not installed' : (stderr.trim().split('\n').at(-1) ?? '')
    console.warn(`The tests that need a cluster are skipped, because no cluster answers: ${reason}. Set KUBECONFIG.`)
  } else if (stdout.trim() === '') console.warn('Only the manifests are validated, because the cluster has no nodes.')
  project.provide('cluster', exitCode !== 0 ? 'none' : stdout.trim() === '' ? 'api' : 'nodes')
}
