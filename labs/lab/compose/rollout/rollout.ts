/**
 * Starts, carries out, pauses and undoes rolling updates of the Compose lab's replicas. The module plan.ts computes one action at a time
 * from the current containers, so that a later command can continue an interrupted rollout.
 */
import { rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { services } from '@lab/contract/endpoints.ts'
import type { StartedWith } from '@lab/host/compose.ts'
import { docker, tryDocker } from '@lab/host/docker.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { type Container, replicaName, replicasAmong } from '@lab/host/replicas.ts'
import { root } from '@lab/host/root.ts'
import { writeRolloutScale } from '@lab/scaler/rollout-file.ts'
import { refuseDeploy } from '../deploy/state.ts'
import { Carrier, type CarryOut, type Outcome, type RolloutTarget } from './carry-out.ts'
import { defaultObjectives, type Objectives } from './objectives.ts'
import { progressText, type RolloutReplica } from './plan.ts'
import { removeRoute } from './route.ts'
import { readSettings, refuseShadowed, writeSettings } from './settings.ts'
import {
  type Revision,
  type Rollout,
  type RolloutRecord,
  type RolloutStore,
  revisionIn,
  rolloutFolder,
  rolloutStore,
  sameVersion,
  unfinished,
  withRevision,
} from './store.ts'
import {
  changedSettings,
  imageHere,
  imageId,
  type ResolvedService,
  recoverFile,
  resolveService,
  revisionTag,
  type Settings,
  tagImage,
  variablesOf,
  versionOf,
} from './versions.ts'

/** Default time limit for a replica to become available, the same as for a Kubernetes Deployment. */
export const defaultDeadlineSeconds = 600
const callWithinSeconds = 60
const unwatched = { progressDeadlineSeconds: defaultDeadlineSeconds, objectives: defaultObjectives }
/** A setting that makes a replica exit immediately after it starts. */
export const failing = { MAX_CONNECTIONS: 'none' }
const quietly: CarryOut = { say: () => undefined, stop: new AbortController().signal }

export interface RolloutOptions {
  readonly image?: string
  readonly set?: Settings
  /** Whether the settings apply only to this rollout, in which case .env remains unchanged. */
  readonly unwritten?: boolean
  /** Whether to replace all replicas, even those that already have the new revision. */
  readonly restart?: boolean
  readonly maxSurge?: number
  readonly maxUnavailable?: number
  readonly progressDeadlineSeconds: number
  readonly objectives: Objectives
  /** The command as the user typed it, for the rollout history. */
  readonly cause: string
}

/** The changes that a planned rollout makes, and its settings. */
export interface RolloutPlan {
  readonly from: Revision
  readonly to: Revision
  readonly rollout: Rollout
  /** The planned rollout's changes, one line each. */
  readonly changes: readonly string[]
  /** Lines to write to .env, with their previous values. */
  readonly set: Settings
  readonly written: Settings
  readonly imageName: string
  /** The service definition of the new revision, as a Compose file. */
  readonly text: string
}

export interface Progress {
  readonly record: RolloutRecord
  readonly replicas: readonly RolloutReplica[]
  /** The rollout's progress in one line, in the wording of kubectl. */
  readonly text: string
}

export class Rollouts {
  readonly store: RolloutStore
  readonly #target: RolloutTarget
  readonly #carrier: Carrier

  constructor(target: RolloutTarget) {
    this.#target = target
    this.store = rolloutStore(resolve(root, rolloutFolder(target.project)))
    this.#carrier = new Carrier(target, this.store)
  }

  /**
   * Computes the changes that a rollout would make. Writes nothing except the old revision's Compose file, if the rollout history does not
   * contain that revision. Rejects with a one-line error if there is nothing to roll out.
   */
  async prepare(options: RolloutOptions): Promise<RolloutPlan> {
    const record = await this.store.read()
    await this.#refuseUnfinished(record)
    const running = replicasAmong(await this.#target.containers())
    const [sample] = running
    if (sample === undefined) throw new LabError(`no replica of the project ${this.#target.project} runs; start the lab: ./lab up`)
    const set = options.set ?? {}
    if (!options.unwritten) refuseShadowed(set)
    const written = readSettings([...new Set([...record.revisions.flatMap((one) => Object.keys(one.settings)), ...Object.keys(set)])])
    const now = await resolveService(this.#target, set)
    const image = await imageHere(options.image ?? now.imageName)
    const version = { hash: now.hash, image }
    const outdated = running.filter((container) => !sameVersion(versionOf(container), version))
    if (outdated.length === 0 && !options.restart)
      throw new LabError(
        'nothing to change: every replica has the current configuration and image; to replace the replicas anyway: ./lab rollout restart',
      )
    const current = outdated[0] ?? sample
    const known = record.revisions.findLast((one) => sameVersion(one.version, versionOf(current)))
    const next = 1 + Math.max(0, ...record.revisions.map(({ number }) => number))
    const since = new Date().toISOString()
    // The service is resolved again without the new variables: their values may also occur in its labels, and the old revision must not
    // contain them.
    const before = Object.keys(set).length === 0 ? now : await resolveService(this.#target)
    const from = known ?? (await this.#found(next, current, before, written))
    const number = known === undefined ? next + 1 : next
    const settings = { ...written, ...set }
    const to = outdated.length === 0 ? from : { number, version, since, cause: options.cause, settings, recoverable: true }
    const old = Object.fromEntries(Object.entries(variablesOf(current.Config.Env ?? [])).filter(([name]) => name in now.environment))
    const changes = outdated.length === 0 ? ['restart: nothing changes'] : changedSettings(old, now.environment)
    if (version.image !== current.Image) changes.push(`image: ${short(current.Image)} -> ${short(version.image)}`)
    if (changes.length === 0) changes.push('the configuration of the container: labels, limits, health check or the like')
    const maxSurge = options.maxSurge ?? now.maxSurge
    const maxUnavailable = options.maxUnavailable ?? now.maxUnavailable
    if (maxSurge + maxUnavailable === 0) throw new LabError('--max-surge and --max-unavailable: one of them must be more than 0')
    const startedAt = new Date()
    const rollout: Rollout = {
      target: to.number,
      from: from.number,
      startedAt: startedAt.toISOString(),
      ...(options.restart && { madeAfterSeconds: startedAt.getTime() / 1000 }),
      maxSurge,
      maxUnavailable,
      progressDeadlineSeconds: options.progressDeadlineSeconds,
      ...options.objectives,
      replicas: running.length,
      rollingBack: false,
    }
    return { from, to, rollout, changes, set: options.unwritten ? {} : set, written, imageName: now.imageName, text: now.text }
  }

  /** Creates a revision for a replica that was not created by a rollout. */
  async #found(number: number, container: Container, now: ResolvedService, settings: Settings): Promise<Revision> {
    const recoverable = await recoverFile(this.#target.project, container, now, async (text) => {
      await this.store.saveFile(number, text)
      return this.store.fileOf(number)
    })
    return { number, version: versionOf(container), since: container.Created, cause: 'found running', settings, recoverable }
  }

  /**
   * Starts a rollout and runs it until it ends, is paused or is interrupted.
   * @param carry function that runs the plan in a different way, for example as a deploy
   */
  async begin<O = Outcome>(plan: RolloutPlan, how: CarryOut, carry?: (how: CarryOut) => Promise<O>): Promise<O | Outcome> {
    const release = await this.store.hold()
    try {
      let record = await this.store.read()
      await this.#refuseUnfinished(record)
      // If a revision does not set one of the changed variables, it gets that variable's previous value from .env.
      record = { ...record, revisions: record.revisions.map((one) => ({ ...one, settings: { ...plan.written, ...one.settings } })) }
      for (const revision of [plan.from, plan.to]) {
        if (record.revisions.some(({ number }) => number === revision.number)) continue
        await tagImage(revision.version.image, revisionTag(plan.imageName, revision.number))
        const added = withRevision(record, revision)
        record = added.record
        for (const { number } of added.forgotten) await this.#forget(number, plan.imageName)
      }
      if (plan.to.number !== plan.from.number) await this.store.saveFile(plan.to.number, plan.text)
      await writeSettings(plan.set)
      await tagImage(plan.to.version.image, plan.imageName)
      await this.store.setPaused(false)
      const { from, target: to, replicas } = plan.rollout
      // The scaler needs a rollout file during a rollout, but not during a deploy, which pauses the scaler.
      if (carry === undefined) await writeRolloutScale(this.#target.scalerState, { from, to, replicas })
      await this.store.write({ ...record, rollout: plan.rollout })
      await this.#carrier.event(
        'Normal',
        carry === undefined ? 'RolloutStarted' : 'DeployStarted',
        `from revision ${plan.from.number} to ${plan.to.number}: ${plan.changes.join(', ')}`,
      )
      return await (carry ?? ((given) => this.#carrier.run(given)))(how)
    } finally {
      await release()
    }
  }

  /** Resumes the unfinished rollout. Rejects if there is no unfinished rollout. */
  async resume(how: CarryOut): Promise<Outcome> {
    const record = await this.store.read()
    refuseDeploy(record)
    if (unfinished(record) === undefined)
      throw new LabError('there is no rollout to resume; ./lab rollout status says how the last one ended')
    const release = await this.store.hold()
    try {
      await this.store.setPaused(false)
      return await this.#carrier.run(how)
    } finally {
      await release()
    }
  }

  /** Performs a rollout that replaces every replica, without printing anything. Rejects if the rollout fails. */
  async restart(): Promise<void> {
    await this.#must('complete', this.begin(await this.prepare({ ...unwatched, restart: true, cause: 'restart by a fault' }), quietly))
  }

  /** Rolls out a version that exits immediately; .env is left unchanged. Rejects if the rollout is not rolled back. */
  async fail(): Promise<void> {
    const plan = await this.prepare({ ...unwatched, set: failing, unwritten: true, cause: 'failing version of a fault' })
    await this.#must('rolled-back', this.begin(plan, quietly))
  }

  /** Completes an unfinished rollout; does nothing if there is none. Rejects if the rollout fails. */
  async finish(): Promise<void> {
    const rollout = unfinished(await this.store.read())
    if (rollout !== undefined) await this.#must(rollout.rollingBack ? 'rolled-back' : 'complete', this.resume(quietly))
  }

  async #must(wanted: Outcome, outcome: Promise<Outcome>): Promise<void> {
    if ((await outcome) !== wanted) throw new LabError(`the rollout is ${await outcome}; ./lab rollout status shows the reason`)
  }

  /** Makes the command that is carrying out the rollout exit before its next action. Rejects if there is no rollout to pause. */
  async pause(): Promise<void> {
    const record = await this.store.read()
    refuseDeploy(record)
    if (unfinished(record) === undefined) throw new LabError('there is no rollout to pause')
    if (await this.store.isPaused()) throw new LabError('the rollout is paused already; ./lab rollout resume goes on')
    await this.store.setPaused(true)
  }

  /** Rolls back to an earlier revision: by default to the previous revision, or to the one from which an unfinished rollout started. */
  async undo(to: number | undefined, how: CarryOut): Promise<Outcome> {
    const release = await this.store.hold()
    try {
      const record = await this.store.read()
      refuseDeploy(record)
      const { rollout: last } = record
      if (last === undefined) throw new LabError('there has been no rollout yet, so there is nothing to undo')
      const isUnfinished = last.ended === undefined
      if (to === undefined && last.ended === 'rolled-back')
        throw new LabError(`nothing to undo: revision ${last.target} runs again; another one: ./lab rollout undo --to-revision N`)
      const revision = revisionIn(record, to ?? last.from)
      if (!isUnfinished && revision.number === last.target)
        throw new LabError(`nothing to change: revision ${revision.number} runs already`)
      const replicas = isUnfinished ? last.replicas : replicasAmong(await this.#target.containers()).length
      const rollout = { ...last, from: last.target, target: revision.number, replicas, startedAt: new Date().toISOString() }
      await this.#carrier.turn({ ...record, rollout }, isUnfinished)
      await this.#carrier.event('Normal', 'UndoRequested', `back to revision ${revision.number}`)
      await this.store.setPaused(false)
      return await this.#carrier.run(how)
    } finally {
      await release()
    }
  }

  /**
   * Returns the replicas that a plain `docker compose up` would recreate all at once.
   * @param lab the Compose files and profiles to use for `docker compose up`; by default, those of the running lab
   * @returns the outdated replicas and, if known, their number of sockets
   */
  async outdated(lab: StartedWith = this.#target.lab): Promise<{ replicas: string[]; sockets: number | undefined }> {
    const now = await resolveService({ ...this.#target, lab })
    const image = await imageId(now.imageName)
    const running = replicasAmong(await this.#target.containers())
    const replicas = running
      // If the image is missing, `docker compose up` will build a new image, whose ID is not known yet.
      .filter((one) => versionOf(one).hash !== now.hash || (image !== undefined && one.Image !== image))
      .map(({ Config }) => replicaName(Config.Labels))
    const sockets = await this.#target.sockets()
    const known = replicas.every((name) => sockets.has(name))
    return { replicas, sockets: known ? replicas.reduce((sum, name) => sum + (sockets.get(name) ?? 0), 0) : undefined }
  }

  /** Returns the current rollout's progress, or the last rollout's outcome. */
  async progress(): Promise<Progress> {
    const record = await this.store.read()
    const { rollout } = record
    if (rollout === undefined) throw new LabError('there has been no rollout yet; ./lab rollout starts one')
    if (rollout.ended === undefined) refuseDeploy(record)
    const replicas = await this.#carrier.observe(rollout, record, false)
    return { record, replicas, text: progressText(services.ws, replicas, rollout.replicas) }
  }

  /** Returns the revisions that are still known, and the current or last rollout. */
  record(): Promise<RolloutRecord> {
    return this.store.read()
  }

  /** Returns the rollout's progress, the process that carries it out, and whether it is paused. */
  async state(): Promise<{ progress: Progress; holder: number | undefined; paused: boolean }> {
    const [progress, holder, paused] = await Promise.all([this.progress(), this.store.holder(), this.store.isPaused()])
    return { progress, holder, paused }
  }

  async #refuseUnfinished(record: RolloutRecord): Promise<void> {
    refuseDeploy(record)
    const rollout = unfinished(record)
    if (rollout === undefined) return
    const other = await this.store.holder()
    if (other !== undefined && other !== process.pid)
      throw new LabError(`a rollout is carried out by process ${other} already; watch it: ./lab rollout status`)
    throw new LabError(
      `the rollout from revision ${rollout.from} to ${rollout.target} is not finished; ./lab rollout resume continues it, ./lab rollout undo reverts it`,
    )
  }

  async #forget(revision: number, imageName: string): Promise<void> {
    await this.store.removeFile(revision)
    // `docker image rm` fails harmlessly if the image has already been removed.
    await tryDocker(['image', 'rm', '--no-prune', revisionTag(imageName, revision)], { withinSeconds: callWithinSeconds })
  }
}

/** Deletes a project's rollout history and the images of its revisions. Rejects with a one-line error if Docker fails. */
export async function forgetRollouts(project: string): Promise<void> {
  const reference = `reference=${revisionTag(`${project}-${services.ws}`, '*')}`
  const listed = await docker(['image', 'ls', '--filter', reference, '--format', '{{.Repository}}:{{.Tag}}'], {
    withinSeconds: callWithinSeconds,
  })
  const images = listed.split('\n').filter((line) => line !== '')
  if (images.length > 0) await docker(['image', 'rm', ...images], { withinSeconds: callWithinSeconds })
  await rm(resolve(root, rolloutFolder(project)), { recursive: true, force: true })
  await removeRoute(project)
}

const short = (image: string) => image.replace('sha256:', '').slice(0, 12)
