import { ports } from '@lab/contract/endpoints.ts'
import { after, docker, during, entryAnswers, evidence, inPool, isReady, leavesPool, query, victim } from '../core/expect.ts'
import type { Fault } from '../fault.ts'

/** Node asks the kernel for a queue of 511 connections that the process has not accepted yet; the kernel queues one more. */
const queueLength = 511
const connections = 700

export const listenQueue = {
  what: 'a replica accepts no connections, and its listen queue is full, so that the kernel drops new connections',
  hitsReplica: true,
  on: {
    compose: {
      seconds: 40,
      needsReplicas: 2,
      draft: (facts) => {
        const container = victim(facts)
        // The connections are opened inside the container, by a second process that ends with the fault.
        const fill = `for (let i = 0; i < ${connections}; i++) require('node:net').connect(${ports.public}).on('error', () => {})
          setTimeout(() => process.exit(), ${facts.seconds * 1000})`
        return {
          does: `The processes of ${facts.replica} are suspended, and ${connections} connections are opened to it, for ${facts.seconds} s.`,
          begin: [
            // `-1` stands for all processes of the container except its init process and the shell itself.
            docker('exec', container, 'bash', '-c', 'kill -STOP -1'),
            docker('exec', '--detach', container, 'node', '-e', fill),
          ],
          undo: [docker('exec', container, 'bash', '-c', 'kill -CONT -1')],
          expect: [
            evidence(
              during(20, `the listen queue of ${facts.replica} is full`, {
                kind: 'listen-queue',
                container,
                port: ports.public,
                atLeast: queueLength,
              }),
            ),
            leavesPool(facts, 30),
            entryAnswers,
            isReady(facts, 60),
            after(60, `${facts.replica} is in Traefik's pool`, query(inPool(facts))),
          ],
          notes: ['Clients that connect to this replica get no answer until Traefik tries another one, after 2 s.'],
        }
      },
    },
  },
} as const satisfies Fault
