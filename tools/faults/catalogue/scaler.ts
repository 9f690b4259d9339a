import { jobs } from '@lab/contract/endpoints.ts'
import { standardMetrics } from '@lab/contract/queries.ts'
import { after, alert, containerOf, docker, during, entryAnswers, evidence, poolOf, query, throughout } from '../core/expect.ts'
import type { Fault } from '../fault.ts'

const scalerUp = `${standardMetrics.up}{job="${jobs.scaler}"}`

export const scalerKill = {
  what: 'the scaler is killed',
  hitsReplica: false,
  on: {
    compose: {
      seconds: 75,
      needsReplicas: 1,
      needsScaler: true,
      draft: (facts) => {
        const container = containerOf(facts, 'scaler')
        return {
          does: `The scaler is killed with SIGKILL, and started again after ${facts.seconds} s.`,
          begin: [docker('kill', container)],
          undo: [docker('start', container)],
          expect: [
            evidence(during(10, 'Docker reports the scaler as exited', { kind: 'container', container, status: 'exited', exitCode: 137 })),
            during(30, 'Prometheus cannot scrape the scaler', query(`${scalerUp} == 0`)),
            throughout(`${facts.replicas} replicas stay healthy`, { kind: 'replicas', count: facts.replicas }),
            entryAnswers,
            after(45, 'Prometheus can scrape the scaler', query(`${scalerUp} == 1`)),
            ...alert({ alertname: 'ScalerSilent' }, 70, 60),
          ],
          notes: ['Nothing scales meanwhile. The scaler reads its earlier decisions from the decision log, and continues with them.'],
        }
      },
    },
  },
} as const satisfies Fault

export const dockerApiDown = {
  what: "Docker's API is unavailable to Traefik, Prometheus and the scaler",
  hitsReplica: false,
  on: {
    compose: {
      seconds: 45,
      needsReplicas: 1,
      draft: (facts) => {
        const services = facts.hasScaler ? (['socketProxy', 'actuator'] as const) : (['socketProxy'] as const)
        const away = services.map((service) => containerOf(facts, service))
        return {
          does: `The containers that have access to Docker's API are stopped for ${facts.seconds} s: ${away.join(' and ')}.`,
          begin: away.map((container) => docker('stop', container)),
          undo: away.map((container) => docker('start', container)),
          expect: [
            ...away.map((container) =>
              evidence(during(20, `Docker reports ${container} as exited`, { kind: 'container', container, status: 'exited' })),
            ),
            throughout(`${facts.replicas} replicas stay healthy`, { kind: 'replicas', count: facts.replicas }),
            throughout(`Traefik's pool keeps ${facts.replicas} replicas`, query(`${poolOf} >= ${facts.replicas}`)),
            entryAnswers,
            ...away.map((container) => after(30, `${container} runs`, { kind: 'container', container, status: 'running' })),
          ],
          notes: [
            'Open and new sockets are not affected. Traefik and Prometheus do not notice a new or removed replica, and the scaler cannot add one.',
          ],
        }
      },
    },
  },
} as const satisfies Fault
