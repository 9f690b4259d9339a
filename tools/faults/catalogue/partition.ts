import { services } from '@lab/contract/endpoints.ts'
import { metrics } from '@lab/contract/metrics.ts'
import {
  after,
  alert,
  disturbance,
  docker,
  during,
  entryAnswers,
  network,
  query,
  series,
  store,
  storesUp,
  throughout,
  victim,
} from '../core/expect.ts'
import type { Fault } from '../fault.ts'

export const partition = {
  what: 'a replica is disconnected from Valkey, or from the whole network on the embedded lab; connections stay open',
  hitsReplica: true,
  on: {
    compose: {
      seconds: 45,
      needsReplicas: 1,
      draft: (facts) => {
        const { replica, seconds, replicas } = facts
        const others = query(`min(${series(metrics.dependencyUp.name, undefined, `, replica!="${replica}"`)}) == 1`)
        return {
          does: `${replica} is disconnected from the network stores for ${seconds} s: connections stay open, but no data arrives.`,
          begin: [docker('network', 'disconnect', network(facts, 'stores'), victim(facts))],
          undo: [docker('network', 'connect', '--alias', services.ws, network(facts, 'stores'), victim(facts))],
          expect: [
            during(20, `${metrics.dependencyUp.name} is 0 for ${replica}`, query(`max(${store(replica)}) == 0`)),
            ...(replicas > 1 ? [throughout('every other replica reaches Valkey', others)] : []),
            entryAnswers,
            storesUp(30),
            ...alert({ alertname: 'DependencyDown', replica }, 40, 60),
          ],
          notes: ['Meanwhile, room messages of this replica reach no other replica; they are stored when the network is restored.'],
        }
      },
    },
    embedded: {
      seconds: 30,
      needsReplicas: 2,
      draft: (facts) => ({
        does: `${facts.replica} is cut off for ${facts.seconds} s: connections stay open, but no data arrives.`,
        ...disturbance('cut-off', facts),
        expect: [
          during(10, `${facts.replica} does not answer, and gets no new socket`, { kind: 'state', id: facts.replica, state: 'silent' }),
          entryAnswers,
          after(15, `${facts.replica} is ready`, { kind: 'state', id: facts.replica, state: 'ready' }, { steadySeconds: 3 }),
        ],
        notes: ['After two missed heartbeats, the clients of the replica reconnect to others, and the replica closes their connections.'],
      }),
    },
  },
} as const satisfies Fault
