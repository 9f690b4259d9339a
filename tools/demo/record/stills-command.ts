/** Implements the `stills` command, which takes the pictures of the README and the documentation. */
import { mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import { examples, printJson } from '@lab/host/arguments.ts'
import { exitCodes, stopOnSignals } from '@lab/host/signals.ts'
import type { LocalKind } from '@lab/lab/lab.ts'
import { type Command, Option } from 'commander'
import { seedOption, timeScaleOption } from '../options.ts'
import { filmedLab } from './filmed-lab.ts'
import { onOption, storyboardOption } from './options.ts'
import { openStoryboard } from './read-storyboard.ts'
import { takeStills } from './stills.ts'
import { missingTools } from './tools.ts'

interface Options {
  storyboard: string
  out: string
  seed: number
  on: LocalKind
  timeScale?: number
  json?: boolean
}

/** Adds the `stills` command to a program. */
export function register(program: Command): void {
  program
    .command('stills')
    .description('take pictures of the lab for the README and the documentation, with every Grafana dashboard if Grafana runs')
    .addOption(storyboardOption('stills.yaml'))
    .addOption(new Option('--out <folder>', 'output folder; stills with the same name are replaced').default('reports/images'))
    .addOption(seedOption())
    .addOption(timeScaleOption())
    .addOption(onOption())
    .option('--json', 'print the result as JSON on standard output, and progress on standard error')
    .addHelpText('after', examples('./lab stills', './lab stills --on compose --out docs/images'))
    .action(async (options: Options) => {
      process.exitCode = await perform(options).catch((error: Error) => {
        for (const line of error.message.split('\n')) console.error(`stills: ${line}`)
        return exitCodes.notTried
      })
    })
}

async function perform({ storyboard, out, json = false, ...options }: Options): Promise<number> {
  const story = openStoryboard(resolve(storyboard))
  const missing = await missingTools()
  if (missing.length > 0) throw new Error(missing.join('\n'))
  const say = (line: string) => (json ? console.error(line) : console.log(line))
  const signal = stopOnSignals((sent, first) =>
    console.error(first ? `${sent}: undoing all changes` : `${sent}: still undoing all changes`),
  )
  const folder = resolve(out)
  await mkdir(folder, { recursive: true })
  const filmed = await filmedLab(options)
  try {
    const { taken, skipped, failure } = await takeStills({ story, filmed, folder, seed: options.seed, say, signal })
    say(`${failure === null ? '✓' : '✗'} ${taken.length} stills in ${out}`)
    if (skipped.length > 0) say(`skipped, because this lab does not have the page: ${skipped.join(', ')}`)
    if (failure !== null) console.error(`stills: ${failure}`)
    if (json) printJson({ taken, skipped, failure })
    if (signal.aborted) return exitCodes.interrupted
    return failure === null ? exitCodes.ok : exitCodes.failed
  } finally {
    await filmed.lab.close()
  }
}
