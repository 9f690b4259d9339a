import { after, during, entryAnswers, evidence } from '../core/expect.ts'
import type { Fault } from '../fault.ts'
import { rollout } from './rollout.ts'

export const deploy = {
  ...rollout,
  what: 'all connections are switched to new replicas of the other colour, as with ./lab deploy; afterwards, .env contains that colour',
  inPlan: { ...rollout.inPlan, takesSeconds: 80, wholeWithinSeconds: 120 },
  on: {
    compose: {
      seconds: 5,
      needsReplicas: 2,
      draft: ({ replicas }) => ({
        does: 'Replicas of the other colour take over all new connections, and then the old ones drain one after the other.',
        begin: [{ kind: 'deploy', how: 'switch' }],
        undo: [{ kind: 'deploy', how: 'finish' }],
        expect: [
          evidence(during(5, 'the deploy is complete', { kind: 'rollout', ended: 'complete' })),
          entryAnswers,
          after(30, `${replicas} replicas are healthy`, { kind: 'replicas', count: replicas }),
        ],
        notes: ['Clients of each old replica are asked to reconnect, go to the other colour, and miss nothing.'],
      }),
    },
  },
} as const satisfies Fault
