/** Traefik before the measured server, in a container on the server's core. */
import { execFile, execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Address } from './client.ts'
import { cores } from './process-info.ts'
import { freeAddress, socketsOpen } from './server-process.ts'

/** The version that compose.yaml runs. */
const image = 'traefik:v3.6.12'
const commandTimeoutMs = 30_000
const configuration = fileURLToPath(new URL('traefik.yaml', import.meta.url))
const run = promisify(execFile)

async function docker(...args: string[]): Promise<string> {
  const { stdout } = await run('docker', args, { timeout: commandTimeoutMs })
  return stdout.trim()
}

/** @returns why nothing can be measured through Traefik here, or undefined when it can */
export async function whyNoTraefik(): Promise<string | undefined> {
  try {
    await docker('version')
  } catch {
    return 'no Docker'
  }
  try {
    await docker('image', 'inspect', image)
  } catch {
    return `no image ${image}; get it with: docker pull ${image}`
  }
}

/** A running Traefik. */
export interface Traefik {
  address: Address
  pid: number
  end(): Promise<void>
}

/**
 * Starts Traefik with metrics on and a sticky cookie, as in the lab, and waits until sockets open through it.
 * @throws Error when none opens within 15 s
 */
export async function startTraefik(backend: Address): Promise<Traefik> {
  const address = await freeAddress()
  const id = await docker(
    ...['run', '--detach', '--rm', '--network', 'host', '--cpuset-cpus', String(cores.server), '--ulimit', 'nofile=20000:20000'],
    ...['--env', `BENCH_BACKEND=http://${backend.host}:${backend.port}`, '--volume', `${configuration}:/etc/bench.yaml:ro`, image],
    `--entrypoints.bench.address=${address.host}:${address.port}`,
    ...['--providers.file.filename=/etc/bench.yaml', '--metrics.prometheus.entrypoint=bench'],
    ...['--global.checknewversion=false', '--global.sendanonymoususage=false'],
  )
  const endWithUs = () => execFileSync('docker', ['rm', '--force', id], { timeout: commandTimeoutMs, stdio: 'ignore' })
  process.once('exit', endWithUs)
  const end = async () => {
    process.off('exit', endWithUs)
    await docker('rm', '--force', id)
  }
  try {
    await socketsOpen(address)
    return { address, pid: Number(await docker('inspect', '--format', '{{.State.Pid}}', id)), end }
  } catch (error) {
    const log = await docker('logs', '--tail', '5', id).catch(() => '(it is gone)')
    const left = await end().then(
      () => '',
      (why: unknown) => `; its container ${id} could not be removed: ${why}`,
    )
    throw new Error(`Traefik did not start: ${log}${left}`, { cause: error })
  }
}
