import type { CloseCause } from '@lab/contract/close-codes.ts'
import { metrics } from '@lab/contract/metrics.ts'
import { after, during, entryAnswers, evidence, query, series } from '../core/expect.ts'
import type { Fault } from '../fault.ts'

const clients = 12
/** Delay of a slow link in each direction. */
const delayMs = 400
const lost: CloseCause = 'heartbeat_lost'

export const slowLinks = {
  what: `${clients} clients connect over links that delay data by ${delayMs} ms in each direction`,
  hitsReplica: false,
  on: {
    compose: {
      seconds: 30,
      needsReplicas: 1,
      draft: (facts) => ({
        does: `${clients} clients connect over links that delay data by ${delayMs} ms in each direction, for ${facts.seconds} s.`,
        begin: [{ kind: 'links', how: 'open', clients, delayMs }],
        undo: [{ kind: 'links', how: 'close' }],
        expect: [
          evidence(
            during(20, `each client has a session, after more than ${2 * delayMs} ms`, {
              kind: 'links',
              connected: true,
              slowerThanMs: 2 * delayMs,
            }),
          ),
          entryAnswers,
          after(20, 'the entry answers', { kind: 'entry' }),
        ],
        notes: ['Other clients are not affected, and no connection is closed.'],
      }),
    },
  },
} as const satisfies Fault

export const cutLinks = {
  what: `the links of ${clients} clients are cut without closing their connections`,
  hitsReplica: false,
  on: {
    compose: {
      seconds: 120,
      needsReplicas: 1,
      draft: (facts) => ({
        does: `${clients} clients connect, and then their links carry no data for ${facts.seconds} s, in either direction.`,
        begin: [
          { kind: 'links', how: 'open', clients, delayMs: 0 },
          { kind: 'links', how: 'cut' },
        ],
        undo: [{ kind: 'links', how: 'restore' }],
        expect: [
          evidence(during(90, 'each of these clients has noticed that its connection is dead', { kind: 'links', connected: false })),
          during(
            120,
            'replicas have closed connections whose clients do not answer',
            query(`sum(increase(${series(metrics.connectionsClosed.name, undefined, `, cause="${lost}"`)}[3m])) > 0`),
          ),
          entryAnswers,
          after(75, 'each of these clients has a session again', { kind: 'links', connected: true }),
        ],
        notes: ['A connection over a cut link looks idle. Heartbeats detect it: first the client, then the replica.'],
      }),
    },
  },
} as const satisfies Fault
