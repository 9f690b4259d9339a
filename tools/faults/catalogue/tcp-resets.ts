import type { ResetPoint } from '@lab/lab/lab.ts'
import { entryAnswers } from '../core/expect.ts'
import type { Fault, FaultOn, InPlan } from '../fault.ts'

const times = 5

export const resets = {
  'reset-dialled': resetAt('dialled', 'right after the TCP handshake'),
  'reset-half-request': resetAt('half-request', 'in the middle of the handshake request'),
  'reset-request': resetAt('request', 'after the handshake request, before its response'),
  'reset-upgraded': resetAt('upgraded', 'right after the 101 response'),
  'reset-mid-frame': resetAt('mid-frame', 'in the middle of a frame'),
} as const

function resetAt(at: ResetPoint, when: string) {
  const what = `${times} new TCP connections are opened, and each is reset ${when}`
  const on = {
    seconds: 5,
    needsReplicas: 1,
    draft: () => ({ does: `${what}.`, begin: [{ kind: 'reset', at, times }], undo: [], expect: [entryAnswers], notes: [] }),
  } as const satisfies FaultOn<'compose'> & FaultOn<'embedded'> & FaultOn<'kubernetes'>
  const inPlan: InPlan = {
    takesSeconds: 2,
    lastsSeconds: 0,
    // The step that resets the connections fails if no connection was reset, so a successful step is evidence of the fault.
    evidenceWithinSeconds: 0,
    wholeWithinSeconds: 10,
    mayEnd: [],
    noticed: { after: 'undo', seconds: 0 },
    only: true,
  }
  return { what, hitsReplica: false, inPlan, on: { compose: on, embedded: on, kubernetes: on } } as const satisfies Fault
}
