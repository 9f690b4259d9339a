/**
 * Runs the `prove` command on a running or a new lab, from start to result. A lab that was already running is always restored to its
 * previous state after the run.
 */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { defaultIngress, ingressVariable } from '@lab/contract/kubernetes.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { reportsFolder } from '@lab/host/project.ts'
import { bootLab } from '@lab/lab/compose/boot.ts'
import { composeLab } from '@lab/lab/compose/lab.ts'
import { embeddedLab } from '@lab/lab/embedded/lab.ts'
import { startOwnLab } from '@lab/lab/embedded/process.ts'
import { checkEntry } from '@lab/lab/entry.ts'
import { type FoundLab, findLab } from '@lab/lab/find.ts'
import { scalerHold } from '@lab/lab/scaler-hold.ts'
import { markdown, type Report } from './core/report.ts'
import { restore } from './faults.ts'
import type { Options } from './options.ts'
import { proveAndReport } from './proof.ts'
import { reportHtml } from './report/html.ts'
import { type Prices, readPrices } from './report/prices.ts'
import { reportSchema } from './report/schema.ts'
import { run } from './run.ts'

/** The minReplicas value in scaler/hpa.yaml, which is the initial number of replicas in a lab with a scaler. */
const leastByScaler = 2
const entryHint = `; set ${ingressVariable} to the address of the Ingress controller, for example ${defaultIngress}, or use --entry`
/** Time scale of the scaler in a lab started for a proof report, chosen so that scaling down takes half a minute. */
const reportTimeScale = 5

export interface Outcome {
  report: Report
  /** Whether every delivery guarantee was fulfilled; for a proof report, whether every objective was also met. */
  proven: boolean
}

export interface ProveHooks {
  /** Command-line arguments as typed, for the proof report. */
  args: readonly string[]
  log: (line: string) => void
  stop: AbortSignal
}

/** Rejects with a one-line error if the run cannot be performed or was interrupted. */
export async function prove(options: Options, hooks: ProveHooks): Promise<Outcome> {
  const prices = options.report ? pricesAt(options.prices) : undefined
  const { lab, end } = options.up ? await startLab(options, hooks.stop) : { lab: await findLabOf(options), end: undefined }
  try {
    return await proveOn(lab, options, prices, hooks)
  } finally {
    await lab.close()
    await end?.()
  }
}

function findLabOf({ on, page, entry }: Options): Promise<FoundLab> {
  return findLab({ on, ...(page !== undefined && { page }), ...(entry !== undefined && { entry }) })
}

function pricesAt(file: string): Prices {
  const read = readPrices(readFileSync(file, 'utf8'), file)
  if (!read.ok) throw new LabError(read.problems.join('\n'))
  return read.prices
}

/** Starts a lab for this run, and returns a function that removes it. */
async function startLab(options: Options, stop: AbortSignal): Promise<{ lab: FoundLab; end: () => Promise<void> }> {
  const { on, report, replicas, reports, valkey } = options
  if (on === 'embedded') {
    const own = await startOwnLab({ timeScale: report ? reportTimeScale : 1, ...(valkey !== undefined && { valkeyUrl: valkey }) })
    try {
      return { lab: await embeddedLab(own.page, own.store.set), end: own.end }
    } catch (error) {
      await own.end()
      throw error
    }
  }
  if (report) {
    mkdirSync(join(reports, 'proof'), { recursive: true })
    process.env.SCALER_STATE ||= `${reportsFolder()}/proof/scaler`
    process.env.SCALER_TIME_SCALE ||= String(reportTimeScale)
  }
  const { name } = await composeLab()
  const end = await bootLab(name, { stop, ...(report ? { replicas: leastByScaler, scaler: true } : { replicas }) })
  try {
    return { lab: await findLabOf(options), end }
  } catch (error) {
    await end()
    throw error
  }
}

/** @param prices the prices for a proof report; undefined if no proof report was requested */
async function proveOn(lab: FoundLab, options: Options, prices: Prices | undefined, { args, log, stop }: ProveHooks): Promise<Outcome> {
  const { holds, seen } = await checkEntry(lab.entry)
  if (!holds) throw new LabError(`no replica answers at ${lab.entry}: ${seen}${lab.kind === 'kubernetes' ? entryHint : ''}`)
  const { store } = lab
  if (store === undefined) throw new LabError(`the replicas of ${lab.name} share no store: start the lab without --valkey none`)
  const hold = scalerHold(lab.scaler)
  const before = await namesOf(lab)
  // For a proof report, the scaler determines the number of replicas; otherwise, it is paused.
  const scaler = prices === undefined || lab.kind === 'kubernetes' ? undefined : lab.scaler
  try {
    if (scaler === undefined) {
      await hold.hold()
      if (before.length !== options.replicas) {
        log(`${before.length} replicas run; from here on ${options.replicas}`)
        await lab.scaleTo(options.replicas)
      }
    }
    if (prices === undefined || lab.kind === 'kubernetes') {
      const report = await run(lab, store, options, { log, stop })
      return conclude({ report, proven: report.verdict.pass }, options)
    }
    const { report, proof } = await proveAndReport(lab, { store, options, prices, scaler, hold, args, log, stop })
    const folder = join(options.reports, 'proof')
    mkdirSync(folder, { recursive: true })
    // The report is parsed to ensure that `compare` can read the written file.
    writeFileSync(join(folder, 'report.json'), `${JSON.stringify(reportSchema.parse(proof), null, 1)}\n`)
    writeFileSync(join(folder, 'report.html'), reportHtml(proof))
    log(`${join(folder, 'report.html')}: ${proof.verdict.pass ? 'PASS' : `FAIL: ${proof.verdict.reasons.join('; ')}`}`)
    return conclude({ report, proven: proof.verdict.pass }, options)
  } finally {
    for (const trouble of await restore(lab)) log(trouble)
    if (scaler === undefined && (await lab.replicas()).length !== before.length)
      await lab.scaleTo(before.length).catch((error: Error) => log(error.message))
    await hold.release().catch((error: Error) => log(error.message))
  }
}

async function namesOf(lab: FoundLab): Promise<string[]> {
  return (await lab.replicas()).map(({ name }) => name)
}

function conclude(outcome: Outcome, { reports }: Options): Outcome {
  mkdirSync(reports, { recursive: true })
  writeFileSync(join(reports, 'prove.json'), `${JSON.stringify(outcome.report, null, 2)}\n`)
  writeFileSync(join(reports, 'prove.md'), markdown(outcome.report))
  return outcome
}
