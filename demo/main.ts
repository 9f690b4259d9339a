/** `npm run demo`: plays a scene on the lab. The exit code is its verdict: 0 passed, 1 failed, 2 not played, 130 interrupted. */
import { Command, Option } from 'commander'
import { loadEnvFile } from '../scaler/src/env-file.ts'
import { surfaces } from './core/events.ts'
import type { Scene } from './core/scene.ts'
import type { Stage } from './core/stage.ts'
import { address, embeddedTimeScale, seedOption, timeScaleOption } from './options.ts'
import { runScene } from './run.ts'
import { scenes } from './scenes/index.ts'
import { composeStage } from './stages/compose.ts'
import { embeddedStage } from './stages/embedded.ts'

interface Options {
  on?: (typeof surfaces)[number]
  lab?: string
  valkey?: string
  seed: number
  timeScale?: number
  events?: string
  short?: boolean
  list?: boolean
  json?: boolean
}

loadEnvFile()
const exitCodes = { passed: 0, failed: 1, notPlayed: 2, interrupted: 130 } as const
const program = new Command('npm run demo --')
  .description('A scene on the lab: it tells what there is to see, waits for it, and takes everything back.')
  .argument('[scene]', 'which one; without it they are listed')
  .addOption(
    new Option('--on <surface>', 'where: a Compose lab that runs when there is one, else an embedded lab of its own').choices(surfaces),
  )
  .addOption(new Option('--lab <page>', 'an embedded lab that runs, by its live page').argParser(address('http://localhost:3000')))
  .addOption(
    new Option('--valkey <url>', 'for the embedded lab; without it valkey-server is started where it is installed').argParser(
      address('valkey://127.0.0.1:6379'),
    ),
  )
  .addOption(seedOption())
  .addOption(timeScaleOption())
  .addOption(new Option('--events <file>', 'where the events go (default: reports/demo/SCENE.jsonl)'))
  .addOption(new Option('--short', 'look on for moments only, where there would be time to look around'))
  .addOption(new Option('--list', 'what scenes there are'))
  .addOption(new Option('--json', 'the list as JSON'))
  .addHelpText('after', '\nExamples:\n  npm run demo -- surge\n  npm run demo -- crash --on compose\n  npm run demo -- --list --json\n')
  .action(async (name: string | undefined, options: Options) => {
    process.exitCode = await perform(name, options).catch((error: Error) => {
      console.error(`demo: ${error.message}`)
      return exitCodes.notPlayed
    })
  })

await program.parseAsync()

async function perform(name: string | undefined, options: Options): Promise<number> {
  if (name === undefined || options.list) {
    console.log(listText(options.json === true))
    return 0
  }
  const scene = scenes.find((one) => one.name === name)
  if (scene === undefined) throw new Error(`there is no scene ${name}; there are ${scenes.map((one) => one.name).join(', ')}`)
  const signal = stopOnSignals()
  const stage = await findStage(options)
  try {
    const eventsFile = options.events ?? `reports/demo/${name}.jsonl`
    const transcriptFile = `reports/demo/${name}.txt`
    const say = (line: string) => console.log(line)
    const { verdict } = await runScene(scene, stage, {
      seed: options.seed,
      short: options.short === true,
      eventsFile,
      transcriptFile,
      say,
      signal,
    })
    console.error(`events: ${eventsFile}; transcript: ${transcriptFile}`)
    return exitCodes[verdict]
  } finally {
    await stage.close()
  }
}

/** Where it was asked for; else the Compose lab of this folder if it runs, else an embedded one. */
async function findStage({ on, lab, valkey, timeScale, seed }: Options): Promise<Stage> {
  if (on === 'compose' && (lab ?? valkey) !== undefined) throw new Error('--lab and --valkey are for the embedded lab')
  if (on !== 'embedded' && lab === undefined && valkey === undefined) {
    const stage = await composeStage({ seed, ...(timeScale !== undefined && { timeScale }) })
    if (stage !== undefined) return stage
    if (on === 'compose') throw new Error('no lab runs here; start it: npm run k8s-sim')
  }
  if (lab !== undefined && timeScale !== undefined) throw new Error('--time-scale: a lab that runs has its own')
  return embeddedStage({ timeScale: timeScale ?? embeddedTimeScale, ...(lab && { lab }), ...(valkey && { valkeyUrl: valkey }) })
}

function listText(asJson: boolean): string {
  const rows = scenes.map(({ name, title, surfaces, needs }: Scene) => ({ name, title, surfaces, needs }))
  if (asJson) return JSON.stringify(rows, null, 2)
  const width = Math.max(...rows.map(({ name }) => name.length))
  return rows.map(({ name, title }) => `${name.padEnd(width)}  ${title}`).join('\n')
}

/**
 * The first signal ends the scene; further ones do not stop its being undone. A command of Docker's that is under way then hears
 * a Ctrl-C of its own, for it has the same terminal: what that kept from being undone is said in the verdict.
 */
function stopOnSignals(): AbortSignal {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      console.error(stop.signal.aborted ? `${signal}: still undoing it` : `${signal}: it is undone now`)
      stop.abort()
    })
  }
  return stop.signal
}
