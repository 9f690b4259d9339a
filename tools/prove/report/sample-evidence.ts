/** Evidence of a fictitious run, for tests. The evidence is small enough for its figures to be calculated by hand. Pure. */
import { ClientLedger } from '@lab/ledger/ledger.ts'
import { judge } from '@lab/ledger/verdict.ts'
import { timesOf } from '../core/report.ts'
import type { Evidence } from './build.ts'

const startMs = Date.UTC(2026, 0, 1)
const times = timesOf([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])

/**
 * The sample evidence contains two clients in one room, one message that is delivered to both, a drain, a crash, a scale-up and a
 * scale-down.
 */
export function sampleEvidence(): Evidence {
  const ledger = new ClientLedger()
  for (const member of [0, 1]) ledger.join(member, 'tea', 0)
  ledger.answer(ledger.send(0, 'tea'), 'stored', 5)
  for (const member of [0, 1]) ledger.deliver(member, 'tea', 1, false)
  const verdict = judge({ ledger, log: undefined, faults: [], required: [], wire: [] })
  const at = (seconds: number) => startMs + seconds * 1000
  return {
    report: {
      verdict,
      startedAt: '2026-01-01T00:00:00Z',
      seconds: 100,
      planned: 2,
      options: {
        on: 'compose',
        page: undefined,
        sockets: 2,
        rooms: 1,
        minutes: 1,
        drains: 1,
        rate: 10,
        faults: ['drain', 'kill'],
        seed: 3,
        replicas: 2,
        up: false,
        valkey: undefined,
        entry: undefined,
        reports: 'reports',
        report: true,
        prices: 'prices.yaml',
      },
      figures: {
        reconnectAfterKillMs: times,
        drainMs: times,
        awayDuringDrainMs: times,
        crossReplicaMs: times,
        crossReplicaUnderFaultsMs: times,
        storedMs: times,
        mostReturnsPerSecond: 40,
        clients: {},
      },
      faults: [{ atSeconds: 70, kind: 'kill', replica: 'ws-1', happened: true, detail: 'exit 137 & <healthy> again' }],
    },
    surgeClients: 2,
    window: [startMs, at(100)],
    probes: [
      { atMs: at(19), connectMs: 500, answerMs: 2, replica: 'ws-3', problem: undefined },
      { atMs: at(20), connectMs: 4, answerMs: 2, replica: 'ws-1', problem: undefined },
    ],
    scaled: {
      by: 'scaler',
      timeScale: 5,
      synchronisations: 33,
      atStart: ['ws-1', 'ws-2'],
      demands: [{ atMs: at(10), direction: 'up', text: '2 more sockets come' }],
      decisions: [
        { atMs: at(12), from: 2, to: 3, reason: '150 connections', tookSeconds: 3, removed: [] },
        { atMs: at(50), from: 3, to: 2, reason: '66 connections', tookSeconds: 8, removed: ['ws-3'] },
      ],
      events: [
        { atMs: at(13), replica: 'ws-3', what: 'started' },
        { atMs: at(15), replica: 'ws-3', what: 'ready' },
        { atMs: at(58), replica: 'ws-3', what: 'gone' },
        { atMs: at(70), replica: 'ws-1', what: 'gone' },
        { atMs: at(80), replica: 'ws-1', what: 'started' },
        { atMs: at(82), replica: 'ws-1', what: 'ready' },
      ],
    },
    handshakes: { attempts: 4, succeeded: 4 },
    load: [
      { atSeconds: 0, sockets: 36, deliveredPerSecond: 0 },
      { atSeconds: 50, sockets: 72, deliveredPerSecond: 4 },
      { atSeconds: 100, sockets: 36, deliveredPerSecond: 2 },
    ],
    delivery: { all: times, normal: times, tenTimes: times },
    sampled: {
      cpuSeconds: ['ws-1', 'ws-2', 'ws-3'].map((replica) => ({
        replica,
        samples: [
          [at(20), 3],
          [at(30), 4],
        ] as const,
      })),
      residentBytes: ['ws-1', 'ws-2', 'ws-3'].map((replica) => ({
        replica,
        samples: [
          [at(20), 2 ** 26],
          [at(30), 2 ** 27],
        ] as const,
      })),
    },
    prices: { currency: 'EUR', source: 'a test', perVcpuHour: 36, perGibHour: 3.6, request: { vcpu: 0.5, gib: 1 } },
    benchmarks: [],
    environment: {
      cores: 2,
      memoryBytes: 2 ** 33,
      cpu: 'a test',
      loadAverage: [1, 1.5],
      kernel: 'Linux 1',
      engine: '28',
      compose: '2',
      node: 'v24',
      seed: 3,
      images: [{ service: 'ws', image: 'lab-ws', id: '0123' }],
      commandLine: './lab prove --report',
      revision: 'abc',
    },
  }
}
