/**
 * Switches the Compose lab to another colour: starts and checks a second set of replicas, moves the traffic to it, and drains the old
 * replicas. All replicas of a colour run the same revision of the service. A replica's LAB_COLOUR variable contains its colour.
 */

import { type Colour, otherColour, services } from '@lab/contract/endpoints.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { replicasAmong } from '@lab/host/replicas.ts'
import { Carrier, type CarryOut } from '../rollout/carry-out.ts'
import { defaultObjectives } from '../rollout/objectives.ts'
import { defaultDeadlineSeconds, failing, type RolloutPlan, type Rollouts } from '../rollout/rollout.ts'
import { type Rollout, type RolloutRecord, unfinished } from '../rollout/store.ts'
import type { Settings } from '../rollout/versions.ts'
import { DeployCarrier, type DeployOutcome, type DeployTarget } from './carry-out.ts'
import type { DeployReplica } from './plan.ts'
import { colourOf, type Deploy, refuseDeploy, retainedDeploy } from './state.ts'

/** Default duration of the comparison between a canary and the old version. */
export const defaultAnalysisSeconds = 60
/** Deploy options that switch all connections at once and remove the old replicas. */
const atOnce = { weight: 100, analysisSeconds: defaultAnalysisSeconds, keep: false, progressDeadlineSeconds: defaultDeadlineSeconds }
const quietly: CarryOut = { say: () => undefined, stop: new AbortController().signal }

export interface DeployOptions {
  readonly colour: Colour
  readonly image?: string
  readonly set?: Settings
  /** Whether .env remains unchanged. */
  readonly unwritten?: boolean
  /** Percentage of new connections that a canary receives; 100 means no canary, and 0 means no connections until `deploy switch`. */
  readonly weight: number
  readonly analysisSeconds: number
  readonly keep: boolean
  readonly progressDeadlineSeconds: number
  /** The command as the user typed it, for the rollout history. */
  readonly cause: string
}

export interface DeployStatus {
  readonly live: Colour
  readonly record: RolloutRecord
  /** The unfinished deploy, or the last deploy if the other colour is still running. */
  readonly deploy: Deploy | undefined
  readonly replicas: readonly (DeployReplica & { readonly colour: Colour })[]
  /** ID of the process that is carrying out the deploy; undefined if there is none. */
  readonly holder: number | undefined
}

export class Deploys {
  readonly #target: DeployTarget
  readonly #rollouts: Rollouts
  readonly #carrier: DeployCarrier
  readonly #record: Carrier

  constructor(target: DeployTarget, rollouts: Rollouts) {
    this.#target = target
    this.#rollouts = rollouts
    this.#record = new Carrier(target, rollouts.store)
    this.#carrier = new DeployCarrier(target, rollouts.store, this.#record)
  }

  /**
   * Computes the changes that a deploy would make. Writes nothing except the old revision's Compose file, if the rollout history does not
   * contain that revision. Rejects with a one-line error if no deploy is possible.
   */
  async prepare(options: DeployOptions): Promise<RolloutPlan> {
    const { colour, weight, analysisSeconds, keep, cause, progressDeadlineSeconds } = options
    refuseDeploy(await this.#rollouts.store.read())
    const live = await this.#live()
    if (live === colour)
      throw new LabError(`${colour} is live already; the other colour: ./lab deploy ${otherColour(colour)}; without one: ./lab rollout`)
    const set = { ...options.set, LAB_COLOUR: colour }
    const { image, unwritten = false } = options
    const plan = await this.#rollouts.prepare({
      ...(image !== undefined && { image }),
      set,
      unwritten,
      cause,
      progressDeadlineSeconds,
      objectives: defaultObjectives,
    })
    const sharedAt = plan.rollout.startedAt
    const deploy = { colour, share: 0, sharedAt, weight, analysisSeconds, verified: false, keep, holdsScaler: false }
    return { ...plan, rollout: { ...plan.rollout, deploy } }
  }

  /** Starts a deploy and runs it until it ends, waits for `deploy switch`, or is interrupted. */
  begin(plan: RolloutPlan, how: CarryOut): Promise<DeployOutcome> {
    return this.#rollouts.begin(plan, how, (given) => this.#carrier.run(given))
  }

  /** Resumes an unfinished deploy, or moves the traffic back to the colour that the last deploy left running. */
  async switch(how: CarryOut): Promise<DeployOutcome> {
    return this.#hold(how, async (record) => {
      const { rollout } = record
      if (rollout?.deploy === undefined) throw new LabError('there is no other colour to switch to; ./lab deploy starts one')
      const { deploy } = rollout
      if (rollout.ended === undefined) {
        if (deploy.weight === 0) await this.#write(record, { ...rollout, deploy: { ...deploy, weight: 100 } })
        return
      }
      await this.#swap(record, rollout, { ...deploy, share: 0, weight: 100, verified: false }, false)
    })
  }

  /** Routes all connections back to the previous colour and removes the new replicas. */
  async rollback(how: CarryOut): Promise<DeployOutcome> {
    return this.#hold(how, async (record) => {
      const { rollout } = record
      if (rollout?.deploy === undefined)
        throw new LabError(
          'nothing to roll back: no deploy is under way and no other colour runs; to the revision before: ./lab rollout undo',
        )
      if (rollout.ended === undefined && rollout.rollingBack) return
      await this.#swap(record, rollout, { ...rollout.deploy, share: 100, weight: 100, verified: true, keep: false }, true)
    })
  }

  /** Removes the other colour's replicas, which the last deploy left running. */
  async cleanup(how: CarryOut): Promise<DeployOutcome> {
    return this.#hold(how, async (record) => {
      const { rollout } = record
      if (rollout === undefined || retainedDeploy(record) === undefined || rollout.deploy === undefined) {
        refuseDeploy(record)
        throw new LabError('nothing to clean up: there are replicas of one colour only')
      }
      const { ended: _ended, ...again } = rollout
      await this.#write(record, { ...again, deploy: { ...rollout.deploy, keep: false } })
    })
  }

  /** Deploys the colour that is not currently live, without printing anything. Rejects if the deploy fails. */
  async toOther(): Promise<void> {
    const colour = otherColour(await this.#live())
    const plan = await this.prepare({ colour, ...atOnce, cause: `deploy ${colour} by a fault` })
    this.#must('complete', await this.begin(plan, quietly))
  }

  /**
   * Deploys the colour that is not live, with a version that exits immediately; .env remains unchanged. Rejects if the deploy is not rolled
   * back.
   */
  async fail(): Promise<void> {
    const colour = otherColour(await this.#live())
    const plan = await this.prepare({ colour, ...atOnce, set: failing, unwritten: true, cause: `failing version of ${colour}` })
    this.#must('rolled-back', await this.begin(plan, quietly))
  }

  /** Completes the unfinished deploy, if there is one. Rejects if the deploy fails. */
  async finish(): Promise<void> {
    if (unfinished(await this.#rollouts.store.read())?.deploy !== undefined) this.#must('complete', await this.switch(quietly))
  }

  /** Returns the live colour, the state of the replicas, and the current deploy, if any. */
  async status(): Promise<DeployStatus> {
    const { store } = this.#rollouts
    const [record, holder] = await Promise.all([store.read(), store.holder()])
    const { rollout } = record
    return {
      live: await this.#live(),
      record,
      deploy: rollout?.deploy,
      replicas: await this.#carrier.observe(record, false),
      holder,
    }
  }

  #must(wanted: DeployOutcome, outcome: DeployOutcome): void {
    if (outcome !== wanted) throw new LabError(`the deploy is ${outcome}; ./lab deploy status says why`)
  }

  /** Returns the live colour, which receives most of the new connections. */
  async #live(): Promise<Colour> {
    const { rollout } = await this.#rollouts.store.read()
    if (rollout?.deploy !== undefined) return rollout.deploy.share >= 50 ? rollout.deploy.colour : otherColour(rollout.deploy.colour)
    const colours = [...new Set(replicasAmong(await this.#target.containers()).map(colourOf))]
    const [live] = colours
    if (live === undefined) throw new LabError(`no replica of the project ${this.#target.project} runs; start the lab: ./lab up`)
    if (colours.length > 1) throw new LabError(`replicas of both colours run, and no deploy made them; one colour: ./lab rollout`)
    return live
  }

  /** Swaps a deploy's old and new revisions, so that continuing the deploy restores the old colour. */
  async #swap(record: RolloutRecord, last: Rollout, deploy: Deploy, rollingBack: boolean): Promise<void> {
    const now = new Date().toISOString()
    const colour = otherColour(deploy.colour)
    const rollout = { ...last, target: last.from, from: last.target, startedAt: now, deploy: { ...deploy, colour, sharedAt: now } }
    await this.#record.turn({ ...record, rollout }, rollingBack)
    await this.#record.event('Normal', rollingBack ? 'RollbackRequested' : 'SwitchRequested', `${services.ws}: to ${colour}`)
  }

  async #write(record: RolloutRecord, rollout: Rollout): Promise<void> {
    await this.#rollouts.store.write({ ...record, rollout })
  }

  /** Locks the rollout for this process, changes the rollout record, and carries out the deploy. */
  async #hold(how: CarryOut, change: (record: RolloutRecord) => Promise<void>): Promise<DeployOutcome> {
    const { store } = this.#rollouts
    const release = await store.hold()
    try {
      await change(await store.read())
      return await this.#carrier.run(how)
    } finally {
      await release()
    }
  }
}
