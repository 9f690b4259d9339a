import { services } from '@lab/contract/endpoints.ts'
import {
  after,
  alert,
  allUp,
  containerOf,
  disturbance,
  docker,
  during,
  entryAnswers,
  network,
  query,
  throughout,
  up,
} from '../core/expect.ts'
import type { Fault } from '../fault.ts'

/** Minimum time for which an alert stays active in Alertmanager after Prometheus last sent it. */
const watchdogLastsSeconds = 150

export const prometheusDown = {
  what: 'Prometheus is stopped',
  hitsReplica: false,
  on: {
    compose: {
      seconds: 30,
      needsReplicas: 1,
      draft: (facts) => ({
        does: `Prometheus is stopped for ${facts.seconds} s.`,
        begin: [docker('stop', containerOf(facts, 'prometheus'))],
        undo: [docker('start', containerOf(facts, 'prometheus'))],
        expect: [
          during(15, 'Prometheus does not respond', { kind: 'prometheus', ready: false }),
          ...(facts.seconds <= watchdogLastsSeconds
            ? [throughout('Watchdog is still firing in Alertmanager', { kind: 'alert', labels: { alertname: 'Watchdog' }, firing: true })]
            : []),
          entryAnswers,
          after(60, 'Prometheus is ready', { kind: 'prometheus', ready: true }),
          allUp(facts, 75),
        ],
        notes: [
          'Graphs have a gap. Alertmanager resolves Watchdog after three to four minutes without Prometheus. A scaler has no metrics, and does not scale.',
        ],
      }),
    },
  },
} as const satisfies Fault

export const scrapeGap = {
  what: 'Prometheus, or the scaler of the embedded lab, cannot scrape any replica',
  hitsReplica: false,
  on: {
    compose: {
      seconds: 60,
      needsReplicas: 1,
      draft: (facts) => {
        const [lab, prometheus] = [network(facts, 'lab'), containerOf(facts, 'prometheus')]
        return {
          does: `Prometheus is disconnected from the network lab for ${facts.seconds} s: it runs, but can scrape no replica.`,
          begin: [docker('network', 'disconnect', lab, prometheus)],
          undo: [docker('network', 'connect', '--alias', services.prometheus, lab, prometheus)],
          expect: [
            during(25, 'up is 0 for every replica', query(`max(${up()}) == 0`)),
            entryAnswers,
            allUp(facts, 30),
            ...alert({ alertname: 'ReplicaDown', replica: facts.replica }, 55, 60),
            ...alert({ alertname: 'NoReplica' }, 55, 60),
          ],
          notes: [
            'These alerts are false: Prometheus cannot distinguish a dead replica from a broken network. The entry, which still answers, does.',
          ],
        }
      },
    },
    embedded: {
      seconds: 30,
      needsReplicas: 1,
      draft: (facts) => ({
        does: `The scaler can read no metric for ${facts.seconds} s.`,
        ...disturbance('no-metrics', facts),
        expect: [
          during(25, 'the scaler reports that it has no metrics', { kind: 'scaler', blind: true }),
          throughout(`${facts.replicas} replicas stay ready: without metrics, the scaler does not scale`, {
            kind: 'ready',
            atLeast: facts.replicas,
          }),
          entryAnswers,
          after(25, 'the scaler has metrics again', { kind: 'scaler', blind: false }),
        ],
        notes: ['In real time, without compression, the scaler decides every 15 s.'],
      }),
    },
  },
} as const satisfies Fault
