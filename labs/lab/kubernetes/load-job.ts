/** Adapts the Job of the `load` overlay to a run's settings, and reads how the Job's pods ended. Pure. */
import { services } from '@lab/contract/endpoints.ts'
import { z } from 'zod'
import { cannotStart, type Pod, stateOf } from './pods.ts'

/** Time for starting pods and closing sockets, in addition to the duration of the run. Seconds. */
const spareSeconds = 300

const jobSchema = z.looseObject({
  spec: z.looseObject({
    parallelism: z.number(),
    template: z.looseObject({
      spec: z.looseObject({
        containers: z.tuple([z.looseObject({ env: z.array(z.looseObject({ name: z.string() })) })]),
      }),
    }),
  }),
})

/** The settings of a run, with the names of the `load` command's options. */
export interface ClusterLoad {
  readonly scenario: string
  /** Number of sockets of all pods together. */
  readonly sockets: number
  readonly seconds: number
  readonly seed?: number
  readonly short?: boolean
}

/** A Job in JSON, and how it distributes the sockets. */
export interface LoadJob {
  readonly json: string
  readonly pods: number
  readonly socketsPerPod: number
}

/**
 * Returns the Job for a run. The pods share the sockets equally, so the number of sockets is rounded up to a multiple of the number of pods.
 * @param overlay the Job of the `load` overlay, as JSON
 */
export function loadJob(overlay: string, { scenario, sockets, seconds, seed, short }: ClusterLoad): LoadJob {
  const job = jobSchema.parse(JSON.parse(overlay))
  const [container] = job.spec.template.spec.containers
  const pods = Math.min(job.spec.parallelism, sockets)
  const socketsPerPod = Math.ceil(sockets / pods)
  const settings = {
    SCENARIO: scenario,
    SOCKETS: socketsPerPod,
    DURATION: seconds,
    ...(seed !== undefined && { SEED: seed }),
    ...(short && { SHORT: 1 }),
  }
  const env = [
    ...container.env.filter(({ name }) => !Object.hasOwn(settings, name)),
    ...Object.entries(settings).map(([name, value]) => ({ name, value: String(value) })),
  ]
  const { template } = job.spec
  const spec = {
    ...job.spec,
    parallelism: pods,
    completions: pods,
    activeDeadlineSeconds: seconds + spareSeconds,
    template: { ...template, spec: { ...template.spec, containers: [{ ...container, env }] } },
  }
  return { json: JSON.stringify({ ...job, spec }), pods, socketsPerPod }
}

/** Parses the output of `kubectl get job k6 -o json --ignore-not-found`. Undefined if there is no Job; a Job that runs has no result. */
export function readJob(text: string): { result: 'Complete' | 'Failed' | undefined } | undefined {
  if (text.trim() === '') return undefined
  const schema = z.object({
    status: z.object({ conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]) }),
  })
  const { conditions } = schema.parse(JSON.parse(text)).status
  const holds = (wanted: string) => conditions.some(({ type, status }) => type === wanted && status === 'True')
  return { result: holds('Complete') ? 'Complete' : holds('Failed') ? 'Failed' : undefined }
}

/** Describes the first pod that cannot start; undefined if there is none. */
export function podProblem(pods: readonly Pod[]): string | undefined {
  const stuck = pods.find(cannotStart)
  return stuck && `the pod ${stuck.metadata.name} cannot start: ${stateOf(stuck)}`
}

/** Returns the exit codes of the pods whose container has ended. */
export function exitCodesOf(pods: readonly Pod[]): number[] {
  return pods.flatMap(({ status }) =>
    status.containerStatuses.flatMap(({ name, state }) => (name === services.k6 ? (state.terminated?.exitCode ?? []) : [])),
  )
}

/** Returns k6's summary from a pod's log, or the log's last lines if it contains no summary. */
export function summaryOf(log: string): string {
  const lines = log.trimEnd().split('\n')
  const from = lines.findLastIndex((line) => /^\w+( \(short\))?: \d+ sockets to /.test(line))
  if (from === -1) return lines.slice(-mostLines).join('\n')
  const end = lines.findIndex((line, index) => index > from && line.startsWith('running ('))
  // The JSON summary is a file in the pod, which is deleted with the Job.
  const shown = lines.slice(from, end === -1 ? undefined : end).filter((line) => !line.startsWith('As JSON: '))
  return shown.join('\n').trimEnd()
}

const mostLines = 10
