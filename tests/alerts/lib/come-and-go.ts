/** Faults that affect a single replica: a kill, a drain that does not finish, and a new replica that Traefik does not discover. */
import { jobs, services } from '@lab/contract/endpoints.ts'
import { scaleCommand } from '@lab/host/compose.ts'
import { docker } from '@lab/host/docker.ts'
import { evaluateInContainer } from '@lab/host/inside/debugger.ts'
import { until } from '@lab/host/until.ts'
import { targets } from '../../stack/lib/prometheus.ts'
import { containerName, containers, environmentOf, labOf, type Stack } from '../../stack/lib/stack.ts'
import { openOn } from './clients.ts'
import { catalogued, provoke } from './provocation.ts'
import { replicas } from './settings.ts'
import type { AlertWatch } from './watch.ts'

/**
 * Injects three faults, one after another: a kill, a drain that does not finish, and a Traefik that does not discover a new replica. Each
 * fault triggers its own alert. The number of replicas goes down, up, down and up again, which also triggers the ScalerFlapping alert.
 * @returns the Unix time, in milliseconds, at which there was one more replica than at the start
 */
export async function comeAndGo(stack: Stack, watch: AlertWatch): Promise<number> {
  const lab = await labOf(stack)
  let oneMoreMs = Number.NaN
  await provoke(watch, {
    fault: 'kill',
    alerts: [{ alertname: 'ReplicaLost', replica: 'ws-5' }],
    begin: async (undo) => {
      await openOn(stack, 'ws-5', 2)
      undo(() => untilScraped(stack, replicas))
      await catalogued(stack, 'kill', 'ws-5')(undo)
    },
  })
  await provoke(watch, {
    fault: 'SIGTERM, while a debugger has disabled the timer of the drain',
    alerts: [{ alertname: 'DrainPastDeadline', replica: 'ws-5' }],
    begin: async (undo) => {
      await openOn(stack, 'ws-5', 2)
      undo(() => scaleTo(stack, replicas))
      undo(() => lab.act('kill', 'ws-5'))
      // This script disables the 100 ms timer that the drain uses. No other timer in the replica has a 100 ms period, so only the drain
      // stops making progress.
      await evaluateInContainer(
        containerName(stack, 'ws-5'),
        'const set = setInterval; globalThis.setInterval = (act, ms, ...more) => set(ms === 100 ? () => {} : act, ms, ...more); 0',
      )
      await lab.act('terminate', 'ws-5')
    },
  })
  await provoke(watch, {
    fault: 'Traefik is disconnected from the network docker-api, and a replica is added',
    alerts: [{ alertname: 'TraefikPoolStale' }],
    begin: async (undo) => {
      const [network, traefik] = [`${stack.project}_docker-api`, (await containers(stack, services.traefik))[0]?.Id ?? '']
      undo(() => docker(['network', 'connect', '--alias', services.traefik, network, traefik]))
      await docker(['network', 'disconnect', network, traefik])
      await scaleTo(stack, replicas + 1)
      oneMoreMs = Date.now()
    },
  })
  return oneMoreMs
}

/** Sets the number of replicas, without waiting until all replicas are healthy, because other faults may make some of them unhealthy. */
export async function scaleTo(stack: Stack, count: number): Promise<void> {
  await docker(scaleCommand({ replicas: count, files: [], env: environmentOf(stack) }), { withinSeconds: 120 })
  await untilScraped(stack, count)
}

async function untilScraped(stack: Stack, count: number): Promise<void> {
  await until(`${count} replicas are scraped`, async () => (await targets(stack, jobs.ws)).length === count, { withinMs: 60_000 })
}
