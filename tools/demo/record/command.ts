/**
 * Implements the `record` command, which plays a storyboard on a lab, records it as a film, and checks the film. The exit code of `record`
 * indicates whether the recording succeeded.
 */
import { mkdir, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { examples, printJson } from '@lab/host/arguments.ts'
import { exitCodes, stopOnSignals } from '@lab/host/signals.ts'
import type { LocalKind } from '@lab/lab/lab.ts'
import { type Command, Option } from 'commander'
import { seedOption, timeScaleOption, valkeyOption } from '../options.ts'
import { filmedLab } from './filmed-lab.ts'
import { finish } from './finish.ts'
import { onOption, storyboardOption } from './options.ts'
import { openStoryboard } from './read-storyboard.ts'
import { record } from './record.ts'
import { missingTools, missingVoice } from './tools.ts'
import { names, verify, wholeFilm } from './verify.ts'

interface Options {
  storyboard: string
  out: string
  seed: number
  on: LocalKind
  timeScale?: number
  valkey?: string
  voice?: boolean
  check?: boolean
  json?: boolean
}

/** Adds the `record` command to a program. */
export function register(program: Command): void {
  program
    .command('record')
    .description('play a storyboard and film it: a film of two to three minutes, with captions that contain measured values, and stills')
    .addOption(storyboardOption('lab.yaml'))
    .addOption(new Option('--out <folder>', 'output folder; files of an earlier film are replaced').default('reports/video'))
    .addOption(seedOption())
    .addOption(timeScaleOption())
    .addOption(onOption())
    .addOption(valkeyOption())
    .option('--voice', 'add a narration, which espeak-ng speaks')
    .option('--check', 'only check the storyboard')
    .option('--json', 'print the result as JSON on standard output, and progress on standard error')
    .addHelpText('after', examples('./lab record', './lab record --storyboard my.yaml --check', './lab record --on compose --voice'))
    .action(async (options: Options) => {
      process.exitCode = await perform(options).catch((error: Error) => {
        for (const line of error.message.split('\n')) console.error(`record: ${line}`)
        return exitCodes.notTried
      })
    })
}

async function perform({ storyboard, out, check = false, voice = false, json = false, ...options }: Options): Promise<number> {
  const story = openStoryboard(resolve(storyboard))
  const say = (line: string) => (json ? console.error(line) : console.log(line))
  if (check) {
    say(`✓ ${story.storyboard.chapters.length} chapters: ${story.storyboard.chapters.map(({ title }) => title).join(', ')}`)
    return exitCodes.ok
  }
  const missing = [...(await missingTools()), ...(voice ? await missingVoice() : [])]
  if (missing.length > 0) throw new Error(missing.join('\n'))
  const folder = resolve(out)
  for (const name of Object.values(names)) await rm(resolve(folder, name), { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const signal = stopOnSignals((sent, first) =>
    console.error(first ? `${sent}: undoing all changes` : `${sent}: still undoing all changes`),
  )
  const filmed = await filmedLab(options)
  let recorded: Awaited<ReturnType<typeof record>>
  try {
    recorded = await record({ story, filmed, folder, seed: options.seed, say, signal })
  } finally {
    await filmed.lab.close()
  }
  if (recorded.failure !== null) {
    console.error(`no film: ${recorded.failure}`)
    return signal.aborted ? exitCodes.interrupted : exitCodes.notTried
  }
  say(`making the film from ${recorded.pictures.length} pictures`)
  const own = await finish(folder, recorded, voice)
  const wanted = { ...wholeFilm, stills: [...recorded.stills.keys()], checksum: story.checksum, voice }
  const faults = [...own, ...(await verify(folder, wanted))]
  for (const fault of faults) console.error(`✗ ${fault}`)
  say(faults.length === 0 ? `✓ ${out}/${names.film}: good` : `✗ ${out}/${names.film}: ${faults.length} faults`)
  if (json) printJson({ film: resolve(folder, names.film), faults })
  return faults.length === 0 ? exitCodes.ok : exitCodes.failed
}
