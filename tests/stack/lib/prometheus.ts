/** Queries Prometheus for the stack tests. */
import { jobs } from '@lab/contract/endpoints.ts'
import type { Sample, Target } from '@lab/host/prometheus.ts'
import { z } from 'zod'
import { prometheusOf, type Stack } from './stack.ts'

/** An instant query. */
export function query(stack: Stack, promql: string): Promise<Sample[]> {
  return prometheusOf(stack).query(promql)
}

/** Returns a job's active targets. */
export function targets(stack: Stack, job: string): Promise<Target[]> {
  return prometheusOf(stack).targets(job)
}

/** Returns the sorted names of the replicas that Prometheus scrapes successfully, one per target. */
export async function replicasUp(stack: Stack): Promise<string[]> {
  return (await targets(stack, jobs.ws))
    .filter(({ health }) => health === 'up')
    .map(({ labels }) => labels.replica ?? '(no label replica)')
    .sort()
}

/** Returns the current storage retention, for example `30d`. */
export async function retention(stack: Stack): Promise<string> {
  return (await prometheusOf(stack).get('status/runtimeinfo', z.object({ storageRetention: z.string() }))).storageRetention
}
