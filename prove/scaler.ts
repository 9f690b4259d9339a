/** The scaler of the running lab, if it has one: where its decisions are, and how to have it leave the replicas alone. */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { services } from '../contract/src/endpoints.ts'
import { decisionWords } from '../embedded/src/words.ts'
import { decisionLogPath, defaultStateFolder, pauseFilePath, readDecisionLog, readLastRecord } from '../scaler/src/decision-log.ts'
import { tryDocker } from './docker.ts'
import { type Lab, until } from './lab.ts'
import { decisionsOf } from './report/decisions.ts'
import type { ScaleDecision } from './report/scaling.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
/** Two synchronisations of a slow one, and the reading of metrics. */
const heardWithinMs = 60_000

export interface RunningScaler {
  /** How much faster than a cluster's its clock runs. */
  readonly timeScale: number
  /** What it decided since then. */
  decisions(sinceMs: number): Promise<{ decisions: ScaleDecision[]; synchronisations: number }>
  /** It goes on deciding and changes nothing. Returns when it has heard. */
  pause(): Promise<void>
  resume(): Promise<void>
}

/** The scaler of this lab; undefined where none runs. */
export async function findScaler(lab: Lab): Promise<RunningScaler | undefined> {
  const { exitCode, stdout } = await tryDocker(['inspect', '--format', '{{json .}}', lab.container(services.scaler)])
  if (exitCode !== 0) return undefined
  const { State, Config } = JSON.parse(stdout) as { State: { Running: boolean }; Config: { Env: string[] } }
  if (!State.Running) return undefined
  const setting = (name: string) => Config.Env.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1)
  // The lab's checkout is this one, and its folder reports/ is the one that the scaler writes to.
  const folder = join(root, setting('SCALER_STATE') || defaultStateFolder)
  const log = decisionLogPath(folder)
  return {
    timeScale: Number(setting('SCALER_TIME_SCALE') || 1),
    decisions: async (sinceMs) => {
      const records = (await readDecisionLog(log)).filter(({ time }) => Date.parse(time) >= sinceMs)
      return { decisions: decisionsOf(records, decisionWords), synchronisations: records.length }
    },
    pause: async () => {
      const file = pauseFilePath(folder)
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, `${new Date().toISOString()}\n`)
      await until('the scaler leaves the replicas alone', async () => (await readLastRecord(log))?.paused === true, heardWithinMs, 500)
    },
    resume: () => rm(pauseFilePath(folder), { force: true }),
  }
}
