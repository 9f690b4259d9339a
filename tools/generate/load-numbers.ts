/** Generates the numbers of the load scenarios, and the names in the protocol that they need, as JSON, which Locust and Artillery read. */
import { paths } from '@lab/contract/endpoints.ts'
import type { ClientMessageType, ServerMessageType } from '@lab/contract/messages.ts'
import { ordinary, type Scenario, scenarios, visits } from '@lab/k6/lib/scenarios.ts'

/** Scenarios that only k6 has, because Locust and Artillery keep no ledger and make only short visits. */
const onlyK6: readonly string[] = ['ledger', 'held']

/** The message types that the load generators send and receive. */
const types = {
  message: 'message',
  broadcast: 'broadcast',
  join: 'join',
  response: 'message_response',
  joined: 'room_joined',
  error: 'error',
} as const satisfies Record<string, ClientMessageType | ServerMessageType>

export function loadNumbers(): string {
  const entries = (Object.entries(scenarios) as [string, Scenario][]).filter(([name]) => !onlyK6.includes(name))
  const shown = entries.map(([name, { sockets, stages, short, rooms = ordinary.rooms }]) => [name, { sockets, rooms, stages, short }])
  return `${JSON.stringify({ path: paths.wsChat, types, visits, scenarios: Object.fromEntries(shown) }, null, 2)}\n`
}
