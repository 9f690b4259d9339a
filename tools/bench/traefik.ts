/** Runs Traefik in front of the measured server, in a container on the server's core. */
import { fileURLToPath } from 'node:url'
import { docker, dockerSync, tryDocker } from '@lab/host/docker.ts'
import type { Address } from './client.ts'
import { cores } from './process-info.ts'
import { freeAddress, socketsOpen } from './server-process.ts'

/** The Traefik image, whose version must be the same as in compose.yaml. */
const image = 'traefik:v3.6.12'
const withinSeconds = 30
const configuration = fileURLToPath(new URL('traefik.yaml', import.meta.url))

/** Returns the reason why Traefik cannot be used on this machine, or undefined if it can. */
export async function whyNoTraefik(): Promise<string | undefined> {
  if ((await tryDocker(['version'], { withinSeconds })).exitCode !== 0) return 'Docker does not run'
  if ((await tryDocker(['image', 'inspect', image], { withinSeconds })).exitCode !== 0) {
    return `the image ${image} is missing; run: docker pull ${image}`
  }
  return undefined
}

/** A running Traefik. */
export interface Traefik {
  address: Address
  pid: number
  end(): Promise<void>
}

/**
 * Starts Traefik with metrics and a sticky cookie, as in the lab, and waits until sockets open through Traefik.
 * @throws Error if no socket opens within 15 s
 */
export async function startTraefik(backend: Address): Promise<Traefik> {
  const address = await freeAddress()
  const container = ['--detach', '--rm', '--network', 'host', '--cpuset-cpus', String(cores.server), '--ulimit', 'nofile=20000:20000']
  const files = ['--env', `BENCH_BACKEND=http://${backend.host}:${backend.port}`, '--volume', `${configuration}:/etc/bench.yaml:ro`]
  const settings = [
    `--entrypoints.bench.address=${address.host}:${address.port}`,
    '--providers.file.filename=/etc/bench.yaml',
    '--metrics.prometheus.entrypoint=bench',
    '--global.checknewversion=false',
    '--global.sendanonymoususage=false',
  ]
  const id = (await docker(['run', ...container, ...files, image, ...settings], { withinSeconds })).trim()
  const endWithUs = () => void dockerSync(['rm', '--force', id], { withinSeconds })
  process.once('exit', endWithUs)
  const end = async () => {
    process.off('exit', endWithUs)
    await docker(['rm', '--force', id], { withinSeconds })
  }
  try {
    await socketsOpen(address)
    return { address, pid: Number(await docker(['inspect', '--format', '{{.State.Pid}}', id], { withinSeconds })), end }
  } catch (error) {
    const log = await docker(['logs', '--tail', '5', id], { withinSeconds }).catch(() => '(the container has ended)')
    const left = await end().then(
      () => '',
      (why: unknown) => `; the container ${id} could not be removed: ${why}`,
    )
    throw new Error(`Traefik did not start: ${log}${left}`, { cause: error })
  }
}
