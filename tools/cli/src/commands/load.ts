/**
 * Implements the `load` command, which runs k6 against the Compose lab or in a cluster, or sets the load that the embedded lab's own clients
 * create.
 */
import { embeddedBounds, liveSnapshot } from '@lab/contract/embedded-api.ts'
import { services } from '@lab/contract/endpoints.ts'
import { k6Sockets } from '@lab/contract/load-control.ts'
import { examples, wholeNumber } from '@lab/host/arguments.ts'
import { loadCommand } from '@lab/host/compose.ts'
import { attached, endedWell, fileOwner, say } from '@lab/host/docker.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { exitCodes, stopOnSignals } from '@lab/host/signals.ts'
import { pause } from '@lab/host/until.ts'
import { curveLengthMs, type ScenarioName, scenarios } from '@lab/k6/lib/scenarios.ts'
import { anyRun } from '@lab/lab/compose/load.ts'
import { openPlaces } from '@lab/lab/compose/places.ts'
import { type LabContainer, labContainers, model, runningAmong, startOf } from '@lab/lab/compose/project.ts'
import { loadEnd, startLoad, stopLoad } from '@lab/lab/kubernetes/load.ts'
import { readPage, sendOrder } from '@lab/lab/live-page.ts'
import { onOption, pageOption, type WhichLab } from '@lab/lab/options.ts'
import { duration } from '@lab/scaler/commands/options.ts'
import { Argument, type Command, InvalidArgumentError } from 'commander'
import { embeddedLab, toTheSame } from '../embedded.ts'
import { onKubernetes } from '../kubernetes.ts'

interface LoadOptions {
  /** Seconds. */
  duration?: number
  sockets?: number
  seed?: number
  short?: boolean
}

type Wanted = { sockets: number } | { scenario: ScenarioName }

/** k6's exit codes for a crossed threshold and for a run that was interrupted by a signal. */
const thresholdsCrossed = 99
const endedBySignal = 105

const purposes = Object.entries(scenarios).map(([name, { purpose }]) => `  ${name.padEnd(9)} ${purpose}`)

export function register(program: Command): void {
  const { min, max } = k6Sockets
  program
    .command('load')
    .description(
      'open sockets and send messages; on Compose with k6 in a container, which writes a summary to reports/, ' +
        'in a cluster with k6 in a Job, and on the embedded lab with its own clients, until the duration ends or another load is set; ' +
        'while k6 is running on Compose, a number of sockets changes the running load within 10 s',
    )
    .addArgument(new Argument('<what>', 'number of sockets, or name of a scenario').argParser(wanted))
    .addOption(onOption())
    .addOption(pageOption())
    .option('--duration <time>', 'duration, for example 90s or 5m', duration)
    .option('--sockets <number>', 'maximum number of sockets of a scenario', wholeNumber(min, max))
    .option('--seed <number>', 'seed of the random choices; the same seed repeats a run', wholeNumber(0, 2 ** 32 - 1))
    .option('--short', 'run a short version of the scenario')
    .addHelpText(
      'after',
      `\nScenarios (on Compose and in a cluster):\n${purposes.join('\n')}\n${examples('./lab load 1000', './lab load 300 --duration 5m', './lab load spike --short', './lab load 200 --on embedded', './lab load 500 --on kubernetes')}`,
    )
    .action((what: Wanted, { on, page, ...options }: WhichLab & LoadOptions, command: Command) => {
      switch (on) {
        case 'embedded':
          return loadEmbedded(what, { on, ...(page && { page }) }, options, command)
        case 'kubernetes':
          return loadKubernetes(what, options, command)
        case 'compose':
          return loadCompose(what, options, command)
      }
    })
}

function wanted(text: string): Wanted {
  if (Object.hasOwn(scenarios, text)) return { scenario: text as ScenarioName }
  if (/^\d+$/.test(text)) return { sockets: wholeNumber(0, k6Sockets.max)(text) }
  throw new InvalidArgumentError(`Allowed are a number of sockets and ${Object.keys(scenarios).join(', ')}.`)
}

/** Ends the command with an error that states the allowed numbers of sockets. `also`: what else is allowed. */
function refuse(sockets: number, command: Command, also = ''): never {
  const { min, max } = k6Sockets
  return command.error(`error: ${sockets} sockets: allowed is a whole number from ${min} to ${max}${also}`, {
    exitCode: exitCodes.notTried,
  })
}

async function loadKubernetes(what: Wanted, options: LoadOptions, command: Command): Promise<void> {
  if ('sockets' in what && what.sockets < k6Sockets.min) refuse(what.sockets, command)
  const scenario = 'scenario' in what ? what.scenario : 'default'
  const { sockets, stages, short } = scenarios[scenario]
  const load = {
    ...options,
    scenario,
    sockets: 'sockets' in what ? what.sockets : (options.sockets ?? sockets),
    seconds: options.duration ?? curveLengthMs(options.short ? short : stages) / 1000,
  }
  await onKubernetes(async () => {
    const stop = stopOnSignals((signal) => say(`${signal}: deleting the Job`))
    const { pods, socketsPerPod } = await startLoad(load)
    say(`${pods} pods run k6 for ${load.seconds} s, with ${socketsPerPod} sockets each. Ctrl-C deletes the Job.`)
    const end = await loadEnd(stop).finally(stopLoad)
    if (end === undefined) {
      process.exitCode = exitCodes.interrupted
      return
    }
    for (const [pod, summary] of end.summaries) process.stdout.write(`${pod}\n${summary}\n\n`)
    if (end.exitCodes.includes(thresholdsCrossed)) throw new LabError('the load test ended, but a threshold of its scenario was crossed')
    const failed = end.exitCodes.find((code) => code !== 0)
    if (failed !== undefined) throw new LabError(`k6 failed with exit code ${failed}`)
    if (end.exitCodes.length < pods)
      throw new LabError(`only ${end.exitCodes.length} of ${pods} pods ended; the Job's deadline ended the others`)
  })
}

async function loadCompose(what: Wanted, options: LoadOptions, command: Command): Promise<void> {
  if ('sockets' in what && what.sockets < k6Sockets.min) {
    // If Docker does not answer, no run is in progress either.
    const run = await labContainers().then(k6Run, () => undefined)
    if (run === undefined) return refuse(what.sockets, command, ', or 0 while a k6 run is in progress')
    return change(run, what.sockets, options, command)
  }
  const owner = fileOwner()
  const containers = await labContainers()
  if (!runningAmong(containers).has(services.traefik)) throw new LabError('Traefik does not run; start the lab: ./lab up')
  const run = await k6Run(containers)
  if ('sockets' in what && run !== undefined) return change(run, what.sockets, options, command)
  const exitCode = await attached(loadCommand({ ...options, ...what, ...(owner && { owner }) }, await startOf(containers)))
  if (exitCode === thresholdsCrossed) throw new LabError('the load test ended, but a threshold of its scenario was crossed')
  if (exitCode === endedBySignal) {
    say('interrupted: the summary above covers the time until the interrupt')
    process.exitCode = exitCodes.interrupted
    return
  }
  if (!endedWell(exitCode)) return
  say('The summary is also in reports/.')
}

/** A load in progress whose number of sockets can be changed. */
interface Knob {
  before: number
  set(sockets: number): Promise<void>
  /** Returns whether the load has ended in the meantime; absent if the load never ends by itself. */
  hasEnded?(): Promise<boolean>
  /** What `./lab load` prints after the change. */
  said(sockets: number): string
}

/** Returns the k6 runs in progress as one knob; undefined if there is no run, or if the live page is not running. */
async function k6Run(containers: readonly LabContainer[]): Promise<Knob | undefined> {
  const page = openPlaces(containers).find(({ word }) => word === 'live')?.url
  if (page === undefined) return undefined
  const problem = (why: unknown) => new LabError(`the live page at ${page} does not answer (${String(why)})`)
  const read = async () => (await readPage(page, liveSnapshot.pick({ k6: true }), problem)).k6
  const k6 = await read()
  if (k6 === null) return undefined
  // The live page's server notices the end of a run a few seconds after the end of its container.
  if (!(await anyRun((await model()).name))) return undefined
  return {
    hasEnded: async () => (await read()) === null,
    before: k6.wanted,
    set: (sockets) => sendOrder(page, 'k6Load', { sockets }),
    said: (sockets) => `The k6 run in progress changes from ${k6.wanted} to ${sockets} sockets within 10 s.`,
  }
}

async function change(run: Knob, sockets: number, { duration: seconds, ...others }: LoadOptions, command: Command): Promise<void> {
  if (Object.values(others).some((value) => value !== undefined)) {
    const allowed = `a number of sockets from 0 to ${k6Sockets.max}, and --duration`
    return command.error(`error: a k6 run is in progress, and ./lab load changes it: allowed are ${allowed}`, {
      exitCode: exitCodes.notTried,
    })
  }
  await turn(run, sockets, seconds)
}

async function loadEmbedded(what: Wanted, which: WhichLab, { duration: seconds, ...others }: LoadOptions, command: Command): Promise<void> {
  const { min, max } = embeddedBounds.sockets
  if ('scenario' in what || what.sockets > max || Object.values(others).some((value) => value !== undefined)) {
    return command.error(`error: --on embedded accepts a number of sockets from ${min} to ${max}, and --duration`, {
      exitCode: exitCodes.notTried,
    })
  }
  const lab = await embeddedLab(which)
  const before = (await lab.readings()).loadWanted
  const said = (sockets: number) => `The load is now ${sockets} sockets. To end it: ./lab load 0 ${toTheSame(which)}`
  await turn({ before, set: lab.setLoad, said }, what.sockets, seconds)
}

/** Changes a load, and changes it back after the given time. Without a time, the change is permanent. */
async function turn({ before, set, said, hasEnded }: Knob, sockets: number, seconds: number | undefined): Promise<void> {
  const stop = stopOnSignals((signal) => say(`${signal}: resetting the load to ${before} sockets`))
  await set(sockets)
  if (seconds === undefined) {
    say(said(sockets))
    return
  }
  await pause(seconds * 1000, stop)
  if (await hasEnded?.()) say('The run has ended.')
  else await set(before)
  if (stop.aborted) process.exitCode = exitCodes.interrupted
}
