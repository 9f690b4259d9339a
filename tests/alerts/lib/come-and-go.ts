/** Replicas that are killed, that do not finish their drain, that come unnoticed. */
import { jobs, services } from '../../../contract/src/endpoints.ts'
import { docker } from '../../stack/lib/docker.ts'
import { targets } from '../../stack/lib/prometheus.ts'
import { compose, containerName, containers, type Stack } from '../../stack/lib/stack.ts'
import { until } from '../../stack/lib/until.ts'
import { openOn } from './clients.ts'
import { evaluate } from './debugger.ts'
import { provoke } from './provocation.ts'
import { replicas } from './settings.ts'
import type { AlertWatch } from './watch.ts'

/**
 * Three faults on the last replicas, one after the other, each with its own alert. Their number goes down, up, down and up, for ScalerFlapping.
 * @returns since when there is one replica more than at the start. Milliseconds of Unix time
 */
export async function comeAndGo(stack: Stack, watch: AlertWatch): Promise<number> {
  const container = (name: string) => containerName(stack, name)
  let oneMoreMs = Number.NaN
  await provoke(watch, {
    fault: 'docker kill --signal KILL',
    alerts: [{ alertname: 'ReplicaLost', replica: 'ws-5' }],
    begin: async () => {
      await openOn(stack, 'ws-5', 2)
      await docker(['kill', '--signal', 'KILL', container('ws-5')])
      return () => scaleTo(stack, replicas)
    },
  })
  await provoke(watch, {
    fault: 'a debugger holds the timer of the drain, SIGTERM',
    alerts: [{ alertname: 'DrainPastDeadline', replica: 'ws-5' }],
    begin: async () => {
      await openOn(stack, 'ws-5', 2)
      // The drain takes a step every 100 ms; no other timer has this period.
      await evaluate(
        container('ws-5'),
        'const set = setInterval; globalThis.setInterval = (act, ms, ...more) => set(ms === 100 ? () => {} : act, ms, ...more); 0',
      )
      await docker(['kill', '--signal', 'TERM', container('ws-5')])
      return async () => {
        await docker(['kill', '--signal', 'KILL', container('ws-5')])
        await scaleTo(stack, replicas)
      }
    },
  })
  await provoke(watch, {
    fault: 'Traefik is taken off the network docker-api, a replica is added',
    alerts: [{ alertname: 'TraefikPoolStale' }],
    begin: async () => {
      const [network, traefik] = [`${stack.project}_docker-api`, (await containers(stack, services.traefik))[0]?.Id ?? '']
      await docker(['network', 'disconnect', network, traefik])
      await scaleTo(stack, replicas + 1)
      oneMoreMs = Date.now()
      return async () => void (await docker(['network', 'connect', '--alias', services.traefik, network, traefik]))
    },
  })
  return oneMoreMs
}

/** Sets the number of replicas. Does not wait for their health, as other faults may keep some of them unhealthy. */
export async function scaleTo(stack: Stack, count: number): Promise<void> {
  const args = ['up', '--detach', '--no-recreate', '--no-deps', '--no-build', '--scale', `${services.ws}=${count}`, services.ws]
  await compose(stack, args, { withinSeconds: 120 })
  await until(`${count} replicas scraped`, async () => (await targets(stack, jobs.ws)).length === count, 60_000)
}
