/** Carries out a deploy in a loop: reads the state of the replicas, computes the next action with plan.ts, and performs it. */
import { type Colour, colourHeader, colours, otherColour, services } from '@lab/contract/endpoints.ts'
import { scaleCommand } from '@lab/host/compose.ts'
import { docker } from '@lab/host/docker.ts'
import { LabError } from '@lab/host/lab-error.ts'
import type { Prometheus } from '@lab/host/prometheus.ts'
import type { Container } from '@lab/host/replicas.ts'
import { pause, until } from '@lab/host/until.ts'
import type { LabScaler } from '../../lab.ts'
import {
  afterFailure,
  type Carrier,
  type CarryOut,
  callWithinSeconds,
  isWell,
  lastWords,
  type Outcome,
  type RolloutTarget,
  remove,
  stopWithinSeconds,
} from '../rollout/carry-out.ts'
import { defaultObjectives } from '../rollout/objectives.ts'
import { cookieFor, isUpdated, rolloutReplica, type Served, SmokeTests, smokeTest } from '../rollout/observe.ts'
import { readHardened, removeRouteFile, routeFileText, writeRouteFile } from '../rollout/route-file.ts'
import { type Rollout, type RolloutRecord, type RolloutStore, revisionIn, unfinished } from '../rollout/store.ts'
import { leastWindowSeconds, readVersion } from '../rollout/version-reading.ts'
import { judge } from './analysis.ts'
import { type DeployAction, type DeployReplica, nextDeployAction } from './plan.ts'
import { deployRoutes, routesBy, type Shares } from './route.ts'
import { colourOf, type Deploy } from './state.ts'

const everyMs = 500
/** How long Traefik may take to apply a changed route file. */
const routedWithinMs = 20_000
/** Number of consecutive smoke tests that the new colour must pass, and the time limit for all of them. */
const arrivals = 6
const arriveWithinMs = 20_000
const steps = 7

/** The outcome of a deploy command; `ready` means that the new colour is waiting for `deploy switch`. */
export type DeployOutcome = Outcome | 'ready'

export interface DeployTarget extends RolloutTarget {
  /** Address of the Traefik API. */
  readonly traefik: string
  readonly prometheus: Prometheus
  readonly scaler: LabScaler | undefined
}

type Under = { readonly record: RolloutRecord; readonly rollout: Rollout; readonly deploy: Deploy }

export class DeployCarrier {
  readonly #target: DeployTarget
  readonly #store: RolloutStore
  readonly #record: Carrier
  readonly #smokes = new SmokeTests()
  #route = ''

  constructor(target: DeployTarget, store: RolloutStore, record: Carrier) {
    this.#target = target
    this.#store = store
    this.#record = record
  }

  /** Carries out the current deploy until it ends, waits for `deploy switch`, or is interrupted. */
  async run({ say, stop }: CarryOut): Promise<DeployOutcome> {
    let [failures, said] = [0, 0]
    const step = (number: number, text: string) => {
      if (number > said) say(`${number}/${steps} ${text}`)
      said = Math.max(said, number)
    }
    for (;;) {
      const under = underWay(await this.#store.read())
      if (under === undefined) return (await this.#store.read()).rollout?.ended ?? 'failed'
      if (stop.aborted) return 'interrupted'
      try {
        const held = await this.#holdScaler(under)
        const replicas = await this.observe(held.record, true)
        const action = nextDeployAction(replicas, specOf(held), Date.now() / 1000)
        if (!held.rollout.rollingBack) tell(action, held, replicas, step)
        if (action.kind === 'ready') return 'ready'
        await this.#perform(action, held, replicas, { say, stop }, step)
        failures = 0
      } catch (error) {
        if (stop.aborted) return 'interrupted'
        const hint = 'the deploy is not finished: ./lab deploy switch continues it, ./lab deploy rollback reverts it'
        await afterFailure(error, ++failures, hint, { say, stop })
      }
    }
  }

  async #perform(
    action: DeployAction,
    under: Under,
    replicas: readonly DeployReplica[],
    { say, stop }: CarryOut,
    step: (number: number, text: string) => void,
  ): Promise<void> {
    const { record, rollout, deploy } = under
    switch (action.kind) {
      case 'wait':
      case 'ready':
        return pause(everyMs, stop)
      case 'start':
        return this.#start(action.count, record, rollout)
      case 'remove':
        return remove(action.replica)
      case 'revive':
        await docker(['start', action.replica.id], { withinSeconds: callWithinSeconds })
        return
      case 'share': {
        const { percent } = action
        if (percent < 100) say(`canary: ${percent} % of new connections go to ${deploy.colour} for ${deploy.analysisSeconds} s`)
        await this.#share(under, percent)
        return this.#record.event('Normal', percent < 100 ? 'CanaryStarted' : 'Switched', `${percent} % to ${deploy.colour}`)
      }
      case 'analyse': {
        const { verdict, why } = await this.#analyse(under, replicas)
        if (verdict === 'fail') return this.#giveUp(under, 'AnalysisFailed', `the canary failed: ${why}`, say)
        if (verdict === 'wait') return pause(2 * everyMs, stop)
        say(`canary: passed: ${why}`)
        await this.#record.event('Normal', 'AnalysisPassed', why)
        step(4, `switch: all new connections go to ${deploy.colour}`)
        await this.#share({ ...under, record: await this.#store.read() }, 100)
        return this.#record.event('Normal', 'Switched', `100 % to ${deploy.colour}`)
      }
      case 'verify': {
        const problem = await this.#verify(replicas, stop)
        if (problem !== undefined) return this.#giveUp(under, 'SwitchFailed', problem, say)
        await this.#write(under, { ...deploy, verified: true })
        return
      }
      case 'drain':
        say(`${action.replica.name} drains${action.afterwards === 'start' ? ', and stays without traffic' : ''}`)
        // Docker kills the container only after its grace period, which is longer than the replica's drain.
        await docker([action.afterwards === 'start' ? 'restart' : 'stop', action.replica.id], { withinSeconds: stopWithinSeconds, stop })
        return action.afterwards === 'start' ? undefined : remove(action.replica)
      case 'give-up':
        return this.#giveUp(
          under,
          action.reason,
          `${action.message}${action.replica === undefined ? '' : await lastWords(action.replica)}`,
          say,
        )
      case 'done':
        return this.#finish(under, say, step)
    }
  }

  async #start(count: number, record: RolloutRecord, rollout: Rollout): Promise<void> {
    const revision = revisionIn(record, rollout.target)
    if (!revision.recoverable)
      throw new LabError(`revision ${revision.number} cannot be made again: more than its variables has changed in the Compose files since`)
    const { length } = await this.#target.containers()
    const env = { COMPOSE_IGNORE_ORPHANS: 'true', COMPOSE_REMOVE_ORPHANS: 'false' }
    const files = [this.#store.fileOf(revision.number)]
    await docker(scaleCommand({ replicas: length + count, files, env, project: this.#target.project }), {
      withinSeconds: callWithinSeconds,
    })
  }

  /** Starts the rollback to the previous colour. If the deploy is already rolling back, records that the deploy has failed. */
  async #giveUp({ record, rollout, deploy }: Under, reason: string, message: string, say: CarryOut['say']): Promise<void> {
    const colour = otherColour(deploy.colour)
    if (rollout.rollingBack) {
      await this.#end({ record, rollout, deploy }, 'failed')
      await this.#record.event('Warning', reason, `${message}; ${deploy.colour} could not be restored`)
      say(`error: ${message}; ${deploy.colour} could not be restored: ./lab logs ws; ./lab rollout makes all replicas as .env says`)
      return
    }
    say(`error: ${message}; rolling back to ${colour}`)
    const back = { ...deploy, colour, share: 100, sharedAt: new Date().toISOString(), weight: 100, verified: true, keep: false }
    await this.#record.turn({ ...record, rollout: { ...rollout, target: rollout.from, from: rollout.target, deploy: back } }, true)
    await this.#record.event('Warning', reason, `${message}; rolling back to ${colour}`)
  }

  /**
   * Records in the rollout record that the deploy has ended. If the other colour's replicas do not continue to run, also removes the route
   * file, and resumes the scaler if the deploy paused it.
   */
  async #end({ record, rollout, deploy: { keep, holdsScaler } }: Under, ended: 'complete' | 'rolled-back' | 'failed'): Promise<void> {
    const { deploy: _deploy, ...plain } = rollout
    if (!keep) {
      await removeRouteFile('deploy', this.#target.project)
      this.#route = ''
      // The scaler resumes before the deploy is recorded as finished, so that a later command can finish the deploy if this one is killed.
      if (holdsScaler) await this.#target.scaler?.resume()
    }
    await this.#store.write({ ...record, rollout: keep ? { ...rollout, ended } : { ...plain, ended } })
  }

  async #finish(under: Under, say: CarryOut['say'], step: (number: number, text: string) => void): Promise<void> {
    const { rollingBack } = under.rollout
    const { colour, keep, holdsScaler } = under.deploy
    await this.#target.renewActuator()
    await this.#end(under, rollingBack ? 'rolled-back' : 'complete')
    const message = rollingBack ? `${colour} runs again` : `${services.ws} is ${colour}`
    await this.#record.event('Normal', rollingBack ? 'RolledBack' : 'DeployComplete', message)
    if (rollingBack) say(`service "${services.ws}" rolled back to ${colour}`)
    else if (keep)
      step(7, `${otherColour(colour)} stays without traffic: ./lab deploy rollback returns to it, ./lab deploy cleanup removes it`)
    else step(7, `clean up: service "${services.ws}" is ${colour}`)
    if (keep && holdsScaler) say('the scaler stays paused until then')
  }

  /** Pauses the scaler during a deploy, because it would count the replicas of both colours. */
  async #holdScaler(under: Under): Promise<Under> {
    const { scaler } = this.#target
    if (under.deploy.holdsScaler || scaler === undefined || (await scaler.isPaused())) return under
    // The pause is recorded before the scaler is paused, so that a later command can undo the pause even if this command is killed.
    const held = await this.#write(under, { ...under.deploy, holdsScaler: true })
    await scaler.pause()
    return held
  }

  async #share(under: Under, percent: number): Promise<void> {
    await this.#write(under, { ...under.deploy, share: percent, sharedAt: new Date().toISOString() })
  }

  async #write({ record, rollout }: Under, deploy: Deploy): Promise<Under> {
    const changed = { ...rollout, deploy }
    const written = { ...record, rollout: changed }
    await this.#store.write(written)
    return { record: written, rollout: changed, deploy }
  }

  async #analyse({ deploy }: Under, replicas: readonly DeployReplica[]) {
    const seconds = (Date.now() - Date.parse(deploy.sharedAt)) / 1000
    if (seconds < leastWindowSeconds) return { verdict: 'wait', why: '' } as const
    const window = Math.min(seconds, deploy.analysisSeconds)
    const read = (updated: boolean) =>
      readVersion(
        this.#target.prometheus,
        replicas.filter((one) => one.updated === updated).map(({ name }) => name),
        window,
      )
    const [old, canary] = await Promise.all([read(false), read(true)])
    return judge(old, canary, seconds >= deploy.analysisSeconds)
  }

  /**
   * @returns the reason why new connections do not reach the updated replicas; undefined if the updated replicas serve all new connections
   */
  async #verify(replicas: readonly DeployReplica[], stop: AbortSignal): Promise<string | undefined> {
    const names = replicas.filter(({ updated }) => updated).map(({ name }) => name)
    let row = 0
    const arrived = async () => {
      const { ok, missed, detail } = await smokeTest({
        entry: this.#target.entry,
        replicas: names,
        headers: {},
        objectives: defaultObjectives,
      })
      const served = ok || missed === true
      row = served ? row + 1 : 0
      if (!served) throw new Error(detail)
      return row >= arrivals
    }
    try {
      await until('new sockets arrive at the new colour', arrived, { withinMs: arriveWithinMs, everyMs: 100, stop })
      return undefined
    } catch (error) {
      stop.throwIfAborted()
      return (error as Error).message
    }
  }

  /** @param act whether to update Traefik's route and to run smoke tests against the updated replicas */
  async observe(record: RolloutRecord, act: boolean): Promise<(DeployReplica & { colour: Colour })[]> {
    const { rollout } = record
    const containers = await this.#target.containers()
    if (act && rollout?.deploy !== undefined) await this.#steer(rollout.deploy, containers)
    const version = rollout === undefined ? undefined : revisionIn(record, rollout.target).version
    return Promise.all(
      containers.map(async (container) => {
        const updated = version !== undefined && isUpdated(container, version, {})
        const tests = act && updated && isWell(container) && rollout?.rollingBack === false
        const served = tests ? await this.#smoke(container) : { ok: true, detail: '' }
        const startedAtSeconds = Date.parse(container.State.StartedAt) / 1000
        return { ...rolloutReplica(container, updated, served), startedAtSeconds, colour: colourOf(container) }
      }),
    )
  }

  /** Runs a smoke test against a replica that has not passed one yet; a request header selects the replica's colour. */
  #smoke(container: Container): Promise<Served> {
    const address = container.NetworkSettings?.Networks[`${this.#target.project}_lab`]?.IPAddress ?? ''
    const { name } = rolloutReplica(container, true, { ok: true, detail: '' })
    const headers = { [colourHeader]: colourOf(container), cookie: cookieFor(address) }
    return this.#smokes.run(container.Id, { entry: this.#target.entry, replicas: [name], headers, objectives: defaultObjectives })
  }

  /** Makes Traefik route connections according to the deploy's current percentage, and resolves when Traefik has applied the route. */
  async #steer(deploy: Deploy, containers: readonly Container[]): Promise<void> {
    const present = colours.filter((colour) => containers.some((one) => isWell(one) && colourOf(one) === colour))
    const shares: Shares = Object.fromEntries(
      present.map((colour) => [colour, colour === deploy.colour ? deploy.share : 100 - deploy.share]),
    )
    const text = routeFileText(deployRoutes(this.#target.project, shares), await readHardened())
    // If no replica is healthy, the route is left unchanged, because a new route would not contain any servers.
    if (text === this.#route || present.length === 0) return
    await writeRouteFile('deploy', this.#target.project, text)
    await until(`Traefik routes ${JSON.stringify(shares)}`, () => routesBy(this.#target.traefik, shares), { withinMs: routedWithinMs })
    this.#route = text
  }
}

/** Prints one line for each of the seven steps of a deploy when the deploy reaches that step. */
function tell(
  action: DeployAction,
  { rollout, deploy }: Under,
  replicas: readonly DeployReplica[],
  step: (number: number, text: string) => void,
): void {
  const { colour } = deploy
  const mine = replicas.filter(({ updated }) => updated)
  step(1, `start ${rollout.replicas} ${colour} replicas, which get no public traffic`)
  if (mine.length < rollout.replicas) return
  step(2, `health check of ${mine.map(({ name }) => name).join(', ')}`)
  if (action.kind === 'wait' || action.kind === 'give-up') return
  step(3, `smoke test through Traefik: each replica has served sockets that requested ${colour}`)
  if (action.kind === 'share' && action.percent === 100) step(4, `switch: all new connections go to ${colour}`)
  if (action.kind === 'verify') step(5, `verify that new sockets arrive at ${colour}`)
  if (action.kind === 'drain') step(6, `drain ${otherColour(colour)}, one replica after the other`)
}

function underWay(record: RolloutRecord): Under | undefined {
  const rollout = unfinished(record)
  return rollout?.deploy === undefined ? undefined : { record, rollout, deploy: rollout.deploy }
}

function specOf({ rollout, deploy }: Under) {
  return { ...rollout, ...deploy, sharedAtSeconds: Date.parse(deploy.sharedAt) / 1000 }
}
