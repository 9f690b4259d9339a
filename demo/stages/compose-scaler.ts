/** The scaler of the Compose lab: what it decided, how it is paused, and how it is given other settings and its own back. */
import { access, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { docker, root } from '../../cli/src/docker.ts'
import { services } from '../../contract/src/endpoints.ts'
import { decisionWords } from '../../embedded/src/words.ts'
import { decisionLogPath, pauseFilePath, readLastRecord, readRecordsAfter } from '../../scaler/src/decision-log.ts'
import type { TickRecord } from '../../scaler/src/record.ts'
import { kept } from '../core/kept.ts'
import type { DecisionSeen, Readings, ScalerSettings } from '../core/stage.ts'

const overlay = ['-f', 'compose.yaml', '-f', 'compose.k8s-sim.yaml'] as const
/** Decisions that are kept. */
const maxDecisions = 20
const restartWithinSeconds = 90

export interface ComposeScaler {
  readonly timeScale: number
  read(): Promise<{ scaler: Readings['scaler']; decisions: readonly DecisionSeen[] }>
  pause(paused: boolean): Promise<void>
  /** Null: as it was found. */
  set(settings: ScalerSettings | null): Promise<void>
  /** As it was found, in everything. */
  restore(): Promise<void>
}

/** What the scaler runs with: its file, and its time scale. */
interface Running {
  hpa: string
  scale: string
}

/**
 * The scaler as it runs.
 * @param timeScale one to restart it with; undefined: its own
 */
export async function findScaler(project: string, container: string, timeScale: number | undefined): Promise<ComposeScaler> {
  const found = await environmentOf(container)
  const own: Running = { hpa: (found.SCALER_HPA ?? 'live/scaler/hpa.yaml').replace(/^live\//, ''), scale: found.SCALER_TIME_SCALE ?? '1' }
  const stateFolder = join(root, found.SCALER_STATE ?? 'reports/scaler')
  const ours = `scaler/demo-${project}.yaml`
  const decisions: DecisionSeen[] = []
  let last: TickRecord | undefined

  /** A container of its own for each setting: the folder of its files is mounted for reading, and others may use them. */
  const up = async ({ hpa, scale }: Running) => {
    const env = { ...found, SCALER_HPA: hpa, SCALER_TIME_SCALE: scale }
    const how = ['up', '--detach', '--no-deps', '--no-build', '--wait', services.scaler]
    await docker({ args: ['compose', ...overlay, '-p', project, ...how], env }, restartWithinSeconds)
  }
  const restart = kept(own, (one, other) => one.hpa === other.hpa && one.scale === other.scale, up)
  const restore = async () => {
    await restart(own)
    // Not before: the scaler may still go by it.
    await rm(join(root, ours), { force: true })
  }
  const scale = timeScale === undefined ? own.scale : String(timeScale)
  await restart({ ...own, scale }).catch(async (error: unknown) => {
    await restore()
    throw error
  })

  return {
    timeScale: Number(scale),
    read: async () => {
      const log = decisionLogPath(stateFolder)
      // At the first look only the newest; from then on each: an action keeps the scaler's next look waiting, and then two come at once.
      const news = last === undefined ? [await readLastRecord(log)] : await readRecordsAfter(log, last.time)
      for (const record of news) {
        if (record === undefined) continue
        last = record
        decisions.push(seenOf(record))
      }
      decisions.splice(0, decisions.length - maxDecisions)
      const paused = await access(pauseFilePath(stateFolder)).then(
        () => true,
        () => false,
      )
      return { scaler: last === undefined ? null : { ...limitsOf(last), paused }, decisions: [...decisions] }
    },
    pause: async (paused) => {
      const file = pauseFilePath(stateFolder)
      await mkdir(stateFolder, { recursive: true })
      if (paused) await writeFile(file, `${new Date().toISOString()}\n`)
      else await rm(file, { force: true })
    },
    set: async (settings) => {
      if (settings === null) {
        await restart({ ...own, scale })
        await rm(join(root, ours), { force: true })
        return
      }
      const file = parse(await readFile(join(root, own.hpa), 'utf8')) as { spec: { behavior?: object } }
      const { scaleDownWindowSeconds: stabilizationWindowSeconds, scaleDownPodsPerPeriod: value, scaleDownPeriodSeconds } = settings
      const policies = [{ type: 'Pods', value, periodSeconds: scaleDownPeriodSeconds }]
      file.spec.behavior = { ...file.spec.behavior, scaleDown: { stabilizationWindowSeconds, policies } } as object
      await writeFile(join(root, ours), stringify(file))
      await restart({ hpa: ours, scale })
    },
    restore,
  }
}

/** What Compose fills in from the environment, as the container has it: it is to be made again as it was. */
async function environmentOf(container: string): Promise<Record<string, string>> {
  const lines = JSON.parse(await docker({ args: ['inspect', '--format', '{{json .Config.Env}}', container] }, 20)) as string[]
  const all = Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]))
  const { DOCKER_HOST: _proxy, HOME: _home, PATH: _path, SCALER_PROMETHEUS: _url, SCALER_LISTEN: _port, ...others } = all
  return others
}

function seenOf(record: TickRecord): DecisionSeen {
  const { currentReplicas, desiredReplicas, rescaleReason } = record.decision
  return { time: record.time, current: currentReplicas, desired: desiredReplicas, reason: rescaleReason, text: decisionWords(record) }
}

function limitsOf({ hpa, decision }: TickRecord) {
  const targets = hpa.metrics.flatMap((metric) => {
    if (metric.type !== 'Pods' || metric.target.averageValueMilli === undefined) return []
    return metric.metric.name === 'websocket_connections_active' ? [metric.target.averageValueMilli / 1000] : []
  })
  return { desired: decision.desiredReplicas, min: hpa.minReplicas, max: hpa.maxReplicas, target: targets[0] ?? null }
}
