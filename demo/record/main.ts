/** `npm run demo:record`: plays scenes on a lab, films them, and looks at what came of it. The exit code is the verdict. */
import { mkdir, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { loadEnvFile } from '../../scaler/src/env-file.ts'
import { type StillName, stillNames, surfaces } from '../core/events.ts'
import type { Scene } from '../core/scene.ts'
import { address, embeddedTimeScale, seedOption, timeScaleOption } from '../options.ts'
import { scenes } from '../scenes/index.ts'
import { finish } from './finish.ts'
import { composeLab, embeddedLab, type FilmedLab } from './lab.ts'
import { record } from './record.ts'
import { missingTools } from './tools.ts'
import { names, verify, wholeFilm } from './verify.ts'

interface Options {
  scene: Scene[]
  out: string
  seed: number
  on: (typeof surfaces)[number]
  timeScale?: number
  valkey?: string
  live?: string
}

loadEnvFile()
const exitCodes = { good: 0, faulty: 1, notMade: 2, interrupted: 130 } as const

const known = (text: string): Scene[] =>
  text.split(',').map((name) => {
    const scene = scenes.find((one) => one.name === name.trim())
    if (scene === undefined) throw new InvalidArgumentError(`There are ${scenes.map((one) => one.name).join(', ')}.`)
    return scene
  })

await new Command('npm run demo:record --')
  .description('A film of two to three minutes: scenes on a lab, captions with what was measured, and stills.')
  .addOption(new Option('--scene <names>', 'which ones, one after the other').argParser(known).default(known('surge,crash'), 'surge,crash'))
  .addOption(new Option('--out <folder>', 'where it goes; what is there is replaced').default('reports/video'))
  .addOption(seedOption())
  .addOption(timeScaleOption())
  .addOption(
    new Option('--on <surface>', 'where: an embedded lab of its own, or the Compose lab that runs').choices(surfaces).default('embedded'),
  )
  .addOption(
    new Option('--live <page>', "on Compose: a page to film in place of Grafana's on scaling").argParser(
      address('http://localhost:3000/d/lab-users'),
    ),
  )
  .addOption(new Option('--valkey <url>', 'share rooms and sessions; without it valkey-server is started where it is installed'))
  .addHelpText('after', '\nExamples:\n  npm run demo:record\n  npm run demo:record -- --scene surge,crash,drain --out reports/video\n')
  .action(async (options: Options) => {
    process.exitCode = await perform(options).catch((error: Error) => {
      console.error(`demo:record: ${error.message}`)
      return exitCodes.notMade
    })
  })
  .parseAsync()

async function perform(options: Options): Promise<number> {
  const { scene: chosen, out, seed } = options
  const missing = await missingTools()
  if (missing.length > 0) throw new Error(missing.join('\n'))
  const folder = resolve(out)
  for (const name of Object.values(names)) await rm(resolve(folder, name), { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const say = (line: string) => console.log(line)
  const signal = stopOnSignals()
  const lab = await labOf(options)
  let recorded: Awaited<ReturnType<typeof record>>
  try {
    recorded = await record({ scenes: chosen, lab, folder, seed, say, signal })
  } finally {
    await lab.stage.close()
  }
  if (recorded.failure !== null) {
    console.error(`no film: ${recorded.failure}`)
    return signal.aborted ? exitCodes.interrupted : exitCodes.notMade
  }
  say('making the film')
  const { checksum, faults: own } = await finish(folder, recorded)
  const faults = [...own, ...(await verify(folder, { ...wholeFilm, stills: stillsOf(chosen, recorded.stills), checksum }))]
  for (const fault of faults) console.error(`✗ ${fault}`)
  say(faults.length === 0 ? `✓ ${out}/${names.film}: good` : `✗ ${out}/${names.film}: ${faults.length} faults`)
  return faults.length === 0 ? exitCodes.good : exitCodes.faulty
}

function labOf({ on, seed, timeScale, valkey, live }: Options): Promise<FilmedLab> {
  if (on === 'compose' && valkey !== undefined) throw new Error('--valkey is for the embedded lab')
  if (on === 'embedded' && live !== undefined) throw new Error('--live is for the Compose lab')
  return on === 'compose' ? composeLab(seed, timeScale, live) : embeddedLab(timeScale ?? embeddedTimeScale, valkey)
}

/** Those two have all of them; other scenes have what they have. */
function stillsOf(chosen: readonly Scene[], taken: ReadonlyMap<StillName, number>): readonly StillName[] {
  const played = chosen.map(({ name }) => name)
  return played.includes('surge') && played.includes('crash') ? stillNames : [...taken.keys()]
}

function stopOnSignals(): AbortSignal {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort())
  return stop.signal
}
