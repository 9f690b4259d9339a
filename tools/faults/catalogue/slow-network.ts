/** Places toxiproxy between the replicas and Valkey and later removes it, without changing any name, address or replica. */
import { services } from '@lab/contract/endpoints.ts'
import { metrics } from '@lab/contract/metrics.ts'
import { orders, proxyPorts as ports, proxyLatencyMs } from '@lab/host/inside/proxy.ts'
import type { FactsOf, StepOf } from '@lab/lab/lab.ts'
import {
  after,
  containerOf,
  disturbance,
  docker,
  during,
  entryAnswers,
  query,
  series,
  silent,
  storesUp,
  throughout,
  victim,
} from '../core/expect.ts'
import type { Fault } from '../fault.ts'

/** Response time, in milliseconds, that separates Valkey's replies over the slow network from those over the normal network. */
const slowAnswerMs = proxyLatencyMs * 0.9
const roundTrip = `histogram_quantile(0.5, sum by (le) (rate(${series(`${metrics.storeRoundTrip.name}_bucket`)}[20s])))`

export const slowNetwork = {
  what: `responses are delayed by ${proxyLatencyMs} ms: with Compose, those of Valkey; on the embedded lab, those of the replicas`,
  hitsReplica: false,
  on: {
    compose: {
      seconds: 45,
      needsReplicas: 1,
      draft: (facts) => ({
        does: `toxiproxy takes Valkey's place for ${facts.seconds} s and delays answers by ${proxyLatencyMs} ms. Connections to Valkey are cut twice: when it comes, and when it goes.`,
        ...behindProxy(facts),
        expect: [
          during(
            45,
            `half of all room messages take more than 70 ms to be stored, according to ${metrics.storeRoundTrip.name}`,
            query(`${roundTrip} > 0.07`),
          ),
          silent({ alertname: 'DependencyDown' }),
          entryAnswers,
          storesUp(30),
          after(60, 'half of all room messages are stored within 70 ms', query(`${roundTrip} < 0.07`)),
        ],
        notes: ['Only room messages are delayed; --check sends some. No alert fires, because a slow store counts as up.'],
      }),
    },
    embedded: {
      seconds: 20,
      needsReplicas: 1,
      draft: (facts) => ({
        does: `Answers of replicas reach the router ${proxyLatencyMs} ms late for ${facts.seconds} s.`,
        ...disturbance('slow-answers', facts),
        expect: [
          during(10, `an answer through the entry takes more than ${slowAnswerMs} ms`, { kind: 'answer', above: slowAnswerMs }),
          throughout(`${facts.replicas} replicas stay ready, because a slow replica counts as up`, {
            kind: 'ready',
            atLeast: facts.replicas,
          }),
          entryAnswers,
          after(20, 'an answer takes less than that again, for 3 s', { kind: 'answer', below: slowAnswerMs }, { steadySeconds: 3 }),
        ],
        notes: [],
      }),
    },
  },
} as const satisfies Fault

/** The proxy joins the network namespace of Valkey's container, so that it can listen on the port that Valkey used before. */
function behindProxy(facts: FactsOf<'compose'>): { begin: StepOf<'compose'>[]; undo: StepOf<'compose'>[] } {
  const cli = (...args: string[]) => docker('exec', containerOf(facts, 'valkey'), 'valkey-cli', ...args)
  const compose = (...args: string[]): StepOf<'compose'> => ({
    kind: 'docker',
    args: ['compose', '-p', facts.project, '--profile', 'chaos', ...args],
    withinSeconds: 120,
  })
  const behind = ['-p', String(ports.behind)]
  return {
    begin: [
      compose('up', '--detach', '--no-deps', '--pull', 'missing', services.toxiproxy),
      cli('config', 'set', 'port', String(ports.behind)),
      docker('exec', victim(facts), 'node', '--input-type=module', '-e', orders),
      // Existing connections bypass the proxy, so they must be closed.
      cli(...behind, 'client', 'kill', 'type', 'normal'),
      cli(...behind, 'client', 'kill', 'type', 'pubsub'),
    ],
    undo: [compose('rm', '--stop', '--force', services.toxiproxy), cli(...behind, 'config', 'set', 'port', String(ports.public))],
  }
}
