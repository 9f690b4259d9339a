/**
 * `npm run prove`: breaks the running lab by plan while clients talk in rooms, and judges whether anything was lost, doubled
 * or reordered. Progress on stderr, the verdict on stdout, all of it in reports/prove.{json,md}; the exit code is the verdict.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { markdown } from './core/report.ts'
import { restore } from './faults.ts'
import { bootLab, findLab, type Lab } from './lab.ts'
import { type Options, readOptions, usage } from './options.ts'
import { run } from './run.ts'

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
  const lab = await findLab(process.env, options.entry)
  const down = options.up ? await bootLab(lab.project, options.replicas) : async () => {}
  try {
    return await prove(lab, options)
  } finally {
    await down()
  }
}

async function prove(lab: Lab, options: Options): Promise<number> {
  const before = await lab.replicas()
  if (before.length === 0)
    throw new Error(`no replica of project ${lab.project} runs; start the lab (docker compose up -d --wait), or use --up`)
  if (before.length !== options.replicas) {
    log(`${before.length} replicas run; from here on ${options.replicas}`)
    await lab.scaleTo(options.replicas)
  }
  const numbers = await lab.replicas()
  // Whatever ends this process early, the lab is left whole.
  const interrupted = Promise.withResolvers<never>()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.reject(new Error(`ended by ${signal}`)))
  try {
    const report = await Promise.race([run(lab, options, numbers, { log }), interrupted.promise])
    mkdirSync(options.reports, { recursive: true })
    writeFileSync(join(options.reports, 'prove.json'), `${JSON.stringify(report, null, 2)}\n`)
    const page = markdown(report)
    writeFileSync(join(options.reports, 'prove.md'), page)
    console.log(page)
    return report.verdict.pass ? 0 : 1
  } finally {
    await restore(lab, numbers)
    if (before.length !== options.replicas) await lab.scaleTo(before.length).catch((error: Error) => log(error.message))
  }
}

// Not process.exitCode: a client that does not close must not keep the verdict back.
main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    log((error as Error).message)
    process.exit(2)
  },
)
