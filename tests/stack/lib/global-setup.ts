/** Boots the lab once for all stack tests, and takes it down whatever happens. */

import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import type { TestProject } from 'vitest/node'
import { services } from '../../../contract/src/endpoints.ts'
import { composeServices, imageOf, publishedPorts } from './compose-file.ts'
import { docker, tryDocker } from './docker.ts'
import { startFigures } from './figures.ts'
import { compose, expectedServices, type Stack, takeDown } from './stack.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    stack: Stack
  }
}

/** Bound on `up`, as promised: everything healthy within it when the images are there. */
const healthyWithinSeconds = 90

export default async function setup(project: TestProject): Promise<() => void> {
  await docker(['version'], { withinSeconds: 20 })
  const stack: Stack = { project: `labtest-${process.pid}`, env: await freePorts(), missing: {}, startSeconds: 0 }
  return boot(project, stack, async () => {
    await getImages(stack)
    // With --scale grafana=0 Compose would still want its image.
    const someOnly = Object.keys(stack.missing).length > 0 ? expectedServices(stack) : []
    const startedAt = performance.now()
    const up = ['up', '--detach', '--no-build', '--wait', '--wait-timeout', String(healthyWithinSeconds), ...someOnly]
    await compose(stack, up, { withinSeconds: healthyWithinSeconds + 30 })
    stack.startSeconds = (performance.now() - startedAt) / 1000
    startFigures({ startSeconds: stack.startSeconds })
  })
}

/** Starts a stack for the tests of a project. It is taken down whatever happens: at the end, by a signal, or when it does not start. */
export async function boot(project: TestProject, stack: Stack, start: () => Promise<void>): Promise<() => void> {
  const down = once(() => takeDown(stack))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      down()
      process.exit(1)
    })
  }
  process.once('exit', down)
  try {
    await start()
  } catch (error) {
    down()
    throw error
  }
  project.provide('stack', stack)
  return down
}

/** Services that nothing else depends on: without their image, the rest can be tested. */
const mayBeMissing: readonly string[] = [services.grafana, services.loki, services.jaeger, services.toxiproxy]

/** Builds the service and fetches what isn't here. */
export async function getImages(stack: Stack): Promise<void> {
  await compose(stack, ['--profile', '*', 'build', '--quiet'], { withinSeconds: 240 })
  for (const service of Object.keys(composeServices)) {
    if (!composeServices[service]?.image) continue
    const image = imageOf(service)
    if ((await tryDocker(['image', 'inspect', '--format', '{{.Id}}', image])).exitCode === 0) continue
    const pulled = await tryDocker(['pull', '--quiet', image], { withinSeconds: 120 })
    if (pulled.exitCode === 0) continue
    const why = `${image} is not on this machine and can't be pulled: ${pulled.stderr.trim().split('\n').at(-1)}`
    if (!mayBeMissing.includes(service)) throw new Error(why)
    stack.missing[service] = why
    console.warn(`\nNOT TESTED HERE: ${service} does not run, because ${why}\n`)
  }
}

/** A free port on the loopback address for every port variable of compose.yaml. */
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
  // Closed only now, so that no port is given twice.
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
