/** Runs a soak test on the Compose lab: keeps k6 running, samples Prometheus, and stores every sample. */
import { appendFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { jobs } from '@lab/contract/endpoints.ts'
import { allReplicas, language, queries, standardMetrics } from '@lab/contract/queries.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { reportsFolder } from '@lab/host/project.ts'
import type { Prometheus } from '@lab/host/prometheus.ts'
import { root } from '@lab/host/root.ts'
import { pause, until } from '@lab/host/until.ts'
import type { ComposeLab } from '@lab/lab/compose/lab.ts'
import { runExists, startRun, stopRun } from '@lab/lab/compose/load.ts'
import { labContainers, startOf } from '@lab/lab/compose/project.ts'
import { reportText, span } from './report.ts'
import { readState, type SoakPlan, type SoakState, sampleEverySeconds, sampleLine, soakFiles } from './state.ts'
import { type Figure, heldShare, judgeSoak, type Sample, type SoakVerdict } from './verdict.ts'

const scenario = 'soak'
/** k6 keeps every measured time in memory until its run ends, so a long soak consists of several runs of k6. Seconds. */
const longestRunSeconds = 4 * 3600
/** A run of k6 must last at least this long. Seconds. */
const shortestRunSeconds = 30
/** Time limit for the sockets to open. Milliseconds. */
const openWithinMs = 180_000
/** Time for which Prometheus may fail to answer before the soak is interrupted. Milliseconds. */
const silentWithinMs = 300_000

const { select } = language(allReplicas)
const own = (metric: string, job: string) => `sum(${metric}{job="${job}"})`
const mebi = (query: string) => `${query} / ${2 ** 20}`
const asked: Readonly<Record<Figure, string>> = {
  replicaMemory: mebi(`avg(${select(standardMetrics.residentBytes)})`),
  replicaFiles: `avg(${select(standardMetrics.openFiles)})`,
  routerMemory: mebi(own(standardMetrics.residentBytes, jobs.traefik)),
  routerFiles: own(standardMetrics.openFiles, jobs.traefik),
  series: own(standardMetrics.headSeries, jobs.prometheus),
  latency: `${queries(allReplicas).latencyP95Seconds} * 1000`,
}
const { connections } = queries(allReplicas)

export interface SoakOptions {
  seconds: number
  sockets: number
  /** Whether to delete the state of an earlier soak instead of continuing it. */
  fresh: boolean
}

/** The folder of the soak's state and report, relative to the root of the checkout. */
export const soakFolder = () => `${reportsFolder()}/soak`

/**
 * Starts or continues a soak, and returns the verdict on all of its parts. After an interruption, the same call continues the soak.
 * @throws LabError if the state belongs to a soak with other settings
 */
export async function soak(
  lab: ComposeLab,
  { seconds, sockets, fresh }: SoakOptions,
  say: (line: string) => void,
  stop: AbortSignal,
): Promise<SoakVerdict> {
  const folder = join(root, soakFolder())
  if (fresh) await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const state = await openState(folder, { seconds, sockets })
  const { plan, samples } = state
  if (state.part > 0) say(`continuing the soak of ${plan.startedAt} after ${span(state.elapsedSeconds)}`)
  const name = `${lab.name}-soak`
  // An earlier process that was killed may have left its container behind.
  if (await runExists(name)) await stopRun(name)
  try {
    await measure(
      lab,
      state,
      name,
      async (sample) => {
        samples.push(sample)
        await appendFile(join(folder, soakFiles.samples), sampleLine(sample))
      },
      say,
      stop,
    )
  } finally {
    await stopRun(name)
  }
  const verdict = judgeSoak(samples, sockets)
  await writeFile(join(folder, soakFiles.verdict), `${JSON.stringify({ ...plan, ...verdict }, null, 2)}\n`)
  await writeFile(join(folder, soakFiles.report), reportText(plan, verdict))
  return verdict
}

async function openState(folder: string, { seconds, sockets }: Omit<SoakOptions, 'fresh'>): Promise<SoakState> {
  const planText = await readFile(join(folder, soakFiles.plan), 'utf8').catch(unlessMissing)
  if (planText === '') {
    const plan: SoakPlan = { seconds, sockets, startedAt: new Date().toISOString() }
    await writeFile(join(folder, soakFiles.plan), `${JSON.stringify(plan)}\n`)
    return { plan, samples: [], part: 0, elapsedSeconds: 0 }
  }
  const state = readState(planText, await readFile(join(folder, soakFiles.samples), 'utf8').catch(unlessMissing))
  const { plan } = state
  if (plan.seconds !== seconds || plan.sockets !== sockets) {
    throw new LabError(
      `${soakFolder()} has a soak of ${span(plan.seconds)} with ${plan.sockets} sockets; continue it with these values, or delete it with --new`,
    )
  }
  // A line that was torn by a kill would otherwise be joined to the next sample.
  await writeFile(join(folder, soakFiles.samples), state.samples.map(sampleLine).join(''))
  return state
}

function unlessMissing(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return ''
  throw error
}

/** Samples until the planned time has passed or the soak is interrupted. Time in which the sockets are not yet open does not count. */
async function measure(
  lab: ComposeLab,
  { plan, part, elapsedSeconds: before }: SoakState,
  name: string,
  store: (sample: Sample) => Promise<void>,
  say: (line: string) => void,
  stop: AbortSignal,
): Promise<void> {
  const { seconds, sockets } = plan
  const everyMs = sampleEverySeconds(seconds) * 1000
  const started = await startOf(await labContainers())
  const load = async (leftSeconds: number) => {
    const duration = Math.ceil(Math.max(shortestRunSeconds, Math.min(longestRunSeconds, leftSeconds + shortestRunSeconds)))
    await startRun({ name, project: lab.name, scenario, sockets, duration }, started)
    const isOpen = async () => {
      if (((await lab.prometheus.number(connections)) ?? 0) >= sockets * heldShare) return 'open'
      return !(await runExists(name)) && 'ended'
    }
    const seen = await until(`${sockets} sockets are open`, isOpen, { withinMs: openWithinMs, everyMs: 1000, stop })
    if (seen === 'ended') throw new LabError(`k6 ended before ${sockets} sockets were open; for its output, run: ./lab load ${scenario}`)
  }
  if (before >= seconds) return
  await load(seconds - before)
  const startedAtMs = performance.now()
  const elapsed = () => before + (performance.now() - startedAtMs) / 1000
  let reportedAtMs = startedAtMs
  let answeredAtMs = startedAtMs
  for (let next = startedAtMs; elapsed() < seconds && !stop.aborted; next += everyMs) {
    await pause(Math.max(0, next - performance.now()), stop)
    if (stop.aborted) return
    if (!(await runExists(name))) await load(seconds - elapsed())
    try {
      await store({ part, elapsedSeconds: elapsed(), ...(await readings(lab.prometheus)) })
      answeredAtMs = performance.now()
    } catch (error) {
      say(`no sample: ${(error as Error).message}`)
      if (performance.now() - answeredAtMs > silentWithinMs)
        throw new LabError('Prometheus does not answer; the same command continues the soak')
    }
    if (performance.now() - reportedAtMs > Math.max(60_000, (seconds * 1000) / 100)) {
      reportedAtMs = performance.now()
      say(`${span(elapsed())} of ${span(seconds)}`)
    }
  }
}

async function readings(prometheus: Prometheus): Promise<Pick<Sample, 'sockets' | 'values'>> {
  const values = await Promise.all(Object.entries(asked).map(async ([figure, query]) => [figure, await prometheus.number(query)] as const))
  return {
    sockets: (await prometheus.number(connections)) ?? 0,
    values: Object.fromEntries(values.filter(([, value]) => value !== undefined)),
  }
}
