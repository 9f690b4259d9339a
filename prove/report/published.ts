/** What others have published, and which figure of ours stands against it. Data alone. */
import type { Comparison } from './schema.ts'

/** Figures of a run that comparisons use. */
export const runFigures = {
  sockets: 'most sockets open at once in this run',
  deliveryP95: 'this run: room message to each member, p95',
  connectP95: 'this run: dialling to greeting, p95',
  answerP95: 'this run: message to answer, p95',
  errors: 'this run: failed attempts ÷ attempts',
  scaleUp: 'this run: demand to the first socket on a replica that the scaler added',
  hours: 'this run: its length',
  tenTimesP95: 'this run: room message, p95 at ten times the normal rate',
} as const
export type RunFigure = keyof typeof runFigures

export interface Published extends Pick<Comparison, 'id' | 'what' | 'unit' | 'better' | 'note'> {
  /** A figure of the run, a row of docs/benchmarks.md by its title, or nothing that was ever measured. */
  ours: { run: RunFigure } | { bench: string } | undefined
  theirs: Comparison['theirs']
}

const higher = { better: 'higher' } as const
const lower = { better: 'lower' } as const

const stressPlan = 'stress-test plan for a cluster on EKS'
const tenThousand = 'concurrentSockets (Bun, blue-green)'
const asked = 'its targets, as described'
const centrifugo = { who: 'Centrifugo, 20 pods', source: 'https://centrifugal.dev/blog/2020/02/10/million-connections-with-centrifugo' }
const elsewhere = 'other machines and conditions; ours one core, no router, no store'

const runs: readonly Published[] = [
  {
    ...{
      id: 'sockets-1000',
      what: 'Sockets at once',
      unit: '',
      ...higher,
      ours: { run: 'sockets' },
      note: 'as many as this run was asked for',
    },
    theirs: { value: 1000, who: stressPlan, source: 'at least 1,000 WebSocket users' },
  },
  {
    ...{
      id: 'sockets-2500',
      what: 'Sockets at once',
      unit: '',
      ...higher,
      ours: { run: 'sockets' },
      note: 'as many as this run was asked for',
    },
    theirs: { value: 2500, who: 'Web-Sockets-EX (Phoenix)', source: 'load test: 5 pods × 500 connections' },
  },
  {
    ...{ id: 'delivery', what: 'Update of a room', unit: 'ms', ...lower, ours: { run: 'deliveryP95' }, note: 'faults included' },
    theirs: { value: 100, who: 'devops-insights (rooms by region)', source: 'updates in less than 100 ms' },
  },
  {
    ...{ id: 'connect', what: 'Connect, p95', unit: 'ms', ...lower, ours: { run: 'connectP95' }, note: 'theirs at up to 5,000 sockets' },
    theirs: { value: 2000, who: tenThousand, source: asked },
  },
  {
    ...{ id: 'answer', what: 'Answer, p95', unit: 'ms', ...lower, ours: { run: 'answerP95' }, note: 'theirs at up to 5,000 sockets' },
    theirs: { value: 1000, who: tenThousand, source: asked },
  },
  {
    ...{ id: 'errors', what: 'Errors', unit: '%', ...lower, ours: { run: 'errors' }, note: 'with drains and a crash' },
    theirs: { value: 1, who: tenThousand, source: asked },
  },
  {
    ...{
      id: 'scale-up',
      what: 'Scaling up',
      unit: 's',
      ...lower,
      ours: { run: 'scaleUp' },
      note: 'containers on one machine, no nodes to wait for',
    },
    theirs: { value: 120, who: stressPlan, source: 'autoscaling responds within 2 minutes' },
  },
  {
    ...{ id: 'hours', what: 'Hours under load', unit: 'h', ...higher, ours: { run: 'hours' }, note: 'as long as this run was asked for' },
    theirs: { value: 48, who: stressPlan, source: '2 to 3 days of heavy stress' },
  },
]

const benches: readonly Published[] = [
  {
    ...{ id: 'idle-memory', what: 'Memory of an idle socket', unit: 'KiB', ...lower, note: elsewhere },
    ours: { bench: 'memory per idle socket at 10,000, KiB' },
    theirs: { value: 26.4, ...centrifugo },
  },
  {
    ...{ id: 'idle-memory-phoenix', what: 'Memory of a socket', unit: 'KiB', ...lower, note: `${elsewhere}; theirs is an upper bound` },
    ours: { bench: 'memory per idle socket at 10,000, KiB' },
    theirs: { value: 64, who: 'Phoenix Channels', source: 'https://phoenixframework.org/blog/the-road-to-2-million-websocket-connections' },
  },
  {
    ...{ id: 'deliveries', what: 'Deliveries per second and core', unit: '/s', ...higher, note: `${elsewhere}; theirs with Redis` },
    ours: { bench: 'fan-out, 1 to 1,000, deliveries/s' },
    theirs: { value: 12_500, ...centrifugo },
  },
  {
    ...{
      id: 'deliveries-socketio',
      what: 'Deliveries per second and core',
      unit: '/s',
      ...higher,
      note: `${elsewhere}; theirs 1 KB each, ours 270 B`,
    },
    ours: { bench: 'fan-out, 1 to 1,000, deliveries/s' },
    theirs: { value: 30_000, who: 'Socket.IO', source: 'https://github.com/ezioda004/benchmark-socketio-uwebsockets' },
  },
  {
    ...{ id: 'deliveries-bun', what: 'Deliveries per second', unit: '/s', ...higher, note: `${elsewhere}; theirs to 16 clients` },
    ours: { bench: 'fan-out, 1 to 1,000, deliveries/s' },
    theirs: { value: 700_000, who: 'Bun.serve', source: 'https://bun.sh/docs/api/websockets' },
  },
  {
    ...{
      id: 'connects',
      what: 'Connects per second and core',
      unit: '/s',
      ...higher,
      note: `${elsewhere}; theirs open and close, and deliver meanwhile`,
    },
    ours: { bench: 'connects, 10,000 sockets, 128 at a time, connects/s' },
    theirs: { value: 83, ...centrifugo },
  },
]

/** For which nothing of ours was ever measured. */
const unmeasured: readonly Published[] = [
  {
    ...{ id: 'million', what: 'Sockets of one cluster', unit: '', ...higher, ours: undefined, note: '' },
    theirs: { value: 1_000_000, ...centrifugo },
  },
  {
    ...{ id: 'one-room', what: 'Members of one room', unit: '', ...higher, ours: undefined, note: '' },
    theirs: {
      value: 2_000_000,
      who: 'Phoenix Channels',
      source: 'https://phoenixframework.org/blog/the-road-to-2-million-websocket-connections',
    },
  },
]

export const published: readonly Published[] = [...runs, ...benches, ...unmeasured]

/** Rows of docs/benchmarks.md whose reference is plain `ws` on the same machine, in the same rounds. */
export const againstWs: readonly Pick<Published, 'id' | 'what' | 'unit' | 'better'>[] = [
  { id: 'echo, one message on its way per socket, 100 sockets, msg/s', what: 'Echo, one at a time', unit: 'msg/s', ...higher },
  { id: 'echo, 16 on their way per socket, 100 sockets, msg/s', what: 'Echo, 16 at a time', unit: 'msg/s', ...higher },
  { id: 'fan-out, 1 to 1,000, deliveries/s', what: 'Fan-out, 1 to 1,000', unit: '/s', ...higher },
  { id: 'connects, 10,000 sockets, 128 at a time, connects/s', what: 'Connects', unit: '/s', ...higher },
  { id: 'memory per idle socket at 10,000, KiB', what: 'Memory of an idle socket', unit: 'KiB', ...lower },
  {
    ...{ id: '5,000 msg/s on 1,000 sockets: p50, µs / the same with a heartbeat every 4 s: p99, µs', unit: 'µs', ...lower },
    what: '5,000 msg/s on 10,000 sockets with heartbeats, p99',
  },
]
