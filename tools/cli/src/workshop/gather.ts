/** Collects the facts for a workshop check from the running lab, the scaler's decision log and the learner's files. */

import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { services } from '@lab/contract/endpoints.ts'
import { parseExposition, type Sample } from '@lab/embedded/exposition.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { embeddedReports, projectOf as ownProject, reportsFolder } from '@lab/host/project.ts'
import type { Prometheus } from '@lab/host/prometheus.ts'
import { root } from '@lab/host/root.ts'
import type { ComposeLab } from '@lab/lab/compose/lab.ts'
import { labContainers, scalerState } from '@lab/lab/compose/project.ts'
import type { EmbeddedLab } from '@lab/lab/embedded/lab.ts'
import { type FoundLab, findLocalLab } from '@lab/lab/find.ts'
import type { LocalKind } from '@lab/lab/lab.ts'
import { decisionLogPath, ofService, readDecisionLog } from '@lab/scaler/decision-log.ts'
import { z } from 'zod'
import { embeddedAnswers } from './embedded-answers.ts'
import { type Facts, type LedgerSeen, noFacts, type StormSeen } from './facts.ts'
import { learnerFiles, learnerFolder, lookBackMinutes, type TextFile } from './learner.ts'
import { type Asked, ledgerLength, type Question, questions } from './questions.ts'

/**
 * The effects of the k6 `ledger` scenario appear in Prometheus only after its report is written, because a killed replica must first
 * restart and be discovered.
 */
const reportedWithinMs = 45_000

/** Time limit for a Prometheus query. Prometheus queries over a one-hour range are slow, especially on a busy machine. */
const withinSeconds = 15
/** Time limit for reading the metrics of a replica of the embedded lab. Milliseconds. */
const scrapeWithinMs = 2_000

const ledgerSchema = z.object({ durationSeconds: z.number().nonnegative() })
const stormClients = z.object({ lost: z.number(), dialsPerSecond: z.array(z.number()) })
const stormSchema = z.object({ lab: z.object({ name: z.string() }), naive: stormClients, jittered: stormClients })

/** Values of the options that select the lab whose steps are checked. */
export interface WhichLocalLab {
  on?: LocalKind
  page?: string
}

/** The facts that are read in a different way on each kind of lab. */
type Evidence = Pick<Facts, 'needed' | 'services' | 'answers'>

/** Collects all facts for a check. @throws LabError if the lab is not running, or if it cannot be read */
export async function gatherFacts(which: WhichLocalLab): Promise<Facts> {
  const lab = await findLocalLab(which)
  try {
    const nowMs = Date.now()
    const originalHpa = await readFile(`${root}scaler/hpa.yaml`, 'utf8')
    const files = await readLearnerFiles()
    const ledger = lab.kind === 'compose' ? await readLedger(nowMs) : undefined
    const storm = await readStorm(nowMs, lab)
    const log = await readLog(stateFolderOf(lab), nowMs)
    const evidence =
      lab.kind === 'compose' ? await readCompose(lab, { files, ledger, nowMs }) : await readEmbedded(lab, { files, log, nowMs })
    const replicas = (await lab.replicas()).filter(({ healthy }) => healthy).map(({ name }) => name)
    return {
      ...noFacts(nowMs, originalHpa),
      kind: lab.kind,
      replicas,
      log,
      files,
      ...evidence,
      ...(ledger && { ledger }),
      ...(storm && { storm }),
    }
  } finally {
    await lab.close()
  }
}

/** Returns the lab's scaler decisions of the last hour. @throws LabError if the lab is not running */
export async function readLogOf(which: WhichLocalLab): Promise<Facts['log']> {
  const lab = await findLocalLab(which)
  try {
    return await readLog(stateFolderOf(lab), Date.now())
  } finally {
    await lab.close()
  }
}

/** Returns the folder of the decision log. On Compose, the decisions of a scaler that has been stopped count as well. */
function stateFolderOf(lab: FoundLab<LocalKind>): string {
  return resolve(root, lab.kind === 'embedded' ? (lab.scaler?.stateFolder ?? '') : scalerState())
}

async function readCompose({ prometheus }: ComposeLab, moments: Moments): Promise<Evidence> {
  const well = (await labContainers()).filter(({ state, health }) => state === 'running' && (health === '' || health === 'healthy'))
  const { needed } = noFacts(moments.nowMs, '')
  return { needed, services: [...new Set(well.map(({ service }) => service))], answers: await ask(prometheus, moments) }
}

type EmbeddedMoments = Pick<Facts, 'files' | 'log' | 'nowMs'>

async function readEmbedded(lab: EmbeddedLab, { files, log, nowMs }: EmbeddedMoments): Promise<Evidence> {
  const { replicas, shared, storeUp } = await lab.state()
  const scrapes = await Promise.all(replicas.flatMap(({ metricsUrl }) => (metricsUrl === null ? [] : [scrape(metricsUrl)])))
  return {
    needed: shared ? [services.valkey] : [],
    services: [services.scaler, ...(storeUp ? [services.valkey] : [])],
    answers: embeddedAnswers(scrapes, log, momentOf('peak.txt', { files, ledger: undefined, nowMs })),
  }
}

/** Reads a replica's metrics. The result is empty if the replica does not answer, for example because it has just exited. */
async function scrape(url: string): Promise<Sample[]> {
  try {
    return parseExposition(await (await fetch(url, { signal: AbortSignal.timeout(scrapeWithinMs) })).text())
  } catch {
    return []
  }
}

type Moments = { files: Facts['files']; ledger: LedgerSeen | undefined; nowMs: number }

async function ask(prometheus: Prometheus, moments: Moments): Promise<Facts['answers']> {
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
async function readLog(stateFolder: string, nowMs: number): Promise<Facts['log']> {
  const records = await readDecisionLog(decisionLogPath(stateFolder))
  return records.filter(ofService(services.ws)).filter(({ time }) => Date.parse(time) >= nowMs - lookBackMinutes * 60_000)
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

async function readStorm(nowMs: number, { kind, name }: FoundLab<LocalKind>): Promise<StormSeen | undefined> {
  const path = `${kind === 'embedded' ? embeddedReports : reportsFolder()}/storm.json`
  const atMs = await writtenWithin(path, nowMs)
  if (atMs === undefined) return undefined
  const { lab, naive, jittered } = stormSchema.parse(JSON.parse(await readFile(`${root}${path}`, 'utf8')))
  const seen = ({ lost, dialsPerSecond }: z.infer<typeof stormClients>) => ({ lost, peak: Math.max(0, ...dialsPerSecond) })
  return { atMs, here: lab.name === name, naive: seen(naive), jittered: seen(jittered) }
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
