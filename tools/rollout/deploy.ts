/**
 * Implements the `deploy` command, which starts and checks replicas of a second colour, routes the traffic to them, and drains the first
 * colour.
 */
import { type Colour, colours, otherColour, services } from '@lab/contract/endpoints.ts'
import { examples, printJson, wholeNumber } from '@lab/host/arguments.ts'
import { docker, say } from '@lab/host/docker.ts'
import { exitCodes, stopOnSignals } from '@lab/host/signals.ts'
import type { DeployOutcome } from '@lab/lab/compose/deploy/carry-out.ts'
import { type DeployStatus, defaultAnalysisSeconds } from '@lab/lab/compose/deploy/deploy.ts'
import type { ComposeLab } from '@lab/lab/compose/lab.ts'
import type { CarryOut } from '@lab/lab/compose/rollout/carry-out.ts'
import { Argument, type Command, Option } from 'commander'
import { buildWithinSeconds, causeOf, deadlineOption, type RevisionOptions, revisionOptions, secondsFrom, withLab } from './command.ts'

interface Options extends RevisionOptions {
  weight: number
  analysis: number
  keep?: boolean
  progressDeadline: number
  dryRun?: boolean
  json?: boolean
}

const help = `
The seven steps: start the replicas of the other colour without public traffic, check their health, run a smoke test through
Traefik, switch all new connections, verify that they arrive, drain the old colour one replica after the other, and clean up. If a step
fails, everything is switched back to the old colour. From the first step on, requests with the header x-lab-colour: green are routed to
the green replicas.
Exit codes: 0 done, 1 failed or rolled back, 2 wrong usage, 130 interrupted.
`

/** Adds the `deploy` command to a program. */
export function register(program: Command): void {
  const deploy = program
    .command('deploy')
    .description('switch all connections to replicas of the other colour, and back if a step fails; no socket is cut off')
    .addArgument(new Argument('<colour>', 'the colour that is not live').choices(colours))
    .addOption(
      new Option(
        '--weight <percent>',
        'deploy a canary: route only this percentage of new connections to the new colour at first; 0 means none until `deploy switch`',
      )
        .argParser(wholeNumber(0, 100))
        .default(100, 'all at once'),
    )
    .addOption(
      new Option('--analysis <time>', 'time for which a canary is compared with the old version')
        .argParser(secondsFrom(20))
        .default(defaultAnalysisSeconds, '60s'),
    )
    .option('--keep', 'leave the old colour running without traffic, so that an instant rollback is possible')
    .addOption(deadlineOption())
    .option('--dry-run', 'print the changes and the steps, and change nothing')
    .option('--json', 'print the result as JSON on standard output, and progress on standard error')
    .action((colour: Colour, options: Options) => start(colour, options))
  revisionOptions(deploy).addHelpText(
    'after',
    `${help}${examples('./lab deploy green', './lab deploy green --build --keep', './lab deploy blue --image my-ws:v2 --weight 10', './lab deploy rollback')}`,
  )
  const sub = (name: string, description: string, act: (lab: ComposeLab, options: Options) => Promise<void>) =>
    deploy
      .command(name)
      .description(description)
      .option('--json', 'print one JSON document')
      .action((_: object, command: Command) => withLab((lab) => act(lab, command.optsWithGlobals<Options>())))
  sub(
    'status',
    'show which colour is live, and the progress of a deploy. Exit code 0: no deploy is in progress, 1: a deploy is not finished',
    status,
  )
  sub('switch', 'continue an unfinished deploy, or return to the colour that --keep left running', (lab, options) =>
    carry(lab, options, (how) => lab.deploys.switch(how), 'complete'),
  )
  sub('rollback', 'go back to the previous colour', (lab, options) =>
    carry(lab, options, (how) => lab.deploys.rollback(how), 'rolled-back'),
  )
  sub('cleanup', 'remove the colour that --keep left running', (lab, options) =>
    carry(lab, options, (how) => lab.deploys.cleanup(how), 'complete'),
  )
}

function start(colour: Colour, options: Options): Promise<void> {
  return withLab(async (lab) => {
    const { set, image, build, weight, analysis, keep = false, progressDeadline, dryRun, json } = options
    if (build) await docker(['compose', '-p', lab.name, 'build', services.ws], { withinSeconds: buildWithinSeconds, show: true })
    const plan = await lab.deploys.prepare({
      colour,
      weight,
      keep,
      analysisSeconds: analysis,
      progressDeadlineSeconds: progressDeadline,
      cause: causeOf(`deploy ${colour}`, options),
      ...(image !== undefined && { image }),
      ...(set !== undefined && { set }),
    })
    if (!dryRun) return carry(lab, options, (how) => lab.deploys.begin(plan, how), 'complete')
    const steps = stepsOf(colour, plan.rollout.replicas, options)
    if (json) printJson({ from: plan.from.number, to: plan.to.number, rollout: plan.rollout, changes: plan.changes, steps })
    else {
      const lines = [`revision ${plan.from.number} -> ${plan.to.number}`, ...plan.changes.map((line) => `  ${line}`), ...steps]
      process.stdout.write(`${lines.join('\n')}\n`)
    }
  })
}

function stepsOf(colour: Colour, replicas: number, { weight, analysis, keep }: Options): string[] {
  const other = otherColour(colour)
  const canary =
    weight === 100 || weight === 0 ? '' : `${weight} % of new connections for ${analysis} s, and if it does as well as ${other}, `
  const last = ['verify that new sockets arrive', `drain ${other}, one replica after the other`]
  const rest =
    weight === 0 ? [] : [`switch: ${canary}all new connections`, ...last, keep ? `keep ${other} without traffic` : `remove ${other}`]
  const all = [`start ${replicas} ${colour} replicas without public traffic`, 'health check', 'smoke test through Traefik', ...rest]
  return all.map((line, index) => `  ${index + 1}. ${line}`)
}

async function carry(
  lab: ComposeLab,
  { json }: Pick<Options, 'json'>,
  act: (how: CarryOut) => Promise<DeployOutcome>,
  wanted: DeployOutcome,
): Promise<void> {
  const stop = stopOnSignals((signal, first) => say(`${signal}: ${first ? 'ending before the next step' : 'still ending'}`))
  const line = json ? say : (text: string) => void process.stdout.write(`${text}\n`)
  const startedAtMs = performance.now()
  const outcome = await act({ say: line, stop })
  const seconds = (performance.now() - startedAtMs) / 1000
  const next = './lab deploy switch continues it, ./lab deploy rollback reverts it'
  if (outcome === 'ready') line(`ready, without public traffic, after ${seconds.toFixed(1)} s: ${next}`)
  else if (outcome === 'interrupted') say(`interrupted after ${seconds.toFixed(1)} s; the deploy is not finished: ${next}`)
  else line(`after ${seconds.toFixed(1)} s`)
  if (json) printJson({ outcome, seconds, ...(await lab.deploys.status()) })
  if (outcome === 'interrupted') process.exitCode = exitCodes.interrupted
  else process.exitCode = outcome === wanted || outcome === 'ready' ? exitCodes.ok : exitCodes.failed
}

async function status(lab: ComposeLab, { json }: Pick<Options, 'json'>): Promise<void> {
  const found = await lab.deploys.status()
  if (json) printJson(found)
  else process.stdout.write(statusText(found))
  process.exitCode = found.deploy !== undefined && found.record.rollout?.ended === undefined ? exitCodes.failed : exitCodes.ok
}

function statusText(status: DeployStatus): string {
  const { record, replicas } = status
  const rows = replicas.map(({ name, colour, state, detail }) => `  ${name.padEnd(8)} ${colour.padEnd(7)} ${state.padEnd(12)} ${detail}\n`)
  const last = record.events.at(-1)
  const event = last === undefined ? '' : `last event: ${last.time.slice(0, 19)}Z ${last.reason}: ${last.message}\n`
  return `${headline(status)}\n  REPLICA  COLOUR  STATE\n${rows.join('')}${event}`
}

function headline({ live, deploy, record, holder }: DeployStatus): string {
  if (deploy === undefined) return `${live} is live`
  const other = otherColour(deploy.colour)
  if (record.rollout?.ended !== undefined)
    return `${live} is live; ${other} runs without traffic: ./lab deploy rollback returns to it, ./lab deploy cleanup removes it`
  const way = record.rollout?.rollingBack ? `rolling back to ${deploy.colour}` : `deploying ${deploy.colour}`
  const where = `${way}: ${deploy.share} % of new connections go to ${deploy.colour}, ${100 - deploy.share} % to ${other}`
  if (holder !== undefined) return where
  return `${where}\nthe deploy is not finished, and no command carries it out: ./lab deploy switch continues it, ./lab deploy rollback reverts it`
}
