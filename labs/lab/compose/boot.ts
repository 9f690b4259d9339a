/** Starts a separate Compose lab for a single command, and later removes the lab and its data. */
import { services } from '@lab/contract/endpoints.ts'
import { fileArgs, overlayFiles, overlayServices } from '@lab/host/compose.ts'
import { docker } from '@lab/host/docker.ts'
import { LabError } from '@lab/host/lab-error.ts'

export interface Boot {
  replicas: number
  /** Whether to start the scaler, which is defined in compose.k8s-sim.yaml. */
  scaler?: boolean
  /** When this signal aborts, the start of the lab is cancelled, and containers that have already been started are removed. */
  stop: AbortSignal
}

/**
 * Starts a lab without Grafana, and returns a function that removes this lab and its data. Rejects if the Compose project already has
 * containers, so that the data of an existing lab is not removed.
 */
export async function bootLab(project: string, { replicas, scaler = false, stop }: Boot): Promise<() => Promise<void>> {
  const files = scaler ? fileArgs(overlayFiles) : []
  const compose = ['compose', ...files, '-p', project, '--profile', '*']
  const needed: string[] = [services.traefik, services.ws, services.valkey, services.socketProxy, services.prometheus]
  if (scaler) needed.push(...overlayServices)
  if ((await docker([...compose, 'ps', '--all', '--quiet'])).trim() !== '')
    throw new LabError(`a lab of the project ${project} exists already; omit --up, or choose another project: COMPOSE_PROJECT_NAME=proof`)
  const down = async () => void (await docker([...compose, 'down', '--volumes', '--remove-orphans'], { withinSeconds: 120 }))
  const up = ['up', '--detach', '--build', '--wait', '--wait-timeout', '120', '--scale', `${services.ws}=${replicas}`]
  try {
    await docker(['compose', ...files, '-p', project, ...up, ...needed], { withinSeconds: 600, stop })
    stop.throwIfAborted()
  } catch (failure) {
    const error = stop.aborted ? stop.reason : failure
    await down().catch((late: Error) => {
      throw new LabError(`${(error as Error).message}; then ${late.message}`)
    })
    throw error
  }
  return down
}
