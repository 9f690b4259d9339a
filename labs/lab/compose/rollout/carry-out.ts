/** Carries out a rollout in a loop: reads the state of the replicas, computes the next action with plan.ts, and performs it. */
import { services } from '@lab/contract/endpoints.ts'
import type { RolloutEvent } from '@lab/contract/rollouts.ts'
import { scaleCommand } from '@lab/host/compose.ts'
import { docker, tryDocker } from '@lab/host/docker.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { type Container, isReplica } from '@lab/host/replicas.ts'
import { pause } from '@lab/host/until.ts'
import { readRolloutScale, writeRolloutScale } from '@lab/scaler/rollout-file.ts'
import { missedObjective } from './objectives.ts'
import { cookieFor, isUpdated, rolloutReplica, type Served, SmokeTests } from './observe.ts'
import { nextAction, progressText, type RolloutAction, type RolloutReplica } from './plan.ts'
import { type RouteServer, removeRoute, weightsOf, writeRoute } from './route.ts'
import { writeSettings } from './settings.ts'
import { type Rollout, type RolloutRecord, type RolloutStore, revisionIn, unfinished, withEvent } from './store.ts'
import type { VersionReading } from './version-reading.ts'
import { type ComposeProject, resolveService, tagImage } from './versions.ts'

const everyMs = 500
/** Time limits for a single docker command, in seconds. The time limit for stopping a container includes the container's grace period. */
export const callWithinSeconds = 60
export const stopWithinSeconds = 120
/** Number of consecutive failed calls after which the command exits; the rollout can then be resumed. */
const mostFailures = 5
const failurePauseMs = 2_000
/** How long a single call prevents rebalancing (longer than any action takes), and the interval between such calls. Seconds. */
const holdSeconds = stopWithinSeconds + 30
const renewHoldSeconds = 15
/**
 * Interval at which the objectives are checked while both versions run, and the number of consecutive misses after which the rollout fails.
 * Scrapes are 5 s apart.
 */
const judgeEverySeconds = 5
const mostMissed = 2
/**
 * Number of updated replicas that may be killed by an external SIGKILL before the rollout fails; without this limit, a rollout might never
 * end.
 */
const mostKilled = 3

export interface RolloutTarget extends ComposeProject {
  /** Where clients connect. */
  readonly entry: string
  /** Returns the containers of the `ws` service in any state. */
  containers(): Promise<Container[]>
  /** The folder in which the scaler stores the desired number of replicas. */
  readonly scalerState: string
  /** Returns the maximum number of replicas that the scaler may request. */
  mostReplicas(): Promise<number>
  /** Prevents replicas from rebalancing their sockets for the given number of seconds; 0 allows rebalancing again. */
  holdRebalancing(seconds: number): Promise<void>
  /** Reads the metrics of the given replicas from Prometheus. Rejects if Prometheus does not respond. */
  reading(replicas: readonly string[]): Promise<VersionReading>
  /**
   * Recreates the scaler's actuator, so that the scaler starts new replicas with the current configuration; does nothing if there is no
   * scaler.
   */
  renewActuator(): Promise<void>
  /** Returns each replica's number of sockets, if that number is known. */
  sockets(): Promise<ReadonlyMap<string, number>>
}

/** The part of a rollout that is shown while it runs. */
export interface RolloutView {
  readonly rollout: Pick<Rollout, 'target' | 'replicas' | 'rollingBack'>
  readonly replicas: readonly RolloutReplica[]
}

export interface CarryOut {
  /** Called with one line of output for each step. */
  readonly say: (line: string) => void
  /** Called after each observation of the replicas. If `show` is undefined, `say` is called whenever the rollout's progress changes. */
  readonly show?: (view: RolloutView) => void
  readonly stop: AbortSignal
}

/** The outcome of a rollout command. */
export type Outcome = 'complete' | 'rolled-back' | 'failed' | 'paused' | 'interrupted'

export class Carrier {
  readonly #target: RolloutTarget
  readonly #store: RolloutStore
  readonly #smokes = new SmokeTests()
  /**
   * The number of sockets that each updated replica has received, as a fraction of an equal share of all sockets, keyed by container ID.
   */
  readonly #filled = new Map<string, number>()
  #pool: readonly (RouteServer & { readonly id: string })[] = []
  /** The replicas in the route file and whether each has passed its smoke test; undefined if the route file must be written again. */
  #route: string | undefined
  #heldAtMs = Number.NEGATIVE_INFINITY
  #unheldSaid = false
  #judgedAtMs = performance.now()
  #missed = 0
  #killed = 0

  constructor(target: RolloutTarget, store: RolloutStore) {
    this.#target = target
    this.#store = store
  }

  /** Carries out the current rollout until it ends, is paused or is interrupted. */
  async run({ say, show, stop }: CarryOut): Promise<Outcome> {
    let [said, failures] = ['', 0]
    const most = await this.#target.mostReplicas()
    try {
      for (;;) {
        const before = await this.#store.read()
        const begun = unfinished(before)
        if (begun === undefined) return before.rollout?.ended ?? 'failed'
        if (stop.aborted) return 'interrupted'
        if (await this.#store.isPaused()) return 'paused'
        try {
          this.#holdRebalancing(say)
          const { record, rollout } = await this.#followScaler(before, begun, most)
          const replicas = await this.observe(rollout, record, true)
          const text = progressText(services.ws, replicas, rollout.replicas)
          const action = nextAction(replicas, rollout, Date.now() / 1000, await this.#judge(replicas, rollout, say))
          show?.({ rollout, replicas })
          if (show === undefined && text !== said && action.kind !== 'give-up' && action.kind !== 'done') say(text)
          said = text
          await this.#perform(action, rollout, record, { say, stop })
          failures = 0
        } catch (error) {
          if (stop.aborted) return 'interrupted'
          await afterFailure(error, ++failures, 'the rollout is not finished: ./lab rollout resume continues it', { say, stop })
        }
      }
    } finally {
      await removeRoute(this.#target.project)
      await this.#target.holdRebalancing(0).catch((error: Error) => say(unheld(error)))
      // The rollout file must exist until the rollout ends: the scaler reads the desired number of replicas from it, because the number of
      // containers can differ.
      if (unfinished(await this.#store.read()) === undefined) await writeRolloutScale(this.#target.scalerState, undefined)
    }
  }

  /** Prevents rebalancing without waiting for the store's reply, so that an unavailable store does not delay the rollout. */
  #holdRebalancing(say: CarryOut['say']): void {
    if (performance.now() - this.#heldAtMs < renewHoldSeconds * 1000) return
    this.#heldAtMs = performance.now()
    void this.#target.holdRebalancing(holdSeconds).catch((error: Error) => {
      if (!this.#unheldSaid) say(unheld(error))
      this.#unheldSaid = true
    })
  }

  /** Describes the objective that the updated replicas miss; undefined until objectives have been missed in enough consecutive checks. */
  async #judge(replicas: readonly RolloutReplica[], rollout: Rollout, say: CarryOut['say']): Promise<string | undefined> {
    const namesOf = (isUpdated: boolean) =>
      replicas.filter(({ updated, state }) => updated === isUpdated && state === 'available').map(({ name }) => name)
    const [updated, old] = [namesOf(true), namesOf(false)]
    if (rollout.rollingBack || updated.length === 0 || old.length === 0) return undefined
    if (performance.now() - this.#judgedAtMs < judgeEverySeconds * 1000) return undefined
    this.#judgedAtMs = performance.now()
    const readings = await Promise.all([updated, old].map((names) => this.#target.reading(names))).catch((error: Error) =>
      say(`the objectives cannot be checked: ${error.message}`),
    )
    const [ofUpdated, ofOld] = readings ?? []
    const missed = ofUpdated && missedObjective(ofUpdated, ofOld, rollout)
    this.#missed = missed === undefined ? 0 : this.#missed + 1
    return this.#missed >= mostMissed ? missed : undefined
  }

  /** Copies the scaler's desired number of replicas into the rollout record, and informs the scaler about the current rollout. */
  async #followScaler(record: RolloutRecord, rollout: Rollout, most: number): Promise<{ record: RolloutRecord; rollout: Rollout }> {
    const { scalerState } = this.#target
    const found = await readRolloutScale(scalerState)
    const replicas = Math.min(found?.replicas ?? rollout.replicas, most)
    const scale = { from: rollout.from, to: rollout.target, replicas }
    if (found?.from !== scale.from || found.to !== scale.to || found.replicas !== replicas) await writeRolloutScale(scalerState, scale)
    if (replicas === rollout.replicas) return { record, rollout }
    const message = `the scaler wants ${replicas} replicas instead of ${rollout.replicas}`
    const followed = { ...rollout, replicas }
    const event = { time: new Date().toISOString(), type: 'Normal', reason: 'ScalingReplicaSet', message } as const
    const changed = withEvent({ ...record, rollout: followed }, event)
    await this.#store.write(changed)
    return { record: changed, rollout: followed }
  }

  async #perform(action: RolloutAction, rollout: Rollout, record: RolloutRecord, { say, stop }: CarryOut): Promise<void> {
    switch (action.kind) {
      case 'wait':
        return pause(everyMs, stop)
      case 'start': {
        const { length } = await this.#target.containers()
        const { project } = this.#target
        if (!revisionIn(record, rollout.target).recoverable)
          throw new LabError(`revision ${rollout.target} cannot be recreated: the Compose files have changed in more than its variables`)
        const file = this.#store.fileOf(rollout.target)
        const env = { COMPOSE_IGNORE_ORPHANS: 'true', COMPOSE_REMOVE_ORPHANS: 'false' }
        await docker(scaleCommand({ replicas: length + 1, files: [file], env, project }), { withinSeconds: callWithinSeconds })
        return
      }
      case 'stop':
        say(`${action.replica.name} drains: ${action.why}`)
        // Docker kills the container only after its grace period, which is longer than the replica's drain.
        await docker(['stop', action.replica.id], { withinSeconds: stopWithinSeconds, stop })
        if (!action.replica.updated) this.#noteDrain()
        return remove(action.replica)
      case 'remove':
        if (action.replica.state === 'killed') {
          const { name, updated } = action.replica
          say(`${name} was killed; another one takes its place`)
          if (updated) this.#killed++
        }
        return remove(action.replica)
      case 'done': {
        const revision = revisionIn(record, rollout.target)
        const ended = rollout.rollingBack ? 'rolled-back' : 'complete'
        await this.#store.write({ ...record, rollout: { ...rollout, ended } })
        if (!rollout.rollingBack) await this.#target.renewActuator()
        const [reason, message] = rollout.rollingBack
          ? ['RolledBack', `revision ${rollout.target} runs again`]
          : ['RolloutComplete', `service "${services.ws}" successfully rolled out`]
        await this.event('Normal', reason, message)
        if ((await resolveService(this.#target, revision.settings)).hash !== revision.version.hash)
          say(`The Compose files differ from revision ${revision.number}: a plain docker compose up would replace all replicas at once.`)
        say(rollout.rollingBack ? `service "${services.ws}" rolled back to revision ${rollout.target}` : message)
        return
      }
      case 'give-up': {
        const { reason } = action
        const message = `${action.message}${action.replica === undefined ? '' : await lastWords(action.replica)}`
        if (rollout.rollingBack) {
          await this.#store.write({ ...record, rollout: { ...rollout, ended: 'failed' } })
          await this.event('Warning', reason, `${message}; revision ${rollout.target} could not be restored either`)
          say(`error: ${message}; revision ${rollout.target} could not be restored either: ./lab rollout history, ./lab logs ws`)
          return
        }
        say(`error: ${message}; rolling back to revision ${rollout.from}`)
        await this.turn({ ...record, rollout: { ...rollout, target: rollout.from, from: rollout.target } }, true)
        return this.event('Warning', reason, `${message}; rolling back to revision ${rollout.from}`)
      }
    }
  }

  /** Makes an earlier revision the target of a rollout, and restores that revision's .env lines and image tag. */
  async turn(record: RolloutRecord, rollingBack: boolean): Promise<void> {
    const { rollout } = record
    const revision = revisionIn(record, rollout?.target)
    if (rollout === undefined) return
    const { imageName } = await resolveService(this.#target)
    await writeSettings(revision.settings)
    // The image is tagged with the name from the Compose files, so that a later `docker compose up` uses this revision's image.
    await tagImage(revision.version.image, imageName)
    const { madeAfterSeconds: _restart, ended: _ended, ...back } = rollout
    await this.#store.write({ ...record, rollout: { ...back, rollingBack } })
  }

  /** Adds an event to the rollout record. */
  async event(type: RolloutEvent['type'], reason: string, message: string): Promise<void> {
    await this.#store.write(withEvent(await this.#store.read(), { time: new Date().toISOString(), type, reason, message }))
  }

  /** @param act whether to run smoke tests against updated replicas and to route new connections to them */
  async observe(rollout: Rollout, record: RolloutRecord, act: boolean): Promise<RolloutReplica[]> {
    const { version } = revisionIn(record, rollout.target)
    const containers = await this.#target.containers()
    const updated = containers.filter((container) => isUpdated(container, version, rollout))
    const steer = () => this.#steer(updated, rollout, containers.length - updated.length)
    if (act) await steer()
    const replicas = await Promise.all(
      containers.map(async (container) => {
        const mine = updated.includes(container)
        const served = { ok: true, detail: '' }
        const replica = rolloutReplica(container, mine, mine && act && isWell(container) ? await this.#smoke(container, rollout) : served)
        return mine && replica.state === 'killed' && this.#killed >= mostKilled ? { ...replica, state: 'failed' as const } : replica
      }),
    )
    // A replica that has just passed its smoke test must get its weight before an old replica drains, because the drained clients would
    // otherwise be distributed by the previous weights.
    if (act) await steer()
    return replicas
  }

  async #smoke(container: Container, rollout: Rollout): Promise<Served> {
    const { name } = rolloutReplica(container, true, { ok: true, detail: '' })
    const { missed, ...served } = await this.#smokes.run(container.Id, {
      entry: this.#target.entry,
      replicas: [name],
      headers: { cookie: cookieFor(this.#addressOf(container)) },
      objectives: rollout,
    })
    return missed && !rollout.rollingBack ? { ...served, missed } : served
  }

  /** Routes new connections only to updated replicas while old replicas exist. */
  async #steer(updated: readonly Container[], rollout: Rollout, old: number): Promise<void> {
    const well = old > 0 && !rollout.rollingBack ? updated.filter(isWell) : []
    const key = well.map(({ Id }) => `${Id} ${this.#smokes.hasPassed(Id)}`).join()
    if (key === this.#route) return
    await this.#rememberShares(well, rollout)
    // A replica that has not passed the smoke test gets the lowest weight, so that Traefik routes few clients to it.
    this.#pool = well.map((container) => ({
      id: container.Id,
      address: this.#addressOf(container),
      filled: this.#smokes.hasPassed(container.Id) ? (this.#filled.get(container.Id) ?? 0) : 1,
    }))
    await writeRoute(this.#target.project, this.#pool)
    this.#route = key
  }

  /**
   * Records each updated replica's number of sockets as a fraction of an equal share: 0 for a new replica; otherwise computed from
   * Prometheus metrics.
   */
  async #rememberShares(updated: readonly Container[], rollout: Rollout): Promise<void> {
    const unknown = updated.filter(({ Id }) => !this.#filled.has(Id))
    if (unknown.length === 0) return
    const sockets = await this.#target.sockets()
    const total = [...sockets.values()].reduce((sum, one) => sum + one, 0)
    for (const container of unknown) {
      const { name } = rolloutReplica(container, true, { ok: true, detail: '' })
      this.#filled.set(container.Id, total === 0 ? 0 : ((sockets.get(name) ?? 0) * rollout.replicas) / total)
    }
  }

  /** Assigns a drained replica's sockets to the replicas in the pool, in proportion to their weights. */
  #noteDrain(): void {
    const weights = weightsOf(this.#pool)
    const all = weights.reduce((sum, weight) => sum + weight, 0)
    for (const [index, { id }] of this.#pool.entries()) this.#filled.set(id, (this.#filled.get(id) ?? 0) + (weights[index] ?? 0) / all)
    this.#route = undefined
  }

  #addressOf({ NetworkSettings }: Container): string {
    return NetworkSettings?.Networks[`${this.#target.project}_lab`]?.IPAddress ?? ''
  }
}

const unheld = (error: Error) => `replicas may move sockets for balance during the rollout: ${error.message}`

/** Returns the last line that a replica printed, for use in an error message. */
export async function lastWords({ id }: RolloutReplica): Promise<string> {
  const { stdout, stderr } = await tryDocker(['logs', '--tail', '5', id], { withinSeconds: callWithinSeconds })
  const last = `${stdout}\n${stderr}`.trim().split('\n').at(-1) ?? ''
  return last === '' ? '' : `; its last line: ${last.slice(0, 300)}`
}

/**
 * Waits before a failed call is retried. After too many consecutive failures, rejects with the error and a hint on how to continue.
 * @param failures number of consecutive failures
 * @param hint tells the user how to continue
 */
export async function afterFailure(error: unknown, failures: number, hint: string, { say, stop }: CarryOut): Promise<void> {
  const { message } = error as Error
  if (failures >= mostFailures) throw new LabError(`${message}; ${hint}`)
  say(`${message}; trying again`)
  await pause(failurePauseMs, stop)
}

/** Removes a replica's container. */
export async function remove({ id }: RolloutReplica): Promise<void> {
  await docker(['rm', '--force', id], { withinSeconds: callWithinSeconds })
}

/** Returns whether a container is a running replica that Docker reports as healthy. */
export function isWell(container: Container): boolean {
  return isReplica(container) && container.State.Status === 'running' && container.State.Health?.Status === 'healthy'
}
