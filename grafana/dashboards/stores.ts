/** The Stores dashboard is about Valkey, and about the rooms that replicas share through Valkey. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { pages } from '../lib/pages.ts'
import { pubsubHeatmap, pubsubLag, roomLog, roomMembers, roomMessages, rooms } from '../panels/rooms.ts'
import { dependencies, outbox, storeClients, storeCommands, storeMemory, storeRoundTrip } from '../panels/stores.ts'
import { labPage } from './lab-page.ts'

/** Builds a new copy of the Stores dashboard on every call. */
export function stores(): Dashboard {
  const rows = [
    { title: 'Valkey', lines: [[dependencies()], [storeClients(), storeMemory(), storeCommands()]] },
    { title: 'Store latency', lines: [[storeRoundTrip(), pubsubLag(), pubsubHeatmap()]] },
    {
      title: 'Rooms across replicas',
      lines: [
        [roomMessages(), outbox(), roomLog()],
        [rooms(), roomMembers()],
      ],
    },
  ]
  return labPage(pages.stores, rows)
}
