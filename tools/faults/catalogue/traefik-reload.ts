import { after, during, entryAnswers, evidence } from '../core/expect.ts'
import type { Fault } from '../fault.ts'

const file = 'fault-reload.yaml'
const middleware = 'fault-reload'
const content = `http:
  middlewares:
    ${middleware}:
      headers:
        customRequestHeaders: { X-Fault: "1" }
`

export const traefikReload = {
  what: 'Traefik reloads its configuration twice: first with a change, then with the change reverted',
  hitsReplica: false,
  inPlan: {
    takesSeconds: 6,
    lastsSeconds: 0,
    evidenceWithinSeconds: 10,
    wholeWithinSeconds: 10,
    mayEnd: [],
    noticed: { after: 'undo', seconds: 0 },
    only: true,
  },
  on: {
    compose: {
      seconds: 10,
      needsReplicas: 1,
      draft: () => ({
        does: 'Traefik reloads its configuration with an additional, unused middleware, and later without it.',
        begin: [{ kind: 'traefik', file, content }],
        undo: [{ kind: 'traefik', file, content: undefined }],
        expect: [
          evidence(during(10, 'Traefik has the middleware', { kind: 'middleware', name: middleware, present: true })),
          entryAnswers,
          after(10, 'Traefik no longer has the middleware', { kind: 'middleware', name: middleware, present: false }),
        ],
        notes: [],
      }),
    },
  },
} as const satisfies Fault
