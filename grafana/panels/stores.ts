/**
 * Panels about Valkey as observed by the replicas, and about Valkey's own statistics. Every replica exports Valkey's own statistics, so the
 * panels do not sum them across replicas.
 */
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { MappingType } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { metrics } from '@lab/contract/metrics.ts'
import { noAnswerColor, quantileColors, severityColors, systemColors } from '../lib/colors.ts'
import { graph, stateTimeline } from '../lib/panels.ts'
import { replicas } from '../lib/scopes.ts'
import { colored, perReplica, third, waiting } from '../lib/styles.ts'

const { select, perSecond, quantile } = replicas
const noStore = 'No replica has reported values of Valkey yet.'

/** Shows whether each replica can reach its stores. */
export function dependencies(): Panel {
  return stateTimeline(
    {
      title: 'Dependencies',
      description:
        'Can every replica reach its store? A red bar means that the store does not respond to the replica, which uses only its own memory until the store responds again. A replica without a bar uses no shared store.',
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

/** Shows how many clients are connected to Valkey. */
export function storeClients(): Panel {
  return graph(
    {
      title: 'Valkey clients',
      description:
        'How many clients does Valkey have? Each replica has two connections to Valkey. If the number of Valkey clients only ever grows, connections are leaking.',
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

/** Shows Valkey's memory usage. */
export function storeMemory(): Panel {
  return graph(
    {
      title: 'Valkey memory',
      description:
        'Is Valkey running out of memory? At its memory limit, Valkey refuses to store more data, and room messages wait in the replicas.',
      unit: units.BytesIEC,
      noValue: noStore,
      width: third,
    },
    [{ expr: `max(${select(metrics.storeMemory.name)})`, legend: 'memory' }],
    colored({ memory: systemColors.valkey }),
  )
}

/** Shows how many commands Valkey processes per second. */
export function storeCommands(): Panel {
  return graph(
    {
      title: 'Valkey commands',
      description: 'How busy is Valkey? Commands per second from all clients. Valkey executes commands one after another on one core.',
      unit: units.OpsPerSecond,
      noValue: noStore,
      width: third,
    },
    [{ expr: `max(${perSecond(metrics.storeCommands.name)})`, legend: 'commands' }],
    colored({ commands: systemColors.valkey }),
  )
}

/** Shows how long it takes to store a room message. */
export function storeRoundTrip(): Panel {
  return graph(
    {
      title: 'Store round trip',
      description: 'How long does it take to store a room message? p50, p95 and p99 of the time until Valkey confirms the message.',
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

/** Shows the room messages that are waiting to be stored. */
export function outbox(): Panel {
  return graph(
    {
      title: 'Room messages waiting for the store',
      description:
        'Are room messages waiting to be stored? Room messages that are waiting for the store, by replica. While Valkey is unreachable, room messages accumulate up to a limit; beyond this limit, new messages are refused.',
      unit: units.Short,
      noValue: waiting,
      width: third,
    },
    [{ expr: `sum by (replica) (${select(metrics.roomOutbox.name)})`, legend: perReplica }],
    (panel) => panel.decimals(0),
  )
}
