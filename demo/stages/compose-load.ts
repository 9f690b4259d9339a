/** Load on the Compose lab: k6 in containers, one for each time that more sockets were asked for. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { loadCommand } from '../../cli/src/compose.ts'
import { docker, tryDocker } from '../../cli/src/docker.ts'
import { type LoadRun, planLoad } from '../core/load-plan.ts'

/** Twice a second. */
const removeTries = 60
/** k6 closes its sockets within this. Seconds. */
const stopWithinSeconds = 10

export interface ComposeLoad {
  wanted(): number
  /** Starts or stops containers until so many sockets are asked for. Those that came last go first. */
  set(sockets: number): Promise<void>
}

/** @param running services that run, for the files that Compose is told of */
export function composeLoad(running: ReadonlySet<string>, seed: number): ComposeLoad {
  const runs: LoadRun[] = []
  const wanted = () => runs.reduce((sum, run) => sum + run.sockets, 0)
  const owner =
    process.platform === 'linux' && process.getuid && process.getgid ? { uid: process.getuid(), gid: process.getgid() } : undefined

  async function start(sockets: number): Promise<void> {
    const name = `demo-load-${randomUUID().slice(0, 8)}`
    const { args, env } = loadCommand({ scenario: 'hold', sockets, seed: seed + runs.length, ...(owner && { owner }) }, running)
    const at = args.indexOf('run') + 1
    // Known before it is there, so that it is stopped also when starting it failed half way.
    runs.push({ name, sockets })
    await docker({ args: args.toSpliced(at, 0, '--detach', '--name', name), ...(env && { env }) }, 60)
  }

  async function stop({ name }: LoadRun): Promise<void> {
    await tryDocker({ args: ['stop', '--timeout', String(stopWithinSeconds), name] }, stopWithinSeconds + 20)
    // It removes itself, which takes Docker a moment, unless it did not get that far.
    for (let tries = 0; await isThere(name); tries++) {
      if (tries === removeTries) throw new Error(`the load container ${name} cannot be removed`)
      await tryDocker({ args: ['rm', '--force', name] }, 20)
      await sleep(500)
    }
    runs.splice(
      runs.findIndex((run) => run.name === name),
      1,
    )
  }

  return {
    wanted,
    set: async (sockets) => {
      const { stop: leaving, start: missing } = planLoad(runs, sockets)
      for (const run of leaving) await stop(run)
      if (missing > 0) await start(missing)
    },
  }
}

async function isThere(name: string): Promise<boolean> {
  return (await docker({ args: ['ps', '--all', '--quiet', '--filter', `name=^${name}$`] }, 20)).trim() !== ''
}
