import {
  alert,
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
  up,
  victim,
} from '../core/expect.ts'
import type { Fault } from '../fault.ts'

export const kill = {
  what: 'a replica is killed with SIGKILL, as in a crash, and is restarted when the fault ends',
  hitsReplica: true,
  inPlan: {
    takesSeconds: 12,
    // The fault lasts long enough for clients to reconnect to another replica before the killed replica is restarted.
    lastsSeconds: 5,
    evidenceWithinSeconds: 10,
    wholeWithinSeconds: 90,
    mayEnd: ['abnormal', 'heartbeat_lost', 'internal'],
    // The router closes the clients' connections, so that the clients notice the crash.
    noticed: { after: 'evidence', seconds: 10 },
  },
  on: {
    compose: {
      seconds: 40,
      needsReplicas: 2,
      draft: (facts) => ({
        does: `${facts.replica} is killed, and restarted after ${facts.seconds} s.`,
        begin: [docker('kill', '--signal', 'KILL', victim(facts))],
        undo: [docker('start', victim(facts))],
        expect: [
          evidence(
            during(10, `${facts.replica} exits with code 137`, {
              kind: 'container',
              container: victim(facts),
              status: 'exited',
              exitCode: 137,
            }),
          ),
          leavesPool(facts, 20),
          during(20, `Prometheus has no target ${facts.replica} any more`, query(`absent(${up(facts.replica)})`)),
          entryAnswers,
          isReady(facts, 45),
          // The ReplicaLost alert looks back over the last minute and keeps firing for another 30 s.
          ...alert({ alertname: 'ReplicaLost', replica: facts.replica }, 35, 150),
        ],
        notes: ['The clients of the replica see code 1006, reconnect within seconds, resume on other replicas, and lose no message.'],
      }),
    },
    embedded: {
      seconds: 15,
      needsReplicas: 2,
      draft: (facts) => ({
        does: `${facts.replica} is killed.`,
        begin: [{ kind: 'order', order: 'kill', body: { id: facts.replica } }],
        undo: [{ kind: 'at-least', replicas: facts.replicas }],
        expect: [evidence(during(10, `${facts.replica} is gone`, hasLeft(facts))), entryAnswers, asManyReady(facts, 30)],
        notes: ['A replica is started at the end, unless the scaler has already replaced the lost one.'],
      }),
    },
    kubernetes: {
      seconds: 15,
      needsReplicas: 2,
      draft: (facts) => ({
        does: `The process in the pod ${facts.replica} is killed, and Kubernetes restarts the container.`,
        begin: [{ kind: 'act', action: 'kill', replica: facts.replica }],
        undo: [{ kind: 'settle' }],
        expect: [evidence(during(10, `the container of ${facts.replica} has exited`, hasLeft(facts))), entryAnswers, complete(30)],
        notes: [
          'The clients of the replica see code 1006, reconnect within seconds, and lose no message.',
          'If a container exits repeatedly, Kubernetes delays its restart; the pod is then replaced at the end.',
        ],
      }),
    },
  },
} as const satisfies Fault
