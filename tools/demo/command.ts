/** Implements the `demo` command, which plays a scene on a lab. The exit code of `demo` indicates whether the scene succeeded. */
import { examples, httpAddress, printJson } from '@lab/host/arguments.ts'
import { exitCodes, stopOnSignals } from '@lab/host/signals.ts'
import { type LocalKind, localKinds } from '@lab/lab/lab.ts'
import { type Command, Option } from 'commander'
import type { SceneResult } from './core/events.ts'
import { labForScenes } from './find-lab.ts'
import { seedOption, timeScaleOption, valkeyOption } from './options.ts'
import { runScene } from './run.ts'
import { scenes } from './scenes/index.ts'

interface Options {
  on?: LocalKind
  page?: string
  valkey?: string
  seed: number
  timeScale?: number
  events?: string
  short?: boolean
  list?: boolean
  json?: boolean
}

const codeOf: Record<SceneResult, number> = { passed: exitCodes.ok, failed: exitCodes.failed, interrupted: exitCodes.interrupted }

/** Adds the `demo` command to a program. */
export function register(program: Command): void {
  program
    .command('demo')
    .description('play a scene on the lab: change something, wait for the effect, print the measured values, and undo all changes')
    .argument('[scene]', 'name of the scene; if omitted, all scenes are listed')
    .addOption(
      new Option('--on <lab>', 'kind of lab (default: the running lab on Compose, or else a new embedded lab)').choices(localKinds),
    )
    .addOption(
      new Option('--page <url>', 'use the running embedded lab with this live page').argParser(httpAddress('http://localhost:3000')),
    )
    .addOption(valkeyOption())
    .addOption(seedOption())
    .addOption(timeScaleOption())
    .option('--events <file>', 'write the events to this file (default: reports/demo/SCENE.jsonl)')
    .option('--short', 'shorten every observation')
    .option('--list', 'list the scenes')
    .option('--json', 'print the list or the result as JSON on standard output, and the transcript on standard error')
    .addHelpText('after', examples('./lab demo surge', './lab demo crash --on compose', './lab demo --list --json'))
    .action(async (name: string | undefined, options: Options) => {
      process.exitCode = await perform(name, options).catch((error: Error) => {
        console.error(`demo: ${error.message}`)
        return exitCodes.notTried
      })
    })
}

async function perform(name: string | undefined, options: Options): Promise<number> {
  const { json = false, seed, short = false } = options
  if (name === undefined || options.list) {
    list(json)
    return exitCodes.ok
  }
  const scene = scenes.find((one) => one.name === name)
  if (scene === undefined) throw new Error(`there is no scene ${name}; the scenes are ${scenes.map((one) => one.name).join(', ')}`)
  const signal = stopOnSignals((sent, first) =>
    console.error(first ? `${sent}: undoing all changes` : `${sent}: still undoing all changes`),
  )
  const eventsFile = options.events ?? `reports/demo/${name}.jsonl`
  const transcriptFile = `reports/demo/${name}.txt`
  const say = (line: string) => (json ? console.error(line) : console.log(line))
  const lab = await labForScenes(options)
  try {
    const { verdict, text } = await runScene(scene, lab, { seed, short, eventsFile, transcriptFile, say, signal })
    if (json) printJson({ scene: name, on: lab.kind, seed, verdict, text, events: eventsFile, transcript: transcriptFile })
    else console.error(`events: ${eventsFile}; transcript: ${transcriptFile}`)
    return codeOf[verdict]
  } finally {
    await lab.close()
  }
}

function list(json: boolean): void {
  if (json) {
    printJson(scenes.map(({ name, title, needs }) => ({ name, title, needs })))
    return
  }
  const width = Math.max(...scenes.map(({ name }) => name.length))
  for (const { name, title } of scenes) console.log(`${name.padEnd(width)}  ${title}`)
}
