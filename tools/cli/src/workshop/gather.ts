/** Collects the facts for a workshop check from Docker, Prometheus, the scaler's decision log and the learner's files. */

import { readFile, stat } from 'node:fs/promises'
import { services } from '@lab/contract/endpoints.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { projectOf as ownProject, reportsFolder } from '@lab/host/project.ts'
import { prometheusAt } from '@lab/host/prometheus.ts'
import { root } from '@lab/host/root.ts'
import { openPlaces } from '@lab/lab/compose/places.ts'
import { type LabContainer, labContainers, scalerState } from '@lab/lab/compose/project.ts'
import { decisionLogPath, readDecisionLog } from '@lab/scaler/decision-log.ts'
import { z } from 'zod'
import type { Facts, LedgerSeen, StormSeen } from './facts.ts'
import { learnerFiles, learnerFolder, lookBackMinutes, type TextFile } from './learner.ts'
import { type Asked, ledgerLength, type Question, questions } from './questions.ts'

/**
 * The effects of the k6 `ledger` scenario appear in Prometheus only after its report is written, because a killed replica must first
 * restart and be discovered.
 */
const reportedWithinMs = 45_000

/** Time limit for a Prometheus query. Prometheus queries over a one-hour range are slow, especially on a busy machine. */
const withinSeconds = 15

const ledgerSchema = z.object({ durationSeconds: z.number().nonnegative() })
const stormClients = z.object({ lost: z.number(), dialsPerSecond: z.array(z.number()) })
const stormSchema = z.object({ lab: z.object({ name: z.string() }), naive: stormClients, jittered: stormClients })

/** Collects all facts for a check. @throws LabError if the lab is not running, or if Docker or Prometheus cannot be queried */
export async function gatherFacts(): Promise<Facts> {
  const nowMs = Date.now()
  const containers = (await labContainers()).filter(({ state }) => state === 'running')
  if (containers.length === 0) throw new LabError('the lab does not run; start it: ./lab up')
  const prometheus = openPlaces(containers).find(({ word }) => word === services.prometheus)
  if (prometheus === undefined) throw new LabError('Prometheus does not run; start the lab: ./lab up')
  const well = containers.filter(({ health }) => health === '' || health === 'healthy')
  const files = await readLearnerFiles()
  const ledger = await readLedger(nowMs)
  const storm = await readStorm(nowMs, projectOf(containers))
  return {
    nowMs,
    services: [...new Set(well.map(({ service }) => service))],
    replicas: well.filter(({ service }) => service === services.ws).map(({ replica }) => replica),
    answers: await ask(prometheus.url, { files, ledger, nowMs }),
    log: await readLog(nowMs),
    files,
    originalHpa: await readFile(`${root}scaler/hpa.yaml`, 'utf8'),
    ...(ledger && { ledger }),
    ...(storm && { storm }),
  }
}

/** Derives the Compose project's name from the name of one of its containers. */
function projectOf([first]: readonly LabContainer[]): string {
  return first?.name.replace(new RegExp(`-${first.service}-\\d+$`), '') ?? ''
}

type Moments = { files: Facts['files']; ledger: LedgerSeen | undefined; nowMs: number }

async function ask(url: string, moments: Moments): Promise<Facts['answers']> {
  const prometheus = prometheusAt(url)
  const asked = Object.entries(questions) as [Question, Asked][]
  const length = `${Math.ceil((moments.ledger?.seconds ?? 0) + reportedWithinMs / 1000)}s`
  try {
    const answers = await Promise.all(
      asked.map(async ([name, { query, upTo }]) => {
        const atSeconds = momentOf(upTo, moments) / 1000
        return [name, await prometheus.number(query.replaceAll(ledgerLength, length), { atSeconds, withinSeconds })] as const
      }),
    )
    return Object.fromEntries(answers.filter(([, number]) => number !== undefined))
  } catch (error) {
    throw new LabError(error instanceof Error ? error.message : String(error))
  }
}

function momentOf(upTo: Asked['upTo'], { files, ledger, nowMs }: Moments): number {
  if (upTo === 'ledger') return Math.min(nowMs, (ledger?.atMs ?? nowMs) + reportedWithinMs)
  return Math.min(nowMs, (upTo && files[upTo]?.modifiedMs) ?? nowMs)
}

/** Returns the scaler's decisions from the hour before `nowMs`. */
export async function readLog(nowMs: number): Promise<Facts['log']> {
  const records = await readDecisionLog(decisionLogPath(scalerState()))
  return records.filter(({ time }) => Date.parse(time) >= nowMs - lookBackMinutes * 60_000)
}

async function readLearnerFiles(): Promise<Facts['files']> {
  const found = await Promise.all(learnerFiles.map(async (file) => [file, await readIfThere(`${root}${learnerFolder}/${file}`)] as const))
  return Object.fromEntries(found.filter(([, file]) => file !== undefined))
}

async function readLedger(nowMs: number): Promise<LedgerSeen | undefined> {
  const path = `reports/k6-${ownProject()}-ledger.json`
  const atMs = await writtenWithin(path, nowMs)
  if (atMs === undefined) return undefined
  return { atMs, seconds: ledgerSchema.parse(JSON.parse(await readFile(`${root}${path}`, 'utf8'))).durationSeconds }
}

async function readStorm(nowMs: number, project: string): Promise<StormSeen | undefined> {
  const path = `${reportsFolder()}/storm.json`
  const atMs = await writtenWithin(path, nowMs)
  if (atMs === undefined) return undefined
  const { lab, naive, jittered } = stormSchema.parse(JSON.parse(await readFile(`${root}${path}`, 'utf8')))
  const seen = ({ lost, dialsPerSecond }: z.infer<typeof stormClients>) => ({ lost, peak: Math.max(0, ...dialsPerSecond) })
  return { atMs, here: lab.name === project, naive: seen(naive), jittered: seen(jittered) }
}

/** Returns the time at which a report was written; undefined if it was not written within the last hour. */
async function writtenWithin(path: string, nowMs: number): Promise<number | undefined> {
  const atMs = await modified(`${root}${path}`)
  return atMs !== undefined && atMs >= nowMs - lookBackMinutes * 60_000 ? atMs : undefined
}

async function readIfThere(path: string): Promise<TextFile | undefined> {
  const modifiedMs = await modified(path)
  return modifiedMs === undefined ? undefined : { text: await readFile(path, 'utf8'), modifiedMs }
}

async function modified(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mtimeMs
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
