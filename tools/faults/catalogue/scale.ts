import { after, during, entryAnswers, evidence } from '../core/expect.ts'
import type { Fault, FaultOn } from '../fault.ts'

const on = {
  seconds: 15,
  needsReplicas: 1,
  draft: ({ replicas }: { readonly replicas: number }) => ({
    does: 'One replica is added and later removed.',
    begin: [{ kind: 'scale', replicas: replicas + 1 }],
    undo: [{ kind: 'scale', replicas }],
    expect: [
      evidence(during(10, `${replicas + 1} replicas are healthy`, { kind: 'replicas', count: replicas + 1 })),
      entryAnswers,
      after(30, `${replicas} replicas are healthy`, { kind: 'replicas', count: replicas }),
    ],
    notes: [],
  }),
} as const satisfies FaultOn<'compose'> & FaultOn<'embedded'> & FaultOn<'kubernetes'>

export const scale = {
  what: 'one replica is added and later removed',
  hitsReplica: false,
  inPlan: {
    takesSeconds: 30,
    lastsSeconds: 5,
    evidenceWithinSeconds: 10,
    wholeWithinSeconds: 90,
    mayEnd: ['draining', 'replaced', 'moving_on'],
    noticed: { after: 'undo', seconds: 1 },
    addsReplica: true,
    only: true,
  },
  on: { compose: on, embedded: on, kubernetes: on },
} as const satisfies Fault
