/**
 * `npm run prove`: breaks the running lab by plan while clients talk in rooms, and judges whether anything was lost, doubled
 * or reordered. Progress on stderr, the verdict on stdout, all of it in reports/prove.{json,md}; the exit code is the verdict.
 * With --report the lab is scaled up and down before, and reports/proof/report.{html,json} tell of all of it.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadEnvFile } from '../scaler/src/env-file.ts'
import { markdown, type Report } from './core/report.ts'
import { restore } from './faults.ts'
import { bootLab, findLab, type Lab } from './lab.ts'
import { type Options, readOptions, usage } from './options.ts'
import { proveAndReport } from './proof.ts'
import { reportHtml } from './report/html.ts'
import { type Prices, readPrices } from './report/prices.ts'
import { reportSchema } from './report/schema.ts'
import { run } from './run.ts'
import { findScaler, type RunningScaler } from './scaler.ts'

const log = (line: string) => console.error(`${new Date().toISOString().slice(11, 19)} ${line}`)

async function main(): Promise<number> {
  if (process.argv.includes('--help')) {
    console.log(usage)
    return 0
  }
  const read = readOptions(process.argv.slice(2), Date.now() % 2 ** 32)
  if (!read.ok) {
    console.error([...read.problems, usage].join('\n'))
    return 2
  }
  const { options } = read
  loadEnvFile()
  const prices = options.report ? pricesAt(options.prices) : undefined
  if (options.report && options.up) prepareScaler(options)
  const lab = await findLab(process.env, options.entry)
  const stop = stopOnSignals()
  const boot = { stop, ...(options.report ? { replicas: leastByScaler, scaler: true } : { replicas: options.replicas }) }
  const down = options.up ? await bootLab(lab.project, boot) : async () => {}
  try {
    return await prove(lab, options, prices, stop)
  } finally {
    await down()
  }
}

/** Aborted when a signal asks for the end. Whatever ends this process early, the lab is left whole. */
function stopOnSignals(): AbortSignal {
  const stop = new AbortController()
  // Not `once`: with no listener left the next signal, or a library that sees itself alone, would end the process before that.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      log(`${signal}: first what is under way is put back`)
      stop.abort(new Error(`ended by ${signal}`))
    })
  }
  return stop.signal
}

/** minReplicas of scaler/hpa.yaml: where a lab with the scaler begins. */
const leastByScaler = 2

/** A lab that is booted for the report has decisions of its own, and a clock that lets scaling down take half a minute. */
function prepareScaler({ reports }: Options): void {
  mkdirSync(join(reports, 'proof'), { recursive: true })
  process.env.SCALER_STATE ||= 'reports/proof/scaler'
  process.env.SCALER_TIME_SCALE ||= '5'
}

function pricesAt(file: string): Prices {
  const read = readPrices(readFileSync(file, 'utf8'), file)
  if (!read.ok) throw new Error(read.problems.join('\n'))
  return read.prices
}

/** @param prices for a proof report; without them there is none */
async function prove(lab: Lab, options: Options, prices: Prices | undefined, stop: AbortSignal): Promise<number> {
  const before = await lab.replicas()
  if (before.length === 0)
    throw new Error(`no replica of project ${lab.project} runs; start the lab (docker compose up -d --wait), or use --up`)
  // A scaler that runs is not told how many there should be.
  const scaler = prices && (await findScaler(lab))
  const wanted = scaler === undefined ? options.replicas : before.length
  let numbers = before
  try {
    if (before.length !== wanted) {
      log(`${before.length} replicas run; from here on ${wanted}`)
      await lab.scaleTo(wanted)
      numbers = await lab.replicas()
    }
    const running =
      prices === undefined ? run(lab, options, numbers, { log, stop }) : report(lab, numbers, options, { prices, scaler, stop })
    // To its end, also when it is stopped: nothing must be broken while what was broken is put back.
    return conclude(await running, options)
  } finally {
    // The scaler may have put others in their place meanwhile.
    for (const trouble of await restore(lab, [...new Set([...numbers, ...(await lab.replicas())])])) log(trouble)
    await scaler?.resume()
    const changed = before.length !== wanted || prices !== undefined
    if (scaler === undefined && changed && (await lab.replicas()).length !== before.length)
      await lab.scaleTo(before.length).catch((error: Error) => log(error.message))
  }
}

function conclude(report: Report & { proven?: boolean }, { reports }: Options): number {
  const { proven = report.verdict.pass, ...rest } = report
  mkdirSync(reports, { recursive: true })
  writeFileSync(join(reports, 'prove.json'), `${JSON.stringify(rest, null, 2)}\n`)
  const page = markdown(rest)
  writeFileSync(join(reports, 'prove.md'), page)
  console.log(page)
  return proven ? 0 : 1
}

/** The run, and its report as a page and as data. */
async function report(
  lab: Lab,
  numbers: readonly number[],
  options: Options,
  means: { prices: Prices; scaler: RunningScaler | undefined; stop: AbortSignal },
): Promise<Report & { proven: boolean }> {
  const { report, proof } = await proveAndReport(lab, numbers, { ...means, options, args: process.argv.slice(2), log })
  const folder = join(options.reports, 'proof')
  mkdirSync(folder, { recursive: true })
  // What `npm run compare` could not read is not written.
  writeFileSync(join(folder, 'report.json'), `${JSON.stringify(reportSchema.parse(proof), null, 1)}\n`)
  writeFileSync(join(folder, 'report.html'), reportHtml(proof))
  log(`${join(folder, 'report.html')}: ${proof.verdict.pass ? 'PASS' : `FAIL: ${proof.verdict.reasons.join('; ')}`}`)
  return { ...report, proven: proof.verdict.pass }
}

// Not process.exitCode: a client that does not close must not keep the verdict back.
main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    log((error as Error).message)
    process.exit(2)
  },
)
