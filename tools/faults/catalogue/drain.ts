import { metrics } from '@lab/contract/metrics.ts'
import {
  asManyReady,
  complete,
  docker,
  during,
  entryAnswers,
  evidence,
  hasLeft,
  isReady,
  leavesPool,
  query,
  series,
  silent,
  victim,
} from '../core/expect.ts'
import type { Fault } from '../fault.ts'

export const drain = {
  what: 'a replica receives SIGTERM, drains and exits, and is restarted when the fault ends',
  hitsReplica: true,
  inPlan: {
    takesSeconds: 15,
    lastsSeconds: 0,
    // The time limit covers the drain delay, the drain timeout and the last scrape, which together are shorter than stop_grace_period.
    evidenceWithinSeconds: 40,
    wholeWithinSeconds: 90,
    mayEnd: ['draining', 'replaced', 'moving_on'],
    // A close frame may still be in flight when the process exits.
    noticed: { after: 'evidence', seconds: 1 },
    timed: true,
  },
  on: {
    compose: {
      seconds: 30,
      needsReplicas: 2,
      draft: (facts) => ({
        does: `${facts.replica} gets SIGTERM, drains and exits; it is restarted after ${facts.seconds} s.`,
        begin: [docker('kill', '--signal', 'TERM', victim(facts))],
        // The replica may still be draining, and its container cannot be started again until it has exited. `docker stop` waits until the
        // container has exited, and sends SIGKILL only after the drain's deadline.
        undo: [docker('stop', '-t', '40', victim(facts)), docker('start', victim(facts))],
        expect: [
          // A replica without sockets drains within four seconds, so Prometheus may not scrape the state `draining`.
          leavesPool(facts, 20),
          evidence(
            during(28, `${facts.replica} exits with code 0`, {
              kind: 'container',
              container: victim(facts),
              status: 'exited',
              exitCode: 0,
            }),
          ),
          silent({ alertname: 'ReplicaLost', replica: facts.replica }),
          silent({ alertname: 'UnexplainedDrops' }),
          entryAnswers,
          isReady(facts, 45),
        ],
        notes: ['The clients of the replica are asked to reconnect, resume on other replicas, and lose no message.'],
      }),
    },
    embedded: {
      seconds: 20,
      needsReplicas: 2,
      draft: (facts) => ({
        does: `${facts.replica} gets SIGTERM, drains and exits.`,
        begin: [{ kind: 'order', order: 'drain', body: { id: facts.replica } }],
        undo: [{ kind: 'at-least', replicas: facts.replicas }],
        expect: [evidence(during(18, `${facts.replica} is gone`, hasLeft(facts))), entryAnswers, asManyReady(facts, 30)],
        notes: ['A replica is started at the end, unless the scaler has already replaced the lost one.'],
      }),
    },
    kubernetes: {
      seconds: 35,
      needsReplicas: 2,
      draft: (facts) => ({
        does: `The pod ${facts.replica} is deleted: it gets SIGTERM, drains and exits, and Kubernetes starts another pod at once.`,
        begin: [{ kind: 'act', action: 'terminate', replica: facts.replica }],
        undo: [{ kind: 'settle' }],
        expect: [
          during(
            20,
            `${facts.replica} reports the state draining`,
            query(`max_over_time(${series(metrics.replicaState.name, facts.replica, ', state="draining"')}[1m]) == 1`),
          ),
          // The pod's grace period of 30 s contains the preStop delay and the drain.
          evidence(during(32, `the pod ${facts.replica} is gone`, hasLeft(facts))),
          entryAnswers,
          complete(30),
        ],
        notes: ['The clients of the replica are asked to reconnect, resume on other replicas, and lose no message.'],
      }),
    },
  },
} as const satisfies Fault
