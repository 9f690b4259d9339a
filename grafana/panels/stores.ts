/** Valkey, as the replicas see it and as it says itself through them. Each of them reports the same numbers, hence no sums. */
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { MappingType } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { metrics } from '@lab/contract/metrics.ts'
import { noAnswerColor, quantileColors, severityColors, systemColors } from '../lib/colors.ts'
import { graph, stateTimeline } from '../lib/panels.ts'
import { replicas } from '../lib/scopes.ts'
import { colored, perReplica, third, waiting } from '../lib/styles.ts'

const { select, perSecond, quantile } = replicas
const noStore = 'No replica has heard of Valkey yet.'

/** Whether Valkey answers, as each replica sees it. */
export function dependencies(): Panel {
  return stateTimeline(
    {
      title: 'Dependencies',
      description:
        'Does every replica reach its stores? Red: it gets no answer and works alone, in memory, until the store is back. No bar: the replica has no store to reach.',
      unit: units.NoUnit,
      noValue: 'No replica uses a store.',
      width: 24,
    },
    [{ expr: `sum by (dependency, replica) (${select(metrics.dependencyUp.name)})`, legend: `{{dependency}} from ${perReplica}` }],
    (panel) =>
      panel.mappings([
        {
          type: MappingType.ValueToText,
          options: { 0: { text: 'no answer', color: noAnswerColor }, 1: { text: 'answers', color: severityColors.fine } },
        },
      ]),
  )
}

/** Connections to Valkey. */
export function storeClients(): Panel {
  return graph(
    {
      title: 'Clients of Valkey',
      description: 'Who is connected? Clients as Valkey counts them: a few for each replica. A number that only grows is a leak.',
      unit: units.Short,
      noValue: noStore,
      width: third,
    },
    [{ expr: `max(${select(metrics.storeClients.name)})`, legend: 'clients' }],
    (panel) => {
      panel.decimals(0)
      colored({ clients: systemColors.valkey })(panel)
    },
  )
}

/** Memory Valkey uses. */
export function storeMemory(): Panel {
  return graph(
    {
      title: 'Memory of Valkey',
      description:
        'Does it fill up? Memory as Valkey counts it. At its maximum it refuses to store more, and room messages wait in the replicas.',
      unit: units.BytesIEC,
      noValue: noStore,
      width: third,
    },
    [{ expr: `max(${select(metrics.storeMemory.name)})`, legend: 'memory' }],
    colored({ memory: systemColors.valkey }),
  )
}

/** Commands per second. */
export function storeCommands(): Panel {
  return graph(
    {
      title: 'Commands of Valkey',
      description: 'How busy is it? Commands per second, of all replicas together. It works them off one after another, on one core.',
      unit: units.OpsPerSecond,
      noValue: noStore,
      width: third,
    },
    [{ expr: `max(${perSecond(metrics.storeCommands.name)})`, legend: 'commands' }],
    colored({ commands: systemColors.valkey }),
  )
}

/** Time to store a room message. */
export function storeRoundTrip(): Panel {
  return graph(
    {
      title: 'Store round trip',
      description:
        'How long does storing take? p50, p95 and p99 from a room message being handed to Valkey to the answer that it is stored.',
      unit: units.Seconds,
      noValue: 'No room message has been stored yet: start some load.',
      width: third,
    },
    [
      { expr: quantile(0.5, metrics.storeRoundTrip.name), legend: 'p50' },
      { expr: quantile(0.95, metrics.storeRoundTrip.name), legend: 'p95' },
      { expr: quantile(0.99, metrics.storeRoundTrip.name), legend: 'p99' },
    ],
    colored(quantileColors),
  )
}

/** Room messages that wait for the store. */
export function outbox(): Panel {
  return graph(
    {
      title: 'Waiting for the store',
      description:
        'Is anything not yet safe? Room messages that are not stored, by replica. While Valkey is away they pile up here, up to a bound; then new ones are refused.',
      unit: units.Short,
      noValue: waiting,
      width: third,
    },
    [{ expr: `sum by (replica) (${select(metrics.roomOutbox.name)})`, legend: perReplica }],
    (panel) => panel.decimals(0),
  )
}
