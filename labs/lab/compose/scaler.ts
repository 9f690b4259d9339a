/** Controls the Compose lab's scaler: reads its decisions, pauses it, and changes and restores its settings. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { services } from '@lab/contract/endpoints.ts'
import { metrics } from '@lab/contract/metrics.ts'
import { fileArgs, overlayFiles, type StartedWith } from '@lab/host/compose.ts'
import { docker } from '@lab/host/docker.ts'
import { root } from '@lab/host/root.ts'
import { until } from '@lab/host/until.ts'
import {
  decisionLogPath,
  defaultStateFolder,
  isPaused,
  ofService,
  readLastRecord,
  readRecordsAfter,
  setPaused,
} from '@lab/scaler/decision-log.ts'
import type { TickRecord } from '@lab/scaler/record.ts'
import { decisionWords } from '@lab/scaler/views/sentence.ts'
import { parse, stringify } from 'yaml'
import type { DecisionReading, LabScaler, Readings } from '../lab.ts'
import { changeOnce } from '../last-state.ts'

/** Maximum number of scaling decisions in one reading of the lab. */
const maxDecisions = 20
const restartWithinSeconds = 90
/** Time limit for the scaler to notice a change: two sync periods in real time, plus the time to read the metrics. */
const noticedWithinMs = 60_000

export interface ComposeScaler extends LabScaler {
  read(): Promise<Pick<Readings, 'scaler' | 'decisions'>>
  /** Restores the scaler's original settings. */
  restore(): Promise<void>
}

/** The scaler's HPA file and time scale. */
interface Settings {
  hpa: string
  scale: string
}

export interface ScalerOptions {
  project: string
  container: string
  lab: StartedWith
  /** Time scale of the restarted scaler; if undefined, the time scale does not change. */
  timeScale?: number
}

/** Returns an object that controls the running scaler. */
export async function composeScaler({ project, container, lab, timeScale }: ScalerOptions): Promise<ComposeScaler> {
  const found = await environmentOf(container)
  const own: Settings = { hpa: found.SCALER_HPA ?? 'scaler/hpa.yaml', scale: found.SCALER_TIME_SCALE ?? '1' }
  // The scaler's container mounts the checkout's reports/ folder.
  const stateFolder = resolve(root, found.SCALER_STATE ?? defaultStateFolder({ COMPOSE_PROJECT_NAME: project }))
  const log = decisionLogPath(stateFolder)
  const isOwn = ofService(services.ws)
  const ours = `scaler/demo-${project}.yaml`
  const decisions: DecisionReading[] = []
  let last: TickRecord | undefined

  /** Applies new settings by recreating the scaler's container, because the folder of HPA files is mounted read-only. */
  const start = async ({ hpa, scale }: Settings) => {
    const env = { ...lab.env, ...found, SCALER_HPA: hpa, SCALER_TIME_SCALE: scale }
    const files = fileArgs(lab.files.length > 0 ? lab.files : overlayFiles)
    const how = ['up', '--detach', '--no-deps', '--no-build', '--wait', services.scaler]
    await docker(['compose', ...files, '-p', project, ...how], { env, withinSeconds: restartWithinSeconds })
  }
  const restart = changeOnce(own, (one, other) => one.hpa === other.hpa && one.scale === other.scale, start)
  const restore = async () => {
    await restart(own)
    // The HPA file is removed only after the restart, because the scaler may read it until then.
    await rm(resolve(root, ours), { force: true })
  }
  const scale = timeScale === undefined ? own.scale : String(timeScale)
  await restart({ ...own, scale }).catch(async (error: unknown) => {
    await restore()
    throw error
  })
  const change = async (paused: boolean) => {
    await setPaused(stateFolder, paused)
    const noticed = async () => (await readLastRecord(log, isOwn))?.paused === paused
    await until(`the scaler ${paused ? 'is paused' : 'is resumed'}`, noticed, { withinMs: noticedWithinMs, everyMs: 500 })
  }

  return {
    timeScale: Number(scale),
    stateFolder,
    read: async () => {
      // The first call reads only the decision log's newest record; later calls read every record written since the previous call.
      const news = last === undefined ? [await readLastRecord(log, isOwn)] : await readRecordsAfter(log, last.time, isOwn)
      for (const record of news) {
        if (record === undefined) continue
        last = record
        decisions.push(readingOf(record))
      }
      decisions.splice(0, decisions.length - maxDecisions)
      const scaler = last === undefined ? null : { ...limitsOf(last), paused: await isPaused(stateFolder) }
      return { scaler, decisions: [...decisions] }
    },
    isPaused: () => isPaused(stateFolder),
    pause: () => change(true),
    resume: () => change(false),
    setScaleDown: async (rules) => {
      if (rules === null) {
        await restart({ ...own, scale })
        await rm(resolve(root, ours), { force: true })
        return
      }
      const file = parse(await readFile(resolve(root, own.hpa), 'utf8')) as { spec: { behavior?: object } }
      const { windowSeconds: stabilizationWindowSeconds, pods: value, periodSeconds } = rules
      const policies = [{ type: 'Pods', value, periodSeconds }]
      file.spec.behavior = { ...file.spec.behavior, scaleDown: { stabilizationWindowSeconds, policies } } as object
      await mkdir(resolve(root, 'scaler'), { recursive: true })
      await writeFile(resolve(root, ours), stringify(file))
      await restart({ hpa: ours, scale })
    },
    restore,
  }
}

/**
 * Recreates the actuator container, so that replicas added by the scaler get the current configuration. Its limits are copied from the
 * old container, because Compose would otherwise take it from this command's environment.
 */
export async function renewActuator({ project, lab }: Pick<ScalerOptions, 'project' | 'lab'>): Promise<void> {
  const { SCALER_MAX_REPLICAS, SCALER_SERVICES } = await environmentOf(`${project}-${services.actuator}-1`)
  const how = ['up', '--detach', '--no-deps', '--no-build', '--force-recreate', '--wait', services.actuator]
  const env = { ...lab.env, SCALER_MAX_REPLICAS, SCALER_SERVICES }
  await docker(['compose', ...fileArgs(lab.files), '-p', project, ...how], { env, withinSeconds: restartWithinSeconds })
}

/** Returns the maximum number of replicas that the actuator allows (SCALER_MAX_REPLICAS). */
export async function mostReplicas(project: string): Promise<number> {
  return Number((await environmentOf(`${project}-${services.actuator}-1`)).SCALER_MAX_REPLICAS)
}

/** Returns a container's environment variables, so that it can be recreated with the same values. */
async function environmentOf(container: string): Promise<Record<string, string>> {
  const lines = JSON.parse(await docker(['inspect', '--format', '{{json .Config.Env}}', container], { withinSeconds: 20 })) as string[]
  const all = Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]))
  const { DOCKER_HOST: _proxy, HOME: _home, PATH: _path, SCALER_PROMETHEUS: _url, SCALER_LISTEN: _port, ...others } = all
  return others
}

function readingOf(record: TickRecord): DecisionReading {
  const { currentReplicas, desiredReplicas, rescaleReason } = record.decision
  return { time: record.time, current: currentReplicas, desired: desiredReplicas, reason: rescaleReason, text: decisionWords(record) }
}

function limitsOf({ hpa, decision }: TickRecord) {
  const targets = hpa.metrics.flatMap((metric) => {
    if (metric.type !== 'Pods' || metric.target.averageValueMilli === undefined) return []
    return metric.metric.name === metrics.connectionsActive.name ? [metric.target.averageValueMilli / 1000] : []
  })
  return { desired: decision.desiredReplicas, min: hpa.minReplicas, max: hpa.maxReplicas, target: targets[0] ?? null }
}
