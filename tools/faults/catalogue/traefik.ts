import { jobs } from '@lab/contract/endpoints.ts'
import { standardMetrics } from '@lab/contract/queries.ts'
import type { FactsOf } from '@lab/lab/lab.ts'
import { after, containerOf, docker, during, evidence, poolOf, query } from '../core/expect.ts'
import type { Expectation, Fault } from '../fault.ts'

/** Traefik routes to the replicas again, and its host ports, through which the checks reach Prometheus, answer again. */
const isBack = (facts: FactsOf<'compose'>): Expectation<'compose'>[] => [
  after(30, 'the entry answers', { kind: 'entry' }),
  after(60, `Traefik's pool has ${facts.replicas} replicas`, query(`${poolOf} >= ${facts.replicas}`)),
]

export const traefikRestart = {
  what: 'Traefik is restarted, which closes every socket',
  hitsReplica: false,
  on: {
    compose: {
      seconds: 30,
      needsReplicas: 1,
      draft: (facts) => {
        const container = containerOf(facts, 'traefik')
        return {
          does: 'Traefik is restarted. Every socket is closed, and no host port answers while Traefik starts.',
          begin: [docker('restart', '--timeout', '10', container)],
          // `docker start` does nothing if Traefik is already running.
          undo: [docker('start', container)],
          expect: [
            evidence(
              during(20, 'Traefik runs, with a new start time', {
                kind: 'container',
                container,
                status: 'running',
                ...(facts.traefikStartedAt !== undefined && { notStartedAt: facts.traefikStartedAt }),
              }),
            ),
            during(30, 'the entry answers', { kind: 'entry' }),
            ...isBack(facts),
          ],
          notes: ['While it starts, Traefik answers 404 for a moment, because it has not loaded the routes. Clients reconnect and resume.'],
        }
      },
    },
  },
} as const satisfies Fault

export const traefikDown = {
  what: 'Traefik is stopped, so that no client can connect',
  hitsReplica: false,
  on: {
    compose: {
      seconds: 30,
      needsReplicas: 1,
      draft: (facts) => {
        const container = containerOf(facts, 'traefik')
        return {
          does: `Traefik is stopped for ${facts.seconds} s. Every socket is closed, and no host port answers.`,
          begin: [docker('stop', container)],
          undo: [docker('start', container)],
          expect: [
            evidence(during(15, 'Docker reports Traefik as exited', { kind: 'container', container, status: 'exited' })),
            during(20, 'the entry does not answer', { kind: 'no-entry' }),
            ...isBack(facts),
            after(60, 'Prometheus has recorded the outage', query(`min_over_time(${standardMetrics.up}{job="${jobs.traefik}"}[2m]) == 0`)),
          ],
          notes: ['Alerts cannot be read meanwhile, because Traefik publishes the ports of Prometheus and Alertmanager.'],
        }
      },
    },
  },
} as const satisfies Fault
