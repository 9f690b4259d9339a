/** Runs the `load` overlay's k6 Job in the cluster with a test's own settings. */
import { mkdir, writeFile } from 'node:fs/promises'
import { services } from '@lab/contract/endpoints.ts'
import { kubectl } from '@lab/host/kubectl.ts'
import { root } from '@lab/host/root.ts'
import { inLab } from './cluster.ts'

const jobFile = 'reports/kubernetes-load.json'

interface Job {
  spec: {
    parallelism: number
    template: { spec: { containers: [{ env: { name: string; value: string }[] }] } }
  }
}

/** Starts the Job with the given total number of sockets, which its pods share equally, and duration. Replaces an earlier Job. */
export async function startLoad({ sockets, seconds }: { sockets: number; seconds: number }): Promise<void> {
  await stopLoad()
  const job = JSON.parse(await kubectl(['create', '--dry-run=client', '-o', 'json', '-k', 'k8s/overlays/load'])) as Job
  const [container] = job.spec.template.spec.containers
  const changed: Record<string, string> = {
    SCENARIO: 'default',
    SOCKETS: String(sockets / job.spec.parallelism),
    DURATION: String(seconds),
  }
  container.env = [
    ...container.env.filter(({ name }) => !(name in changed)),
    ...Object.entries(changed).map(([name, value]) => ({ name, value })),
  ]
  await mkdir(`${root}reports`, { recursive: true })
  await writeFile(`${root}${jobFile}`, JSON.stringify(job))
  await kubectl(['create', '-f', jobFile])
}

/** Deletes the Job and its pods, if there are any. */
export async function stopLoad(): Promise<void> {
  await inLab(['delete', 'job', services.k6, '--ignore-not-found'])
}

/** Returns how the Job ended; undefined while it is running. */
export async function loadStatus(): Promise<string | undefined> {
  const { status } = JSON.parse(await inLab(['get', 'job', services.k6, '-o', 'json'])) as {
    status: { conditions?: { type: string; status: string }[] }
  }
  return status.conditions?.find(({ type, status: value }) => value === 'True' && ['Complete', 'Failed'].includes(type))?.type
}
