/** Controls the load on the Compose lab: whenever the number of sockets increases, an additional k6 container is started. */
import { randomUUID } from 'node:crypto'
import { services } from '@lab/contract/endpoints.ts'
import { loadCommand, type StartedWith } from '@lab/host/compose.ts'
import { docker, fileOwner, tryDocker } from '@lab/host/docker.ts'
import { serviceLabels } from '@lab/host/replicas.ts'
import { until } from '@lab/host/until.ts'
import { type LoadRun, planLoad } from './load-plan.ts'

const removedWithinMs = 30_000
/** Time limit for k6 to close its sockets. Seconds. */
const stopWithinSeconds = 10

export interface ComposeLoad {
  wanted(): number
  /** Starts or stops k6 containers until the load has the given number of sockets. The newest k6 containers are stopped first. */
  set(sockets: number): Promise<void>
}

/** @param seed the seed for the random choices of the virtual users */
export function composeLoad(project: string, lab: StartedWith, seed: number): ComposeLoad {
  const runs: LoadRun[] = []
  const wanted = () => runs.reduce((sum, run) => sum + run.sockets, 0)

  async function start(sockets: number): Promise<void> {
    const name = `${project}-load-${randomUUID().slice(0, 8)}`
    // The run is recorded before its container starts, so that the container can be removed even if it fails to start.
    runs.push({ name, sockets })
    await startRun({ name, project, scenario: 'hold', sockets, seed: seed + runs.length - 1 }, lab)
  }

  async function stop({ name }: LoadRun): Promise<void> {
    await stopRun(name)
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

/** A k6 run in a container of its own. */
export interface RunOptions extends LoadRun {
  project: string
  scenario: string
  seed?: number
  /** Seconds; the scenario's duration if undefined. */
  duration?: number
}

/** Starts a k6 run in the background. `./lab load` does not change such a run, because the caller controls its number of sockets. */
export async function startRun({ name, ...options }: RunOptions, lab: StartedWith): Promise<void> {
  const owner = fileOwner()
  const { args, env } = loadCommand({ ...options, settings: { CONTROL: '' }, detachedName: name, ...(owner && { owner }) }, lab)
  await docker(args, { ...(env && { env }), withinSeconds: 60 })
}

/** Ends a k6 run, and removes its container; does nothing if there is no such container. */
export async function stopRun(name: string): Promise<void> {
  await tryDocker(['stop', '--timeout', String(stopWithinSeconds), name], { withinSeconds: stopWithinSeconds + 20 })
  // Docker needs a moment to remove a container, and does not remove a container that failed to start.
  const gone = async () => {
    if (!(await runExists(name))) return true
    await tryDocker(['rm', '--force', name], { withinSeconds: 20 })
    return false
  }
  await until(`the load container ${name} is removed`, gone, { withinMs: removedWithinMs, everyMs: 500 })
}

/** Returns whether a container of a k6 run is running. */
export async function anyRun(project: string): Promise<boolean> {
  const filters = serviceLabels(project, services.k6, true).flatMap((label) => ['--filter', `label=${label}`])
  return (await docker(['ps', '--quiet', ...filters], { withinSeconds: 20 })).trim() !== ''
}

/** Returns whether the container of a k6 run exists. Docker removes it when the run has ended. */
export async function runExists(name: string): Promise<boolean> {
  return (await docker(['ps', '--all', '--quiet', '--filter', `name=^${name}$`], { withinSeconds: 20 })).trim() !== ''
}
