import { services } from '@lab/contract/endpoints.ts'
import {
  after,
  alert,
  allUp,
  complete,
  disturbance,
  docker,
  during,
  entryAnswers,
  evidence,
  inPool,
  isReady,
  leavesPool,
  query,
  up,
  victim,
} from '../core/expect.ts'
import type { Fault } from '../fault.ts'

export const pause = {
  what: 'the processes of a replica are frozen, so that the replica hangs and its sockets stay open',
  hitsReplica: true,
  inPlan: {
    takesSeconds: 16,
    lastsSeconds: 10,
    evidenceWithinSeconds: 10,
    // Docker counts a health check that the pause interrupted as failed, so the replica may need another health check to become healthy.
    wholeWithinSeconds: 90,
    mayEnd: ['abnormal', 'heartbeat_lost', 'replaced', 'moving_on'],
    // Connections that clients closed during the pause are not counted as closed until the replica resumes.
    noticed: { after: 'undo', seconds: 10 },
  },
  on: {
    compose: {
      seconds: 60,
      needsReplicas: 2,
      draft: (facts) => ({
        does: `${facts.replica} is frozen for ${facts.seconds} s.`,
        begin: [docker('pause', victim(facts))],
        undo: [docker('unpause', victim(facts))],
        expect: [
          evidence(
            during(10, `Docker reports ${facts.replica} as paused`, { kind: 'container', container: victim(facts), status: 'paused' }),
          ),
          during(25, `Prometheus cannot scrape ${facts.replica}, whose up metric is 0`, query(`${up(facts.replica)} == 0`)),
          leavesPool(facts, 30),
          entryAnswers,
          isReady(facts, 30),
          after(45, `${facts.replica} is in Traefik's pool`, query(inPool(facts))),
          ...alert({ alertname: 'ReplicaDown', replica: facts.replica }, 55, 45),
        ],
        notes: ['The clients of the replica detect the failure after one and a half heartbeat intervals, or when the replica is resumed.'],
      }),
    },
    embedded: {
      seconds: 20,
      needsReplicas: 2,
      draft: (facts) => ({
        does: `${facts.replica} is frozen for ${facts.seconds} s.`,
        ...disturbance('frozen', facts),
        expect: [
          evidence(
            during(10, `${facts.replica} does not answer, and gets no new socket`, { kind: 'state', id: facts.replica, state: 'silent' }),
          ),
          entryAnswers,
          after(15, `${facts.replica} is ready`, { kind: 'state', id: facts.replica, state: 'ready' }, { steadySeconds: 3 }),
        ],
        notes: [],
      }),
    },
    kubernetes: {
      seconds: 40,
      needsReplicas: 2,
      draft: ({ replica, seconds }) => ({
        does: `The process in the pod ${replica} is frozen for ${seconds} s.`,
        begin: [{ kind: 'act', action: 'freeze', replica }],
        undo: [{ kind: 'act', action: 'thaw', replica }, { kind: 'settle' }],
        expect: [
          evidence(during(10, `the process in ${replica} is suspended`, { kind: 'frozen', replica })),
          // The readiness probe fails when it has waited for 20 s.
          during(30, `the pod ${replica} is not Ready`, { kind: 'unready', replica }),
          entryAnswers,
          complete(30),
        ],
        notes: ['If a pause lasts longer than about a minute, the liveness probe fails, and Kubernetes restarts the container.'],
      }),
    },
  },
} as const satisfies Fault

export const pauseAll = {
  what: 'the processes of all replicas are frozen, so that no client is served',
  hitsReplica: false,
  on: {
    compose: {
      seconds: 60,
      needsReplicas: 1,
      draft: (facts) => ({
        does: `All ${facts.replicas} replicas are frozen for ${facts.seconds} s. No client is served meanwhile.`,
        begin: [docker('compose', '-p', facts.project, 'pause', services.ws)],
        undo: [docker('compose', '-p', facts.project, 'unpause', services.ws)],
        expect: [
          during(25, 'up is 0 for every replica', query(`max(${up()}) == 0`)),
          after(30, 'the entry answers', { kind: 'entry' }),
          allUp(facts, 30),
          ...alert({ alertname: 'ReplicaDown', replica: facts.replica }, 55, 60),
          ...alert({ alertname: 'NoReplica' }, 55, 60),
        ],
        notes: ['A scaler that uses metrics of replicas has none, and does not scale.'],
      }),
    },
  },
} as const satisfies Fault
