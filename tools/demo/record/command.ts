/**
 * Implements the `record` command, which plays scenes on a lab, records them as a video, and checks the video. The exit code of `record`
 * indicates whether the recording succeeded.
 */
import { mkdir, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { examples, httpAddress, printJson } from '@lab/host/arguments.ts'
import { exitCodes, stopOnSignals } from '@lab/host/signals.ts'
import { type LocalKind, localKinds } from '@lab/lab/lab.ts'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { type StillName, stillNames } from '../core/events.ts'
import type { Scene } from '../core/scene.ts'
import { seedOption, timeScaleOption, valkeyOption } from '../options.ts'
import { scenes } from '../scenes/index.ts'
import { type FilmedLab, filmedComposeLab, filmedEmbeddedLab } from './filmed-lab.ts'
import { finish } from './finish.ts'
import { record } from './record.ts'
import { missingTools } from './tools.ts'
import { names, verify, wholeFilm } from './verify.ts'

interface Options {
  scene: Scene[]
  out: string
  seed: number
  on: LocalKind
  timeScale?: number
  valkey?: string
  live?: string
  json?: boolean
}

const known = (text: string): Scene[] =>
  text.split(',').map((name) => {
    const scene = scenes.find((one) => one.name === name.trim())
    if (scene === undefined) throw new InvalidArgumentError(`The scenes are ${scenes.map((one) => one.name).join(', ')}.`)
    return scene
  })

/** Adds the `record` command to a program. */
export function register(program: Command): void {
  program
    .command('record')
    .description('film scenes: produces a film of two to three minutes, with captions that contain measured values, and still pictures')
    .addOption(
      new Option('--scene <names>', 'scenes to play, one after the other, separated by commas')
        .argParser(known)
        .default(known('surge,crash'), 'surge,crash'),
    )
    .addOption(new Option('--out <folder>', 'output folder; files of an earlier film are replaced').default('reports/video'))
    .addOption(seedOption())
    .addOption(timeScaleOption())
    .addOption(
      new Option('--on <lab>', 'kind of lab: a new embedded lab, or the running lab on Compose').choices(localKinds).default('embedded'),
    )
    .addOption(
      new Option('--live <url>', "on Compose: film this page instead of Grafana's Scaling dashboard").argParser(
        httpAddress('http://localhost:3000/d/lab-users'),
      ),
    )
    .addOption(valkeyOption())
    .option('--json', 'print the result as JSON on standard output, and progress on standard error')
    .addHelpText('after', examples('./lab record', './lab record --scene surge,crash,drain --out reports/other'))
    .action(async (options: Options) => {
      process.exitCode = await perform(options).catch((error: Error) => {
        console.error(`record: ${error.message}`)
        return exitCodes.notTried
      })
    })
}

async function perform(options: Options): Promise<number> {
  const { scene: chosen, out, seed, json = false } = options
  const missing = await missingTools()
  if (missing.length > 0) throw new Error(missing.join('\n'))
  const folder = resolve(out)
  for (const name of Object.values(names)) await rm(resolve(folder, name), { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const say = (line: string) => (json ? console.error(line) : console.log(line))
  const signal = stopOnSignals((sent, first) =>
    console.error(first ? `${sent}: undoing all changes` : `${sent}: still undoing all changes`),
  )
  const filmed = await labOf(options)
  let recorded: Awaited<ReturnType<typeof record>>
  try {
    recorded = await record({ scenes: chosen, filmed, folder, seed, say, signal })
  } finally {
    await filmed.lab.close()
  }
  if (recorded.failure !== null) {
    console.error(`no film: ${recorded.failure}`)
    return signal.aborted ? exitCodes.interrupted : exitCodes.notTried
  }
  say('making the film')
  const { checksum, faults: own } = await finish(folder, recorded)
  const faults = [...own, ...(await verify(folder, { ...wholeFilm, stills: stillsOf(chosen, recorded.stills), checksum }))]
  for (const fault of faults) console.error(`✗ ${fault}`)
  say(faults.length === 0 ? `✓ ${out}/${names.film}: good` : `✗ ${out}/${names.film}: ${faults.length} faults`)
  if (json) printJson({ film: resolve(folder, names.film), faults })
  return faults.length === 0 ? exitCodes.ok : exitCodes.failed
}

function labOf({ on, seed, timeScale, valkey, live }: Options): Promise<FilmedLab> {
  if (on === 'compose' && valkey !== undefined) throw new Error('--valkey applies to the embedded lab only')
  if (on === 'embedded' && live !== undefined) throw new Error('--live applies to the lab on Compose only')
  return on === 'compose' ? filmedComposeLab({ seed, timeScale, live }) : filmedEmbeddedLab({ timeScale, valkey })
}

/**
 * Returns the stills that the recording must have: all stills if the scenes `surge` and `crash` were played; otherwise, those that were
 * taken.
 */
function stillsOf(chosen: readonly Scene[], taken: ReadonlyMap<StillName, number>): readonly StillName[] {
  const played = chosen.map(({ name }) => name)
  return played.includes('surge') && played.includes('crash') ? stillNames : [...taken.keys()]
}
