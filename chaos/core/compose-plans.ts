/** What each fault does to the lab on Compose, and what is said of it. Bounds are those of the rules, with scrapes and a busy machine added. Pure. */

import { jobs, services } from '../../contract/src/endpoints.ts'
import { metrics } from '../../contract/src/metrics.ts'
import { proxyLatencyMs } from '../inside/proxy.ts'
import { busyCode, endCode, memoryCode, memoryShare } from '../inside/replica.ts'
import type { FaultName } from './faults.ts'
import { after, alert, during, entryAnswers, inPool, query, series, silent, throughout } from './looks.ts'
import type { Draft } from './plan.ts'
import { behindProxy } from './slow-network.ts'
import type { Scene, Statement, Step } from './types.ts'

export const docker = (...args: string[]): Step => ({ kind: 'docker', args })
export const containerOf = ({ project }: Scene, service: string) => `${project}-${service}`
const victim = ({ project, replica }: Scene) => `${project}-${replica}`
const network = ({ project }: Scene, name: string) => `${project}_${name}`

const up = (replica?: string) => series('up', replica)
const ready = ({ replica }: Scene) =>
  `${series(metrics.replicaState.name, replica, ', state="ready"')} == 1 and on (replica) ${up(replica)} == 1`
const store = (replica?: string) => series(metrics.dependencyUp.name, replica)
const roundTrip = `histogram_quantile(0.5, sum by (le) (rate(${series(`${metrics.storeRoundTrip.name}_bucket`)}[20s])))`
const allUp = ({ replicas }: Scene) => `count(${up()} == 1) >= ${replicas}`

const isReady = (scene: Scene, withinSeconds: number): Statement =>
  after(withinSeconds, `${scene.replica} is ready, and Prometheus sees it`, query(ready(scene)))
const leavesPool = (scene: Scene, withinSeconds: number): Statement =>
  during(
    withinSeconds,
    `Traefik has ${scene.replica} out of its pool`,
    query(`absent(${inPool(scene)}) and on () up{job="${jobs.traefik}"} == 1`),
  )
const storesWell = (withinSeconds: number): Statement =>
  after(withinSeconds, `every replica has Valkey again: ${metrics.dependencyUp.name} is 1`, query(`min(${store()}) == 1`))

export const composePlans: Readonly<Record<FaultName, (scene: Scene) => Draft>> = {
  kill: (scene) => ({
    does: `${scene.replica} is killed, and started again after ${scene.seconds} s.`,
    begin: [docker('kill', '--signal', 'KILL', victim(scene))],
    undo: [docker('start', victim(scene))],
    statements: [
      leavesPool(scene, 20),
      during(20, `Prometheus knows ${scene.replica} no more`, query(`absent(${up(scene.replica)})`)),
      entryAnswers,
      isReady(scene, 45),
      // Remembers for a minute that there was one, and fires for half a minute more.
      ...alert({ alertname: 'ReplicaLost', replica: scene.replica }, 35, 150),
    ],
    notes: ['Its clients see 1006, come back within seconds, resume elsewhere, and miss nothing.'],
  }),

  pause: (scene) => ({
    does: `${scene.replica} is frozen for ${scene.seconds} s.`,
    begin: [docker('pause', victim(scene))],
    undo: [docker('unpause', victim(scene))],
    statements: [
      during(25, `Prometheus gets no answer: up of ${scene.replica} is 0`, query(`${up(scene.replica)} == 0`)),
      leavesPool(scene, 30),
      entryAnswers,
      isReady(scene, 30),
      after(45, `Traefik has ${scene.replica} in its pool`, query(inPool(scene))),
      ...alert({ alertname: 'ReplicaDown', replica: scene.replica }, 55, 45),
    ],
    notes: ['Its clients notice after one and a half heartbeat intervals, or when it thaws.'],
  }),

  drain: (scene) => ({
    does: `${scene.replica} gets SIGTERM, drains and ends; it is started again after ${scene.seconds} s.`,
    begin: [docker('kill', '--signal', 'TERM', victim(scene))],
    // Cut short, it may drain still: what has not ended cannot be started, and would stay down once it has. It is not killed before
    // its drain's own deadline.
    undo: [docker('stop', '-t', '40', victim(scene)), docker('start', victim(scene))],
    statements: [
      leavesPool(scene, 20),
      during(
        20,
        `${scene.replica} says that it drains`,
        query(`max_over_time(${series(metrics.replicaState.name, scene.replica, ', state="draining"')}[1m]) == 1`),
      ),
      during(28, `${scene.replica} ends with exit code 0`, { kind: 'exited', container: victim(scene), code: 0 }),
      silent({ alertname: 'ReplicaLost', replica: scene.replica }),
      silent({ alertname: 'UnexplainedDrops' }),
      entryAnswers,
      isReady(scene, 45),
    ],
    notes: ['Its clients get a goodbye, move to other replicas, and miss nothing.'],
  }),

  memory: (scene) => ({
    does: `${scene.replica} keeps memory up to ${memoryShare * 100} % of its limit, for ${scene.seconds} s. The limit of its container keeps the machine safe.`,
    begin: [{ kind: 'evaluate', container: victim(scene), code: memoryCode(scene.seconds, 'compose') }],
    undo: [{ kind: 'evaluate', container: victim(scene), code: endCode('memory') }],
    statements: [
      during(30, 'process_resident_memory_bytes is above 80 % of the limit', query(memoryFull(scene, '>'))),
      silent({ alertname: 'ReplicaLost', replica: scene.replica }),
      entryAnswers,
      after(40, 'process_resident_memory_bytes is below 80 % of the limit', query(memoryFull(scene, '<'))),
      ...alert({ alertname: 'MemoryHigh', replica: scene.replica }, 65, 60),
    ],
  }),

  busy: (scene) => ({
    does: `Every 3.5 s the event loop of ${scene.replica} does nothing but spin for 1.5 s, for ${scene.seconds} s in all.`,
    begin: [{ kind: 'evaluate', container: victim(scene), code: busyCode(scene.seconds) }],
    undo: [{ kind: 'evaluate', container: victim(scene), code: endCode('busy') }],
    statements: [
      during(
        25,
        `nodejs_eventloop_lag_max_seconds of ${scene.replica} is above 1 s`,
        query(`${series('nodejs_eventloop_lag_max_seconds', scene.replica)} > 1`),
      ),
      entryAnswers,
      after(
        60,
        'nodejs_eventloop_lag_max_seconds is below 1 s, for 10 s',
        query(`${series('nodejs_eventloop_lag_max_seconds', scene.replica)} < 1`),
        10,
      ),
      ...alert({ alertname: 'EventLoopLagHigh', replica: scene.replica }, 55, 90),
    ],
    notes: ['Answers of this replica take up to 1.5 s. All of its sockets share the one thread.'],
  }),

  'slow-network': (scene) => ({
    does: `toxiproxy takes Valkey's place for ${scene.seconds} s and lets answers wait ${proxyLatencyMs} ms. Connections to Valkey are cut twice: when it comes, and when it goes.`,
    ...behindProxy(scene),
    statements: [
      during(
        45,
        `half of all room messages take more than 70 ms to be stored: ${metrics.storeRoundTrip.name}`,
        query(`${roundTrip} > 0.07`),
      ),
      silent({ alertname: 'DependencyDown' }),
      entryAnswers,
      storesWell(30),
      after(60, `half of all room messages are stored within 70 ms`, query(`${roundTrip} < 0.07`)),
    ],
    notes: ['It shows in room messages alone; with --check some are sent. Slow is not down: nobody alerts.'],
  }),

  partition: (scene) => ({
    does: `${scene.replica} is taken off the network stores for ${scene.seconds} s: no connection ends, nothing arrives.`,
    begin: [docker('network', 'disconnect', network(scene, 'stores'), victim(scene))],
    undo: [docker('network', 'connect', '--alias', services.ws, network(scene, 'stores'), victim(scene))],
    statements: [
      during(20, `${metrics.dependencyUp.name} of ${scene.replica} is 0`, query(`max(${store(scene.replica)}) == 0`)),
      ...(scene.replicas > 1
        ? [
            throughout(
              'every other replica has Valkey',
              query(`min(${series(metrics.dependencyUp.name, undefined, `, replica!="${scene.replica}"`)}) == 1`),
            ),
          ]
        : []),
      entryAnswers,
      storesWell(30),
      ...alert({ alertname: 'DependencyDown', replica: scene.replica }, 40, 60),
    ],
    notes: ['Rooms end at this replica meanwhile; what was said there is stored when it is back.'],
  }),

  'valkey-down': (scene) => ({
    does: `Valkey is stopped for ${scene.seconds} s.`,
    begin: [docker('stop', containerOf(scene, `${services.valkey}-1`))],
    undo: [docker('start', containerOf(scene, `${services.valkey}-1`))],
    statements: [
      during(20, `${metrics.dependencyUp.name} of every replica is 0`, query(`max(${store()}) == 0`)),
      entryAnswers,
      storesWell(45),
      ...alert({ alertname: 'DependencyDown', replica: scene.replica }, 40, 60),
    ],
    notes: ['No socket ends. Each replica keeps its own rooms; what was said meanwhile is stored when Valkey is back.'],
  }),

  'prometheus-down': (scene) => ({
    does: `Prometheus is stopped for ${scene.seconds} s.`,
    begin: [docker('stop', containerOf(scene, `${services.prometheus}-1`))],
    undo: [docker('start', containerOf(scene, `${services.prometheus}-1`))],
    statements: [
      during(15, 'Prometheus does not answer', { kind: 'prometheus', ready: false }),
      ...(scene.seconds <= watchdogLastsSeconds
        ? [
            throughout('Alertmanager goes on showing Watchdog: nobody tells yet', {
              kind: 'alert',
              labels: { alertname: 'Watchdog' },
              firing: true,
            }),
          ]
        : []),
      entryAnswers,
      after(60, 'Prometheus is ready', { kind: 'prometheus', ready: true }),
      after(75, `Prometheus sees all ${scene.replicas} replicas`, query(allUp(scene))),
    ],
    notes: [
      'Graphs have a gap. Alertmanager drops Watchdog after three to four minutes without Prometheus; a scaler goes blind and keeps what there is.',
    ],
  }),

  'scrape-gap': (scene) => ({
    does: `Prometheus is taken off the network lab for ${scene.seconds} s: it runs, and reaches no replica.`,
    begin: [docker('network', 'disconnect', network(scene, 'lab'), containerOf(scene, `${services.prometheus}-1`))],
    undo: [
      docker('network', 'connect', '--alias', services.prometheus, network(scene, 'lab'), containerOf(scene, `${services.prometheus}-1`)),
    ],
    statements: [
      during(25, 'up of every replica is 0', query(`max(${up()}) == 0`)),
      entryAnswers,
      after(30, `Prometheus sees all ${scene.replicas} replicas`, query(allUp(scene))),
      ...alert({ alertname: 'ReplicaDown', replica: scene.replica }, 55, 60),
      ...alert({ alertname: 'NoReplica' }, 55, 60),
    ],
    notes: ['The alerts are wrong: who watches cannot tell a dead replica from a cut cable. That the entry answers tells them apart.'],
  }),
}

/** Alertmanager lets an alert that is not repeated stand for so long, and a little more. */
const watchdogLastsSeconds = 150

function memoryFull({ replica }: Scene, than: '<' | '>'): string {
  return `${series('process_resident_memory_bytes', replica)} / ${series(metrics.memoryLimit.name, replica)} ${than} 0.8`
}
