import { after, complete, during, entryAnswers, evidence } from '../core/expect.ts'
import type { Fault } from '../fault.ts'

export const rollout = {
  what: 'every replica is replaced by a new replica, one after the other, as with ./lab rollout restart',
  hitsReplica: false,
  inPlan: {
    takesSeconds: 60,
    lastsSeconds: 0,
    evidenceWithinSeconds: 10,
    wholeWithinSeconds: 90,
    mayEnd: ['draining', 'replaced', 'moving_on'],
    // Replicas drain only during the rollout, not after it.
    noticed: { after: 'evidence', seconds: 1 },
    hitsEvery: true,
    only: true,
  },
  on: {
    compose: {
      seconds: 5,
      needsReplicas: 2,
      draft: ({ replicas }) => ({
        does: 'Every replica is replaced by a new replica, one after the other; the number of replicas never falls.',
        begin: [{ kind: 'rollout', how: 'restart' }],
        undo: [{ kind: 'rollout', how: 'finish' }],
        expect: [
          evidence(during(5, 'the rollout is complete', { kind: 'rollout', ended: 'complete' })),
          entryAnswers,
          after(30, `${replicas} replicas are healthy`, { kind: 'replicas', count: replicas }),
        ],
        notes: ['Clients of each replica are asked to reconnect, reconnect to a new replica, and miss no message.'],
      }),
    },
    kubernetes: {
      seconds: 5,
      needsReplicas: 2,
      draft: (facts) => ({
        does: 'Every pod is replaced by a new pod, one after the other, as with kubectl rollout restart; the number of Ready pods never falls.',
        begin: [{ kind: 'restart-all' }],
        undo: [{ kind: 'settle' }],
        expect: [evidence(during(5, 'the earlier pods are gone', { kind: 'gone', replicas: facts.names })), entryAnswers, complete(30)],
        notes: ['Clients of each replica are asked to reconnect, reconnect to a new replica, and miss no message.'],
      }),
    },
  },
} as const satisfies Fault

/** No client is asked to reconnect, because the failing version exits before it has served any client. */
export const failingRollout = {
  what: 'a version that exits immediately is rolled out, and is rolled back automatically, as with ./lab rollout',
  hitsReplica: false,
  inPlan: {
    takesSeconds: 40,
    lastsSeconds: 0,
    evidenceWithinSeconds: 10,
    wholeWithinSeconds: 60,
    mayEnd: [],
    noticed: { after: 'evidence', seconds: 1 },
    only: true,
  },
  on: {
    compose: {
      seconds: 5,
      needsReplicas: 2,
      draft: ({ replicas }) => ({
        does: 'A replica of a version that exits immediately is started and removed, and the other replicas stay.',
        begin: [{ kind: 'rollout', how: 'fail' }],
        undo: [{ kind: 'rollout', how: 'finish' }],
        expect: [
          evidence(during(5, 'the rollout is rolled back', { kind: 'rollout', ended: 'rolled-back' })),
          entryAnswers,
          after(30, `${replicas} replicas are healthy`, { kind: 'replicas', count: replicas }),
        ],
        notes: ['No client loses its connection.'],
      }),
    },
  },
} as const satisfies Fault
