/** Gathers what a check goes by: from Docker, Prometheus, the scaler's decision log and the learner's files. */
import { readFile, stat } from 'node:fs/promises'
import { services } from '@lab/contract/endpoints.ts'
import { z } from 'zod'
import { decisionLogPath, readDecisionLog } from '../../../scaler/src/decision-log.ts'
import { root } from '../docker.ts'
import { LabError } from '../lab-error.ts'
import { openPlaces } from '../places.ts'
import { type LabContainer, labContainers, scalerState } from '../project.ts'
import { askNumber } from '../prometheus.ts'
import { type Facts, type LedgerSeen, learnerFiles, learnerFolder, lookBackMinutes, type StormSeen, type TextFile } from './facts.ts'
import { type Asked, ledgerLength, type Question, questions } from './questions.ts'

/** What ends with a run is on record a little later than its report: a killed replica has to start again, and to be found. */
const reportedWithinMs = 45_000

const ledgerSchema = z.object({ durationSeconds: z.number().nonnegative() })
const stormClients = z.object({ lost: z.number(), dialsPerSecond: z.array(z.number()) })
const stormSchema = z.object({ naive: stormClients, jittered: stormClients })

/** @throws LabError where nothing runs, or Docker or Prometheus can't be asked */
export async function gatherFacts(): Promise<Facts> {
  const nowMs = Date.now()
  const containers = (await labContainers()).filter(({ state }) => state === 'running')
  if (containers.length === 0) throw new LabError('nothing runs; start it: npx lab up')
  const prometheus = openPlaces(containers).find(({ word }) => word === services.prometheus)
  if (prometheus === undefined) throw new LabError('Prometheus does not run; start it: npx lab up')
  const well = containers.filter(({ health }) => health === '' || health === 'healthy')
  const files = await readLearnerFiles()
  const ledger = await readLedger(nowMs)
  const storm = await readStorm(nowMs)
  return {
    nowMs,
    services: [...new Set(well.map(({ service }) => service))],
    replicas: well.filter(({ service }) => service === services.ws).map(replicaOf),
    answers: await ask(prometheus.url, { files, ledger, nowMs }),
    log: await readLog(nowMs),
    files,
    originalHpa: await readFile(`${root}scaler/hpa.yaml`, 'utf8'),
    ...(ledger && { ledger }),
    ...(storm && { storm }),
  }
}

function replicaOf({ name, service }: LabContainer): string {
  return `${service}-${name.split('-').at(-1)}`
}

type Moments = { files: Facts['files']; ledger: LedgerSeen | undefined; nowMs: number }

async function ask(url: string, moments: Moments): Promise<Facts['answers']> {
  const asked = Object.entries(questions) as [Question, Asked][]
  const length = `${Math.ceil((moments.ledger?.seconds ?? 0) + reportedWithinMs / 1000)}s`
  try {
    const answers = await Promise.all(
      asked.map(async ([name, { query, upTo }]) => {
        const at = momentOf(upTo, moments) / 1000
        return [name, await askNumber(url, query.replaceAll(ledgerLength, length), at)] as const
      }),
    )
    return Object.fromEntries(answers.filter(([, number]) => number !== undefined))
  } catch (error) {
    throw new LabError(`Prometheus at ${url}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function momentOf(upTo: Asked['upTo'], { files, ledger, nowMs }: Moments): number {
  if (upTo === 'ledger') return Math.min(nowMs, (ledger?.atMs ?? nowMs) + reportedWithinMs)
  return Math.min(nowMs, (upTo && files[upTo]?.modifiedMs) ?? nowMs)
}

/** The scaler's decisions of the hour before. */
export async function readLog(nowMs: number): Promise<Facts['log']> {
  const records = await readDecisionLog(decisionLogPath(scalerState()))
  return records.filter(({ time }) => Date.parse(time) >= nowMs - lookBackMinutes * 60_000)
}

async function readLearnerFiles(): Promise<Facts['files']> {
  const found = await Promise.all(learnerFiles.map(async (file) => [file, await readIfThere(`${root}${learnerFolder}/${file}`)] as const))
  return Object.fromEntries(found.filter(([, file]) => file !== undefined))
}

async function readLedger(nowMs: number): Promise<LedgerSeen | undefined> {
  const path = 'reports/k6-ledger.json'
  const atMs = await writtenWithin(path, nowMs)
  if (atMs === undefined) return undefined
  return { atMs, seconds: ledgerSchema.parse(JSON.parse(await readFile(`${root}${path}`, 'utf8'))).durationSeconds }
}

async function readStorm(nowMs: number): Promise<StormSeen | undefined> {
  const atMs = await writtenWithin('reports/storm.json', nowMs)
  if (atMs === undefined) return undefined
  const { naive, jittered } = stormSchema.parse(JSON.parse(await readFile(`${root}reports/storm.json`, 'utf8')))
  const seen = ({ lost, dialsPerSecond }: z.infer<typeof stormClients>) => ({ lost, peak: Math.max(0, ...dialsPerSecond) })
  return { atMs, naive: seen(naive), jittered: seen(jittered) }
}

/** When a report was written, if that was within the hour. */
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
