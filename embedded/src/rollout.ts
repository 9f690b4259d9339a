/** Carries out rolling updates of the embedded lab: replaces the replicas one by one with replicas of a new version. */
import type { Replicas } from './replicas.ts'

/** A setting that makes a replica exit immediately. */
const broken = { MAX_CONNECTIONS: '0' }

export class Rollout {
  private readonly replicas: Replicas
  private readonly replace: (id: string) => Promise<void>
  private readonly note: (text: string) => void
  private readonly stop: AbortSignal
  private versions = 1
  private underWay: string | null = null

  /**
   * @param replace starts a new replica and then drains the replica with the given id
   * @param stop signal that aborts when the lab shuts down
   */
  constructor(replicas: Replicas, replace: (id: string) => Promise<void>, note: (text: string) => void, stop: AbortSignal) {
    this.replicas = replicas
    this.replace = replace
    this.note = note
    this.stop = stop
  }

  /** Describes the current rollout in one sentence; null if no rollout is in progress. */
  get words(): string | null {
    if (this.underWay === null) return null
    const { version } = this.replicas
    const old = this.outdated().length
    return `${this.underWay} to ${version.name} is under way: ${old} old ${old === 1 ? 'replica is' : 'replicas are'} left.`
  }

  /**
   * Rolls out a new version; if the rollout fails, restores the previous version. Resolves once all replicas run the same version.
   * Rejects if another rollout is in progress, or if a failed rollout cannot be rolled back to the previous version.
   * @param fails whether to roll out a version that cannot start, in order to demonstrate a failed rollout
   */
  async begin(fails: boolean): Promise<void> {
    if (this.underWay !== null) throw new Error('a rollout is under way already')
    const { version: before } = this.replicas
    const name = `v${++this.versions}`
    this.underWay = 'A rollout'
    this.note(`rollout from ${before.name} to ${name} begins`)
    try {
      this.replicas.version = { name, env: fails ? broken : {} }
      await this.replaceAll().catch(async (error: Error) => {
        if (this.stop.aborted) return
        this.note(`rollout to ${name} failed: ${error.message}; rolling back to ${before.name}`)
        this.underWay = 'A rollback'
        this.replicas.version = before
        await this.replaceAll()
      })
      if (!this.stop.aborted)
        this.note(`${this.underWay.toLowerCase().slice(2)} is complete: every replica is of ${this.replicas.version.name}`)
    } finally {
      this.underWay = null
    }
  }

  /**
   * Replaces outdated replicas until none are left. This loop ends because every replacement runs the new version and is therefore not
   * outdated.
   */
  private async replaceAll(): Promise<void> {
    for (let [old] = this.outdated(); old !== undefined; [old] = this.outdated()) await this.replace(old.id)
  }

  private outdated() {
    const { version } = this.replicas
    return this.replicas.list().filter(({ leaving, version: { name } }) => !leaving && name !== version.name)
  }
}
