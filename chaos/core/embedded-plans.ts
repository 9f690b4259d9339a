/** What each fault does to the embedded lab, and what is said of it. There is no Prometheus: its own state is looked at. Pure. */

import { proxyLatencyMs } from '../inside/proxy.ts'
import { keptMiB, memoryShare } from '../inside/replica.ts'
import type { FaultName } from './faults.ts'
import { after, during, entryAnswers, throughout } from './looks.ts'
import type { Draft } from './plan.ts'
import type { Look, Scene, Statement, Step } from './types.ts'

const order = (path: string, body: object): Step => ({ kind: 'order', path, body })
const is = (id: string, state: Extract<Look, { kind: 'state' }>['state']): Look => ({ kind: 'state', id, state })
/** Another one may have its name by then: the scaler is quick. */
const left = ({ replica, startedAtSeconds }: Scene): Look => ({ kind: 'left', id: replica, startedAtSeconds })
const asMany = ({ replicas }: Scene, withinSeconds: number): Statement =>
  after(withinSeconds, `${replicas} replicas are ready`, { kind: 'ready', atLeast: replicas })

/** Most that memory may stay above what it was: garbage is not given back to the last byte. MiB. */
const restMiB = 96

/** What an answer takes longer than on a slow network, and less than on a usual one. Milliseconds. */
const slowAnswerMs = proxyLatencyMs * 0.9

function draft(name: FaultName, scene: Scene, does: string, statements: Statement[], notes: string[] = []): Draft {
  const { replica: id, seconds } = scene
  return {
    does,
    begin: [order('/api/chaos', { fault: name, id, seconds })],
    undo: [order('/api/chaos/undo', { fault: name, of: id })],
    statements,
    notes,
  }
}

const replaced = 'When fewer replicas run than before, it is started again; the scaler may have been quicker.'

/** Those that a lab without Valkey and Prometheus of its own can show. */
export const embeddedPlans: Readonly<Partial<Record<FaultName, (scene: Scene) => Draft>>> = {
  kill: (scene) =>
    draft(
      'kill',
      scene,
      `${scene.replica} is killed.`,
      [during(10, `${scene.replica} is gone`, left(scene)), entryAnswers, asMany(scene, 30)],
      [replaced],
    ),
  pause: (scene) =>
    draft('pause', scene, `${scene.replica} is frozen for ${scene.seconds} s.`, [
      during(10, `${scene.replica} is silent, and gets no new socket`, is(scene.replica, 'silent')),
      entryAnswers,
      after(15, `${scene.replica} is ready`, is(scene.replica, 'ready'), 3),
    ]),
  drain: (scene) =>
    draft(
      'drain',
      scene,
      `${scene.replica} gets SIGTERM, drains and ends.`,
      [during(18, `${scene.replica} is gone`, left(scene)), entryAnswers, asMany(scene, 30)],
      [replaced],
    ),
  memory: (scene) =>
    draft(
      'memory',
      scene,
      `${scene.replica} keeps ${keptMiB} MiB for ${scene.seconds} s.`,
      [
        during(15, `${scene.replica} uses ${Math.round(keptMiB * memoryShare)} MiB more than the ${scene.memoryMiB} MiB before`, {
          ...{ kind: 'figure', id: scene.replica, figure: 'memoryMiB' },
          above: scene.memoryMiB + keptMiB * memoryShare,
        }),
        entryAnswers,
        after(20, `${scene.replica} uses at most ${restMiB} MiB more than before`, {
          ...{ kind: 'figure', id: scene.replica, figure: 'memoryMiB' },
          below: scene.memoryMiB + restMiB,
        }),
      ],
      ['A process has no limit of its own as a container has: nothing alerts here.'],
    ),
  busy: (scene) =>
    draft('busy', scene, `Every 3.5 s the event loop of ${scene.replica} does nothing but spin for 1.5 s, for ${scene.seconds} s in all.`, [
      during(15, `the event loop of ${scene.replica} is busy for more than half of a moment`, {
        ...{ kind: 'figure', id: scene.replica, figure: 'eventLoopPercent' },
        above: 50,
      }),
      entryAnswers,
      after(
        30,
        `it is busy for less than half of every moment, for 6 s`,
        { kind: 'figure', id: scene.replica, figure: 'eventLoopPercent', below: 50 },
        6,
      ),
    ]),
  'slow-network': (scene) =>
    draft('slow-network', scene, `What replicas answer arrives ${proxyLatencyMs} ms late at the router, for ${scene.seconds} s.`, [
      during(10, `an answer through the entry takes more than ${slowAnswerMs} ms`, { kind: 'answer', above: slowAnswerMs }),
      throughout(`${scene.replicas} replicas stay ready: slow is not down`, { kind: 'ready', atLeast: scene.replicas }),
      entryAnswers,
      after(20, `it takes less again, for 3 s`, { kind: 'answer', below: slowAnswerMs }, 3),
    ]),
  partition: (scene) =>
    draft(
      'partition',
      scene,
      `${scene.replica} is cut off for ${scene.seconds} s: no connection ends, nothing arrives.`,
      [
        during(10, `${scene.replica} is silent, and gets no new socket`, is(scene.replica, 'silent')),
        entryAnswers,
        after(15, `${scene.replica} is ready`, is(scene.replica, 'ready'), 3),
      ],
      ['Its clients notice after two heartbeats, and come back elsewhere; it notices, too, and lets go of them.'],
    ),
  'scrape-gap': (scene) =>
    draft(
      'scrape-gap',
      scene,
      `The scaler can read no metric for ${scene.seconds} s.`,
      [
        during(25, 'the scaler is blind, and says so', { kind: 'scaler', blind: true }),
        throughout(`${scene.replicas} replicas stay ready: who is blind changes nothing`, { kind: 'ready', atLeast: scene.replicas }),
        entryAnswers,
        after(25, 'the scaler sees again', { kind: 'scaler', blind: false }),
      ],
      ['With real time instead of compressed one it decides every 15 s.'],
    ),
}
