/**
 * Implements the `rollout` command, which replaces the replicas one by one so that they match the current Compose files, .env and image.
 */
import { services } from '@lab/contract/endpoints.ts'
import { decimal, examples, printJson, wholeNumber } from '@lab/host/arguments.ts'
import { docker, say } from '@lab/host/docker.ts'
import { allowedDurations, readDuration } from '@lab/host/durations.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { exitCodes, stopOnSignals } from '@lab/host/signals.ts'
import { pause } from '@lab/host/until.ts'
import type { ComposeLab } from '@lab/lab/compose/lab.ts'
import type { CarryOut, Outcome } from '@lab/lab/compose/rollout/carry-out.ts'
import { defaultObjectives } from '@lab/lab/compose/rollout/objectives.ts'
import { defaultDeadlineSeconds, type RolloutOptions } from '@lab/lab/compose/rollout/rollout.ts'
import { findLab } from '@lab/lab/find.ts'
import type { KubernetesLab } from '@lab/lab/kubernetes/lab.ts'
import { onOption, type WhichLab } from '@lab/lab/options.ts'
import { settings } from '@lab/ws/config.ts'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { displayOn } from './display.ts'
import { clusterSteps, historyText, planText, statusText, stepsOf } from './text.ts'

const followEveryMs = 1_000
/** Time limit for building the image, in seconds. */
export const buildWithinSeconds = 600

/** The options that define the new revision. */
export interface RevisionOptions {
  image?: string
  set?: Record<string, string>
  build?: boolean
}

/** The kinds of labs whose replicas a rollout can replace. */
const kinds = ['compose', 'kubernetes'] as const
type Where = Pick<WhichLab<(typeof kinds)[number]>, 'on'>
type RolloutLab = ComposeLab | KubernetesLab

interface Options extends RevisionOptions, Where {
  maxSurge?: number
  maxUnavailable?: number
  progressDeadline: number
  maxErrorRatio: number
  maxP95: number
  dryRun?: boolean
  json?: boolean
}

/** Adds the `rollout` command to a program. */
export function register(program: Command): void {
  const rollout = program
    .command('rollout')
    .description(
      'replace the replicas one by one with a new version, defined by the Compose files, .env and the image; no socket is cut off',
    )
    .addHelpText(
      'after',
      `${help}${examples('./lab rollout --dry-run', './lab rollout --set LOG_LEVEL=debug', './lab rollout --build', './lab rollout undo', './lab rollout restart --on kubernetes')}`,
    )
    .action((options: Options, command: Command) => begin(options, command, false))
  how(revisionOptions(rollout))
  const sub = (name: string, description: string) =>
    rollout.command(name).description(description).addOption(onOption(kinds)).option('--json', 'print one JSON document')
  how(rollout.command('restart').description('replace every replica, even if nothing has changed')).action((_: Options, command: Command) =>
    begin(command.optsWithGlobals<Options>(), command, true),
  )
  sub('status', 'show the progress of the rollout, and follow it while it is carried out. Exit code 0: done, 1: failed or not finished')
    .option('--no-watch', 'print the status once, without following the rollout')
    .action((_: object, command: Command) => status(command.optsWithGlobals<{ json?: boolean; watch: boolean } & Where>()))
  sub('pause', 'stop the rollout before its next step').action((_: object, command: Command) =>
    onLab(command.optsWithGlobals<Where>(), pauseIt),
  )
  sub('resume', 'continue a rollout that was paused, or whose command was interrupted').action((_: object, command: Command) => {
    const options = command.optsWithGlobals<Options>()
    return onLab(options, (lab) => carry(lab, options, (how) => lab.rollouts.resume(how)))
  })
  sub('undo', 'go back to the previous revision')
    .option('--to-revision <number>', 'go back to this revision, as listed by `rollout history`', wholeNumber(1, 1_000_000))
    .action((_: object, command: Command) => {
      const options = command.optsWithGlobals<Options & { toRevision?: number }>()
      return onLab(options, (lab) => carry(lab, options, (how) => lab.rollouts.undo(options.toRevision, how)))
    })
  sub('history', 'list all revisions so far').action((_: object, command: Command) => {
    const options = command.optsWithGlobals<Options>()
    return onLab(options, async (lab) => {
      const record = await lab.rollouts.record()
      if (options.json) printJson(record)
      else if (record.revisions.length === 0) throw new LabError('there has been no rollout yet; ./lab rollout starts one')
      else process.stdout.write(historyText(record))
    })
  })
}

const help = `
A rollout starts one new replica, waits until it is healthy and has passed a smoke test through Traefik, drains the oldest old
replica, and continues with the next one. A new version is rolled back if it exits, does not become available in time, or misses
its objectives in the smoke test or while both versions are running.
In a cluster, the Deployment controller carries out the rollout, and the readiness probe takes the place of the smoke test.
Exit codes: 0 done, 1 failed, rolled back or paused, 2 wrong usage, 130 interrupted.
`

/** Adds the options that define the new revision to a command. */
export function revisionOptions(command: Command): Command {
  return command
    .option('--image <tag>', 'an image on this machine, for example rol-ws:revision-2')
    .option('--set <name=value>', 'a variable of the service, which is written to .env; can be given several times', setting)
    .option('--build', 'build the image from this checkout first')
}

export function deadlineOption(): Option {
  return new Option('--progress-deadline <time>', 'time within which each replica must become available')
    .argParser(secondsFrom(5))
    .default(defaultDeadlineSeconds, '10m')
}

function how(command: Command): Command {
  return command
    .addOption(onOption(kinds))
    .option(
      '--max-surge <count>',
      'maximum number of replicas above the desired number (default: as in compose.k8s-sim.yaml, or 1)',
      wholeNumber(0, 20),
    )
    .option(
      '--max-unavailable <count>',
      'maximum number of replicas that may be unavailable (default: as in compose.k8s-sim.yaml, or 0)',
      wholeNumber(0, 20),
    )
    .addOption(deadlineOption())
    .addOption(
      new Option('--max-error-ratio <ratio>', 'maximum fraction of messages that the new version may answer with an error')
        .argParser(decimal(0, 1))
        .default(defaultObjectives.maxErrorRatio),
    )
    .addOption(
      new Option('--max-p95 <ms>', 'time in milliseconds within which 95 % of its answers must arrive')
        .argParser(wholeNumber(1, 60_000))
        .default(defaultObjectives.maxP95Seconds * 1000),
    )
    .option('--dry-run', 'print the changes and the steps, and change nothing')
    .option('--json', 'print the result as JSON on standard output, and progress on standard error')
}

/** Returns a parser for durations of at least `least` seconds and at most one hour. */
export function secondsFrom(least: number): (text: string) => number {
  return (text) => {
    const read = readDuration(text)
    if (read !== undefined && read >= least && read <= 3600) return read
    throw new InvalidArgumentError(`Allowed is ${least}s to 1h, as ${allowedDurations}.`)
  }
}

function setting(text: string, before: Record<string, string> = {}): Record<string, string> {
  const [, name, value] = /^([A-Z][A-Z0-9_]*)=([^\n']*)$/.exec(text) ?? []
  if (name === undefined || value === undefined) throw new InvalidArgumentError('Allowed is NAME=VALUE, without an apostrophe.')
  return { ...before, [name]: value }
}

/** Calls `act` with the running Compose lab, and closes the lab object afterwards. */
export function withLab(act: (lab: ComposeLab) => Promise<void>): Promise<void> {
  return closing(findLab({}), act)
}

function onLab({ on }: Where, act: (lab: RolloutLab) => Promise<void>): Promise<void> {
  return on === 'kubernetes' ? closing(findLab({ on }), act) : withLab(act)
}

async function closing<L extends RolloutLab>(found: Promise<L>, act: (lab: L) => Promise<void>): Promise<void> {
  const lab = await found
  try {
    await act(lab)
  } finally {
    await lab.close()
  }
}

/** Returns the option that makes another command act on the same lab, with a space before it; empty for the default. */
function sameLab({ kind }: RolloutLab): string {
  return kind === 'kubernetes' ? ' --on kubernetes' : ''
}

function begin(options: Options, command: Command, restart: boolean): Promise<void> {
  if (options.on === 'kubernetes') {
    refuseOnKubernetes(options, command)
    return closing(findLab({ on: options.on }), (lab) => beginOnKubernetes(lab, options, restart))
  }
  return withLab((lab) => beginOnCompose(lab, options, restart))
}

/** Why some options are not possible in a cluster. */
const onlyOnCompose = {
  build: 'the nodes need the image, too: build the image, copy it to the nodes as in docs/kubernetes.md, and use --image',
  maxSurge: 'k8s/base/deployment.yaml defines it',
  maxUnavailable: 'k8s/base/deployment.yaml defines it',
  maxErrorRatio: 'Kubernetes knows only the probes',
  maxP95: 'Kubernetes knows only the probes',
} as const satisfies Partial<Record<keyof Options, string>>

function refuseOnKubernetes({ set = {} }: Options, command: Command): void {
  for (const [name, why] of Object.entries(onlyOnCompose)) {
    if (command.getOptionValueSourceWithGlobals(name) !== 'cli') continue
    const option = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    command.error(`error: --${option} is not possible with --on kubernetes, because ${why}`, { exitCode: exitCodes.notTried })
  }
  const unknown = Object.keys(set).find((name) => !Object.hasOwn(settings, name))
  if (unknown !== undefined)
    command.error(`error: --set ${unknown}: the ws service has no such setting; docs/configuration.md lists the settings`, {
      exitCode: exitCodes.notTried,
    })
}

async function beginOnKubernetes(lab: KubernetesLab, options: Options, restart: boolean): Promise<void> {
  const { set, image, progressDeadline: progressDeadlineSeconds, dryRun, json } = options
  const change = {
    ...(image !== undefined && { image }),
    ...(set !== undefined && { set }),
    restart,
    cause: causeOf(restart ? 'rollout restart' : 'rollout', options),
  }
  const plan = await lab.rollouts.prepare(change, { progressDeadlineSeconds })
  const steps = clusterSteps(plan)
  if (!dryRun) return carry(lab, options, (how) => lab.rollouts.begin(plan, how))
  const { from, to, rollout, changes } = plan
  if (json) printJson({ from: from.number, to: to.number, rollout, changes, steps })
  else process.stdout.write(planText(plan, steps))
}

async function beginOnCompose(lab: ComposeLab, options: Options, restart: boolean): Promise<void> {
  const { set, image, build, maxSurge, maxUnavailable, progressDeadline, maxErrorRatio, maxP95, dryRun, json } = options
  if (build) await docker(['compose', '-p', lab.name, 'build', services.ws], { withinSeconds: buildWithinSeconds, show: true })
  const wanted: RolloutOptions = {
    ...(image !== undefined && { image }),
    ...(set !== undefined && { set }),
    ...(maxSurge !== undefined && { maxSurge }),
    ...(maxUnavailable !== undefined && { maxUnavailable }),
    restart,
    progressDeadlineSeconds: progressDeadline,
    objectives: { maxErrorRatio, maxP95Seconds: maxP95 / 1000 },
    cause: causeOf(restart ? 'rollout restart' : 'rollout', options),
  }
  const plan = await lab.rollouts.prepare(wanted)
  const names = (await lab.replicas()).map(({ name }) => ({ name, number: Number(name.replace(/^.*-/, '')) }))
  const steps = stepsOf(plan, names)
  if (dryRun) {
    const { from, to, rollout, changes } = plan
    if (json) printJson({ from: from.number, to: to.number, rollout, changes, steps })
    else process.stdout.write(planText(plan, steps))
    return
  }
  await carry(lab, options, (how) => lab.rollouts.begin(plan, how))
}

/** Returns the command that the user typed, for the revision history. */
export function causeOf(what: string, { image, set, build }: RevisionOptions): string {
  const words = [
    what,
    ...(image === undefined ? [] : [`--image ${image}`]),
    ...(build ? ['--build'] : []),
    // The values of `--set` are omitted, because they may be secret.
    ...Object.keys(set ?? {}).map((name) => `--set ${name}`),
  ]
  return words.join(' ')
}

async function carry(lab: RolloutLab, { json }: Pick<Options, 'json'>, act: (how: CarryOut) => Promise<Outcome>): Promise<void> {
  const display = json ? { say, end: () => undefined } : displayOn(process.stdout)
  const line = display.say
  const on = sameLab(lab)
  const ending = lab.kind === 'kubernetes' ? 'the rollout continues in the cluster' : 'ending before the next step'
  const stop = stopOnSignals((signal, first) => line(`${signal}: ${first ? ending : 'still ending'}`))
  const startedAtMs = performance.now()
  const outcome = await act({ ...display, stop }).finally(display.end)
  const took = `after ${((performance.now() - startedAtMs) / 1000).toFixed(1)} s`
  if (outcome === 'paused')
    line(`service "${services.ws}" paused ${took}; ./lab rollout resume${on} continues it, ./lab rollout undo${on} reverts it`)
  else if (outcome === 'interrupted')
    line(`interrupted ${took}; the rollout is not finished: ./lab rollout resume${on} continues it, ./lab rollout undo${on} reverts it`)
  else line(took)
  if (json) printJson({ outcome, seconds: (performance.now() - startedAtMs) / 1000, ...(await lab.rollouts.progress()) })
  process.exitCode = {
    complete: exitCodes.ok,
    interrupted: exitCodes.interrupted,
    paused: exitCodes.failed,
    'rolled-back': exitCodes.failed,
    failed: exitCodes.failed,
  }[outcome]
}

async function pauseIt(lab: RolloutLab): Promise<void> {
  await lab.rollouts.pause()
  process.stdout.write(`service "${services.ws}" paused\n`)
}

function status({ json, watch, on }: { json?: boolean; watch: boolean } & Where): Promise<void> {
  return onLab({ on }, async (lab) => {
    let last = ''
    for (;;) {
      const { progress, holder, paused } = await lab.rollouts.state()
      const { ended } = progress.record.rollout ?? {}
      if (ended === undefined && holder !== undefined && watch) {
        if (progress.text !== last && !json) process.stdout.write(`${progress.text}\n`)
        last = progress.text
        await pause(followEveryMs)
        continue
      }
      if (json) printJson({ ...progress, holder, paused })
      else process.stdout.write(statusText(progress, { holder, paused, on: sameLab(lab) }))
      process.exitCode = ended === 'complete' ? exitCodes.ok : exitCodes.failed
      return
    }
  })
}
