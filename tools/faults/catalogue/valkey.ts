import { metrics } from '@lab/contract/metrics.ts'
import { alert, containerOf, docker, during, entryAnswers, evidence, query, store, storesUp } from '../core/expect.ts'
import type { Fault } from '../fault.ts'

/** Replicas reconnect immediately after Valkey has started. */
const wholeWithinSeconds = 10

export const valkeyDown = {
  what: 'Valkey is stopped',
  hitsReplica: false,
  on: {
    compose: {
      seconds: 45,
      needsReplicas: 1,
      draft: (facts) => ({
        does: `Valkey is stopped for ${facts.seconds} s.`,
        begin: [docker('stop', containerOf(facts, 'valkey'))],
        undo: [docker('start', containerOf(facts, 'valkey'))],
        expect: [
          during(20, `${metrics.dependencyUp.name} is 0 for every replica`, query(`max(${store()}) == 0`)),
          entryAnswers,
          storesUp(45),
          ...alert({ alertname: 'DependencyDown', replica: facts.replica }, 40, 60),
        ],
        notes: ['No socket is closed. Room messages reach members on the same replica, and are stored when Valkey is up again.'],
      }),
    },
  },
} as const satisfies Fault

export const valkeyRestart = {
  what: 'Valkey is restarted',
  hitsReplica: false,
  inPlan: {
    takesSeconds: 12,
    lastsSeconds: 0,
    evidenceWithinSeconds: 10,
    wholeWithinSeconds,
    mayEnd: [],
    noticed: { after: 'undo', seconds: 0 },
    only: true,
  },
  on: {
    compose: {
      seconds: 10,
      needsReplicas: 1,
      draft: (facts) => ({
        does: 'Valkey is restarted.',
        begin: [docker('restart', '--timeout', '10', containerOf(facts, 'valkey'))],
        // `docker start` does nothing if Valkey is already running.
        undo: [docker('start', containerOf(facts, 'valkey'))],
        expect: [
          evidence(
            during(10, 'Valkey runs, with a new start time', {
              kind: 'container',
              container: containerOf(facts, 'valkey'),
              status: 'running',
              ...(facts.valkeyStartedAt !== undefined && { notStartedAt: facts.valkeyStartedAt }),
            }),
          ),
          entryAnswers,
          storesUp(30),
        ],
        notes: [],
      }),
    },
  },
} as const satisfies Fault

export const valkeyPause = {
  what: 'the Valkey process is frozen',
  hitsReplica: false,
  inPlan: {
    takesSeconds: 14,
    lastsSeconds: 5,
    evidenceWithinSeconds: 10,
    wholeWithinSeconds,
    mayEnd: [],
    noticed: { after: 'undo', seconds: 0 },
    only: true,
  },
  on: {
    compose: {
      seconds: 10,
      needsReplicas: 1,
      draft: (facts) => ({
        does: `Valkey is frozen for ${facts.seconds} s.`,
        begin: [docker('pause', containerOf(facts, 'valkey'))],
        undo: [docker('unpause', containerOf(facts, 'valkey'))],
        expect: [
          evidence(
            during(10, 'Docker reports Valkey as paused', { kind: 'container', container: containerOf(facts, 'valkey'), status: 'paused' }),
          ),
          entryAnswers,
          storesUp(30),
        ],
        notes: [],
      }),
    },
  },
} as const satisfies Fault
