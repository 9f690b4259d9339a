import { metrics } from '@lab/contract/metrics.ts'
import { standardMetrics } from '@lab/contract/queries.ts'
import { addedMiB, blocked, busyCode, endCode, memoryCode, memoryShare } from '@lab/host/inside/replica.ts'
import type { CheckOf } from '@lab/lab/lab.ts'
import { after, alert, disturbance, during, entryAnswers, query, series, silent, victim } from '../core/expect.ts'
import type { Fault } from '../fault.ts'

/** Memory that the process may still use after the fault, because garbage collection does not return all of it. MiB. */
const restMiB = 96
const extraMiB = Math.round(addedMiB * memoryShare)

export const memory = {
  what: `a replica uses memory up to ${memoryShare * 100} % of its limit, or ${addedMiB} MiB more if it has no limit`,
  hitsReplica: true,
  on: {
    compose: {
      seconds: 65,
      needsReplicas: 1,
      draft: (facts) => {
        const { replica, seconds } = facts
        const memoryUsed = standardMetrics.residentBytes
        const share = `${series(memoryUsed, replica)} / ${series(metrics.memoryLimit.name, replica)}`
        return {
          does: `${replica} uses memory up to ${memoryShare * 100} % of its limit for ${seconds} s. The container's limit protects the machine.`,
          begin: [{ kind: 'evaluate', container: victim(facts), code: memoryCode(seconds, 'compose') }],
          undo: [{ kind: 'evaluate', container: victim(facts), code: endCode('memory') }],
          expect: [
            during(30, `${memoryUsed} is above 80 % of the limit`, query(`${share} > 0.8`)),
            silent({ alertname: 'ReplicaLost', replica }),
            entryAnswers,
            after(40, `${memoryUsed} is below 80 % of the limit`, query(`${share} < 0.8`)),
            ...alert({ alertname: 'MemoryHigh', replica }, 65, 60),
          ],
          notes: [],
        }
      },
    },
    embedded: {
      seconds: 20,
      needsReplicas: 1,
      draft: (facts) => {
        const { replica, seconds, memoryMiB } = facts
        const used: CheckOf<'embedded'> & { kind: 'figure' } = { kind: 'figure', id: replica, figure: 'memoryMiB' }
        return {
          does: `${replica} uses ${addedMiB} MiB more for ${seconds} s.`,
          ...disturbance('memory', facts),
          expect: [
            during(15, `${replica} uses ${extraMiB} MiB more than the ${memoryMiB} MiB before`, { ...used, above: memoryMiB + extraMiB }),
            entryAnswers,
            after(20, `${replica} uses at most ${restMiB} MiB more than before`, { ...used, below: memoryMiB + restMiB }),
          ],
          notes: ['Unlike a container, the process has no memory limit, so no alert fires.'],
        }
      },
    },
  },
} as const satisfies Fault

const rhythm = `for ${blocked.forMs / 1000} s every ${blocked.everyMs / 1000} s`

export const busy = {
  what: `the event loop of a replica is blocked ${rhythm}`,
  hitsReplica: true,
  on: {
    compose: {
      seconds: 60,
      needsReplicas: 1,
      draft: (facts) => {
        const { replica, seconds } = facts
        const lag = standardMetrics.eventLoopLagMax
        return {
          does: `The event loop of ${replica} is blocked ${rhythm}, for ${seconds} s in all.`,
          begin: [{ kind: 'evaluate', container: victim(facts), code: busyCode(seconds) }],
          undo: [{ kind: 'evaluate', container: victim(facts), code: endCode('busy') }],
          expect: [
            during(25, `${lag} is above 1 s for ${replica}`, query(`${series(lag, replica)} > 1`)),
            entryAnswers,
            after(60, `${lag} is below 1 s, for 10 s`, query(`${series(lag, replica)} < 1`), { steadySeconds: 10 }),
            ...alert({ alertname: 'EventLoopLagHigh', replica }, 55, 90),
          ],
          notes: [`Answers of this replica take up to ${blocked.forMs / 1000} s, because all of its sockets share one thread.`],
        }
      },
    },
    embedded: {
      seconds: 20,
      needsReplicas: 1,
      draft: (facts) => {
        const { replica, seconds } = facts
        const use: CheckOf<'embedded'> & { kind: 'figure' } = { kind: 'figure', id: replica, figure: 'eventLoopPercent' }
        return {
          does: `The event loop of ${replica} is blocked ${rhythm}, for ${seconds} s in all.`,
          ...disturbance('busy', facts),
          expect: [
            during(15, `the event loop of ${replica} is busy for more than half of a scrape interval`, { ...use, above: 50 }),
            entryAnswers,
            after(30, 'it is busy for less than half of each scrape interval, for 6 s', { ...use, below: 50 }, { steadySeconds: 6 }),
          ],
          notes: [],
        }
      },
    },
  },
} as const satisfies Fault
