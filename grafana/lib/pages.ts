/** The pages there are, in the order of their links. A page's uid never changes once it is published. */
import { grafana } from '@lab/contract/endpoints.ts'

export interface Page {
  uid: string
  /** Of the dashboard. */
  title: string
  /** Of the links to it. */
  name: string
  /** What it answers, as a question. */
  question: string
}

export const pages = {
  start: {
    uid: grafana.homeDashboardUid,
    title: 'Start here: WebSocket Scaling Lab',
    name: 'Start here',
    question: 'Is everybody served while replicas come and go?',
  },
  users: {
    uid: 'lab-users',
    title: 'Users',
    name: 'Users',
    question: 'What do clients notice: can they connect, how fast is the answer, why do connections end, and do they come back?',
  },
  scaling: {
    uid: 'lab-scaling',
    title: 'Scaling',
    name: 'Scaling',
    question: 'How many replicas are there, why that many, what does a change cost clients, and what does it all cost?',
  },
  replicas: {
    uid: 'lab-replicas',
    title: 'Replicas',
    name: 'Replicas',
    question: 'How is each replica: its state, its share of the connections, and what it uses?',
  },
  edge: {
    uid: 'lab-load-and-edge',
    title: 'Load and edge',
    name: 'Load and edge',
    question: 'What does the load generator send, what does the router see of it, and do both agree with the replicas?',
  },
  stores: {
    uid: 'lab-stores',
    title: 'Stores',
    name: 'Stores',
    question: 'Is Valkey there, and how fast do room messages get from one replica to the others?',
  },
  logs: {
    uid: 'lab-logs',
    title: 'Logs',
    name: 'Logs',
    question: 'What do router and replicas write, and what happened to one connection? Needs the profile logging.',
  },
} as const satisfies Record<string, Page>

/** Every page, in the order of the links. */
export const allPages: readonly Page[] = Object.values(pages)
