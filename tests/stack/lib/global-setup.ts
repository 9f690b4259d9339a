/** Starts the lab once for all stack tests, and always shuts it down afterwards. */

import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { services } from '@lab/contract/endpoints.ts'
import { docker, tryDocker } from '@lab/host/docker.ts'
import type { TestProject } from 'vitest/node'
import { addFigure } from '../../lib/figures.ts'
import { composeServices, imageOf, publishedPorts } from './compose-file.ts'
import { compose, expectedServices, type Stack, takeDown } from './stack.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    stack: Stack
  }
}

/** Maximum time, in seconds, until all services are healthy, if the images already exist. */
const healthyWithinSeconds = 90

export default async function setup(project: TestProject): Promise<() => void> {
  await docker(['version'], { withinSeconds: 20 })
  const stack: Stack = { project: `labtest-${process.pid}`, env: await freePorts(), missing: {}, startSeconds: 0 }
  return boot(project, stack, async (stop) => {
    await getImages(stack, stop)
    // The services are listed by name, because Compose would otherwise require Grafana's image, even with `--scale grafana=0`.
    const someOnly = Object.keys(stack.missing).length > 0 ? expectedServices(stack) : []
    const startedAt = performance.now()
    const up = ['up', '--detach', '--no-build', '--wait', '--wait-timeout', String(healthyWithinSeconds), ...someOnly]
    await compose(stack, up, { withinSeconds: healthyWithinSeconds + 30, stop })
    stack.startSeconds = (performance.now() - startedAt) / 1000
    addFigure('startSeconds', stack.startSeconds)
  })
}

/**
 * Starts a stack for a Vitest project's tests. The stack is always shut down: at the end of the tests, after a signal, or if it fails to
 * start.
 * @param start starts the stack; if the signal aborts, commands that are still running must exit, because the stack is then shut down
 */
export async function boot(project: TestProject, stack: Stack, start: (stop: AbortSignal) => Promise<void>): Promise<() => void> {
  const down = once(() => takeDown(stack))
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      stop.abort()
      down()
      process.exit(1)
    })
  }
  process.once('exit', down)
  try {
    await start(stop.signal)
  } catch (error) {
    down()
    throw error
  }
  project.provide('stack', stack)
  return down
}

/** Services whose images may be missing during the tests, because no other service depends on them. */
const mayBeMissing: readonly string[] = [services.grafana, services.loki, services.jaeger, services.toxiproxy]

/** Builds all the lab's images that have a Dockerfile, and pulls the others if they are missing. */
export async function getImages(stack: Stack, stop: AbortSignal): Promise<void> {
  await compose(stack, ['--profile', '*', 'build', '--quiet'], { withinSeconds: 240, stop })
  for (const service of Object.keys(composeServices)) {
    if (!composeServices[service]?.image) continue
    const image = imageOf(service)
    if ((await tryDocker(['image', 'inspect', '--format', '{{.Id}}', image])).exitCode === 0) continue
    const pulled = await tryDocker(['pull', '--quiet', image], { withinSeconds: 120, stop })
    if (pulled.exitCode === 0) continue
    const why = `${image} is not on this machine and can't be pulled: ${pulled.stderr.trim().split('\n').at(-1)}`
    if (!mayBeMissing.includes(service)) throw new Error(why)
    stack.missing[service] = why
    console.warn(`\nNOT TESTED HERE: ${service} does not run, because ${why}\n`)
  }
}

/** Returns a free port on the loopback address for every port variable in compose.yaml. */
export async function freePorts(): Promise<Record<string, string>> {
  const servers = await Promise.all(
    publishedPorts.map(
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
          const server = createServer().once('error', reject)
          server.listen(0, '127.0.0.1', () => resolve(server))
        }),
    ),
  )
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  // The listening sockets that reserve the ports are closed only after all ports have been chosen, so that no port is chosen twice.
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return Object.fromEntries(publishedPorts.map(({ variable, written }, index) => [variable ?? written, String(ports[index])]))
}

function once(act: () => void): () => void {
  let done = false
  return () => {
    if (done) return
    done = true
    act()
  }
}
