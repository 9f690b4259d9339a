/** All dashboard pages, in the order in which they link to each other. Changing a page's uid breaks saved links. */
import { grafana } from '@lab/contract/endpoints.ts'

export interface Page {
  uid: string
  /** Title of the dashboard. */
  title: string
  /** Text of the links to the dashboard. */
  name: string
  /** The question that a dashboard page answers. */
  question: string
  /** The time range that the page shows at first; the last 15 minutes by default. */
  range?: string
}

export const pages = {
  start: {
    uid: grafana.homeDashboardUid,
    title: 'Start here: WebSocket Scaling Lab',
    name: 'Start here',
    question: 'Are all clients served while replicas start and stop?',
  },
  users: {
    uid: 'lab-users',
    title: 'Users',
    name: 'Users',
    question:
      'How does the lab perform for clients: can they connect, how fast are responses, why do connections end, and do clients reconnect?',
  },
  scaling: {
    uid: 'lab-scaling',
    title: 'Scaling',
    name: 'Scaling',
    question: 'How many replicas are there and why, how do changes affect clients, and what do the replicas cost?',
  },
  replicas: {
    uid: 'lab-replicas',
    title: 'Replicas',
    name: 'Replicas',
    question: 'What state is each replica in, how many connections does it have, and which resources does it use?',
  },
  edge: {
    uid: 'lab-load-and-edge',
    title: 'Load and edge',
    name: 'Load and edge',
    question: 'Do the load generator, the router and the replicas report the same numbers?',
  },
  errors: {
    uid: 'lab-errors',
    title: 'Errors',
    name: 'Errors',
    question: 'What fails, how often and where: at the router, at the replicas, or because connections are lost?',
  },
  day: {
    uid: 'lab-day',
    title: 'The last 24 hours',
    name: 'Last 24 hours',
    question: 'How did load, replicas, latency, errors and cost develop over a day?',
    range: '24h',
  },
  stores: {
    uid: 'lab-stores',
    title: 'Stores',
    name: 'Stores',
    question: 'Is Valkey available, and how fast do room messages reach other replicas?',
  },
  containers: {
    uid: 'lab-containers',
    title: 'Containers',
    name: 'Containers',
    question: 'How much CPU, memory, network and disk does each container of the lab use, including stores, router and monitoring?',
  },
  logs: {
    uid: 'lab-logs',
    title: 'Logs',
    name: 'Logs',
    question:
      'What do the router and the replicas log, and what happened to a given connection? This page requires the Compose profile "logging".',
  },
} as const satisfies Record<string, Page>

/** All dashboard pages, in the order in which they link to each other. */
export const allPages: readonly Page[] = Object.values(pages)
