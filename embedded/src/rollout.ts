/**
 * Changes the version that the embedded lab's replicas run, by a rollout or a deploy. A rollout replaces the replicas one by one. A deploy
 * starts replicas of the other colour, then switches new sockets to them, and then drains the old replicas.
 */
import { otherColour } from '@lab/contract/endpoints.ts'
import type { RolloutPort } from '@lab/scaler/ports.ts'
import type { RolloutScale } from '@lab/scaler/rollout-file.ts'
import type { ProcessTarget } from './process-target.ts'
import type { Replicas, ReplicaVersion } from './replicas.ts'

/** An invalid setting, with which a replica exits as soon as it starts. */
const broken = { MAX_CONNECTIONS: '0' }

interface Change extends RolloutScale {
  readonly what: 'deploy' | 'rollout'
  readonly rollback: boolean
}

export class Rollout implements RolloutPort {
  private readonly replicas: Replicas
  private readonly target: Pick<ProcessTarget, 'add' | 'remove' | 'replace' | 'scaleTo'>
  private readonly note: (text: string) => void
  private readonly stop: AbortSignal
  /** The replicas' current revision, and the number of the latest revision that was ever rolled out or deployed. */
  private revision = 1
  private revisions = 1
  private underWay: Change | null = null

  /** @param stop signal that aborts when the lab shuts down */
  constructor(replicas: Replicas, target: Rollout['target'], note: (text: string) => void, stop: AbortSignal) {
    this.replicas = replicas
    this.target = target
    this.note = note
    this.stop = stop
  }

  /** Describes the current rollout or deploy in one sentence; null if none is in progress. */
  get words(): string | null {
    if (this.underWay === null) return null
    const { version } = this.replicas
    const old = this.outdated().length
    return `A ${this.noun} to ${version.name} is under way: ${old} old ${old === 1 ? 'replica is' : 'replicas are'} left.`
  }

  /** Returns the revisions and the desired number of replicas of the current rollout or deploy; undefined if none is in progress. */
  async read(): Promise<RolloutScale | undefined> {
    if (this.underWay === null) return undefined
    const { from, to, replicas } = this.underWay
    return { from, to, replicas }
  }

  /**
   * Changes the number of replicas that the current rollout or deploy must reach. A rollout applies the new number of replicas at its next
   * step, and a deploy applies it at the end.
   */
  async write({ replicas }: RolloutScale): Promise<void> {
    if (this.underWay !== null) this.underWay = { ...this.underWay, replicas }
  }

  /**
   * Rolls out a new version; if the rollout fails, restores the previous version. Resolves once all replicas run the same version.
   * Rejects if another rollout is in progress, or if a failed rollout cannot be rolled back to the previous version.
   * @param fails whether to roll out a version that cannot start, in order to demonstrate a failed rollout
   */
  begin(fails: boolean): Promise<void> {
    const { colour } = this.replicas.version
    const replaceAll = () => this.replaceAll()
    return this.change('rollout', { name: this.nextName(), colour, env: fails ? broken : {} }, replaceAll, replaceAll)
  }

  /**
   * Deploys a new version to the other colour; if the deploy fails, removes that colour's replicas. Resolves and rejects under the same
   * conditions as `begin`.
   * @param fails whether to deploy a version that cannot start, in order to demonstrate a failed deploy
   */
  deploy(fails: boolean): Promise<void> {
    const { colour: before } = this.replicas.version
    const colour = otherColour(before)
    const carryOut = async () => {
      const count = this.wanted
      this.note(`${count} ${colour} replicas start, which get no sockets`)
      await this.target.add(count, this.stop)
      this.note(`new sockets go to ${colour}; the ${before} replicas drain one after the other`)
      this.replicas.live = colour
      await this.removeAll()
    }
    const restore = () => {
      this.replicas.live = before
      return this.removeAll()
    }
    return this.change('deploy', { name: this.nextName(), colour, env: fails ? broken : {} }, carryOut, restore)
  }

  private async change(
    what: 'deploy' | 'rollout',
    version: ReplicaVersion,
    carryOut: () => Promise<void>,
    restore: () => Promise<void>,
  ): Promise<void> {
    if (this.underWay !== null) throw new Error(`a ${this.noun} is under way already`)
    const { version: before } = this.replicas
    const { name } = version
    const [from, to] = [this.revision, ++this.revisions]
    const replicas = this.staying().length
    this.underWay = { what, rollback: false, from, to, replicas }
    this.note(`${what} from ${before.name} to ${name} begins`)
    try {
      this.replicas.version = version
      await carryOut().catch(async (error: Error) => {
        if (this.stop.aborted) return
        this.note(`${what} to ${name} failed: ${error.message}; rolling back to ${before.name}`)
        this.underWay = { what, rollback: true, from: to, to: from, replicas: this.wanted }
        this.replicas.version = before
        await restore()
      })
      this.revision = this.underWay.to
      if (!this.stop.aborted) this.note(`${this.noun} is complete: every replica is of ${this.replicas.version.name}`)
    } finally {
      this.underWay = null
    }
  }

  private get noun(): string {
    return this.underWay?.rollback === true ? 'rollback' : (this.underWay?.what ?? '')
  }

  private nextName(): string {
    return `v${this.revisions + 1}`
  }

  private get wanted(): number {
    return this.underWay?.replicas ?? 0
  }

  private async scale(): Promise<void> {
    await this.target.scaleTo(this.wanted, [], this.stop)
  }

  /**
   * Replaces outdated replicas until none are left. This loop ends because every replacement runs the new version and is therefore not
   * outdated.
   */
  private async replaceAll(): Promise<void> {
    for (;;) {
      await this.scale()
      const [old] = this.outdated()
      if (old === undefined) return
      await this.target.replace(old.id, this.stop)
    }
  }

  /** Drains outdated replicas, one after another, until none are left. The loop ends because new replicas are never outdated. */
  private async removeAll(): Promise<void> {
    for (let [old] = this.outdated(); old !== undefined; [old] = this.outdated()) await this.target.remove(old.id, this.stop)
    await this.scale()
  }

  private outdated() {
    return this.staying().filter(({ version: { name } }) => name !== this.replicas.version.name)
  }

  private staying() {
    return this.replicas.list().filter(({ leaving }) => !leaving)
  }
}
