/** Prometheus's HTTP API. */
import { jobs } from '../../../contract/src/endpoints.ts'
import { type Stack, url } from './stack.ts'

export interface Sample {
  metric: Record<string, string>
  value: [number, string]
}

export interface Target {
  labels: Record<string, string>
  health: string
  lastError: string
}

async function get<T>(stack: Stack, path: string): Promise<T> {
  const response = await fetch(url(stack, 'PROMETHEUS_PORT', path), { signal: AbortSignal.timeout(10_000) })
  const body = (await response.json()) as { status: string; data: T; error?: string }
  if (body.status !== 'success') throw new Error(`${path}: ${body.error}`)
  return body.data
}

/** An instant query. */
export async function query(stack: Stack, expression: string): Promise<Sample[]> {
  const data = await get<{ resultType: string; result: Sample[] }>(stack, `/api/v1/query?query=${encodeURIComponent(expression)}`)
  if (data.resultType !== 'vector') throw new Error(`${expression} gives a ${data.resultType}, not a vector`)
  return data.result
}

/** Active targets of one job. */
export async function targets(stack: Stack, job: string): Promise<Target[]> {
  const { activeTargets } = await get<{ activeTargets: Target[] }>(stack, '/api/v1/targets?state=active')
  return activeTargets.filter(({ labels }) => labels.job === job)
}

/** Replicas that Prometheus scrapes with success, one name for each target, sorted. */
export async function replicasUp(stack: Stack): Promise<string[]> {
  const active = await targets(stack, jobs.ws)
  return active
    .filter(({ health }) => health === 'up')
    .map(({ labels }) => labels.replica ?? '(no label replica)')
    .sort()
}

/** Settings Prometheus runs with. */
export function flags(stack: Stack): Promise<Record<string, string>> {
  return get(stack, '/api/v1/status/flags')
}

/** Storage retention that is in force, as in `30d`. */
export async function retention(stack: Stack): Promise<string> {
  return (await get<{ storageRetention: string }>(stack, '/api/v1/status/runtimeinfo')).storageRetention
}
