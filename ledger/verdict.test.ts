/** Tests judge() with the records of correct runs, and of runs that contain a single violation. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { FaultRecord } from './drops.ts'
import type { FindingKind } from './findings.ts'
import { ClientLedger, type LogEntry } from './ledger.ts'
import { type History, judge, type Verdict } from './verdict.ts'

interface Shape {
  members: number
  rooms: number
  messages: number
}

/** Returns a run without violations: members send in turn, the room log contains every message, and every member receives every message. */
function goodRun({ members, rooms, messages }: Shape): History & { log: LogEntry[] } {
  const ledger = new ClientLedger()
  const log: LogEntry[] = []
  const roomOf = (member: number) => `r${member % rooms}`
  for (let member = 0; member < members; member++) ledger.join(member, roomOf(member), 1000)
  for (let i = 0; i < messages; i++) {
    const sender = (i * 7) % members
    const room = roomOf(sender)
    const n = ledger.send(sender, room)
    const seq = 2000 + i * 3
    ledger.answer(n, 'stored', seq)
    log.push({ n, seq, sender, room })
    for (let member = 0; member < members; member++) if (roomOf(member) === room) ledger.deliver(member, room, n, false)
  }
  return { ledger, log, faults: [], required: [], wire: [] }
}

function found(verdict: Verdict): FindingKind[] {
  return (Object.keys(verdict.findings) as FindingKind[]).filter((kind) => verdict.findings[kind].count > 0)
}

const shapes = fc.record({
  members: fc.integer({ min: 1, max: 8 }),
  rooms: fc.integer({ min: 1, max: 3 }),
  messages: fc.integer({ min: 1, max: 40 }),
})

describe('a run without violations', () => {
  test('passes, and every pair of message and member is counted', () => {
    const verdict = judge(goodRun({ members: 6, rooms: 2, messages: 30 }))
    expect(verdict).toMatchObject({
      pass: true,
      counts: { sent: 30, accepted: 30, stored: 30, expected: 90, delivered: 90, provisional: 0 },
    })
    expect(found(verdict)).toEqual([])
  })

  test('passes with any number of members, rooms and messages, with and without the room log', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const run = goodRun(shape)
        expect(judge(run).pass).toBe(true)
        expect(judge({ ...run, log: undefined }).pass).toBe(true)
      }),
    )
  })

  test('a run without messages fails, because it has nothing to judge', () => {
    expect(judge(goodRun({ members: 3, rooms: 1, messages: 0 })).pass).toBe(false)
  })
})

/** Picks a delivery to a member that received at least two messages. */
function someDelivery(run: History, choice: number) {
  const rich = [...run.ledger.memberships].filter(({ received }) => received.length > 1)
  const membership = rich[choice % rich.length]
  return membership && { membership, index: choice % (membership.received.length - 1) }
}

describe('a single violation in a good run is found and named', () => {
  const cases: { breaks: string; kind: FindingKind; how(received: number[], index: number): void }[] = [
    { breaks: 'a missing delivery', kind: 'lost', how: (received, index) => void received.splice(index, 1) },
    { breaks: 'a repeated delivery', kind: 'doubled', how: (received, index) => void received.splice(index + 1, 0, received[index] ?? 0) },
    { breaks: 'a late repetition', kind: 'doubled', how: (received, index) => void received.push(received[index] ?? 0) },
    {
      breaks: 'two swapped deliveries',
      kind: 'reordered',
      how: (received, index) => void received.splice(index, 2, received[index + 1] ?? 0, received[index] ?? 0),
    },
  ]
  test.each(cases)('$breaks: $kind', ({ kind, how }) => {
    fc.assert(
      fc.property(shapes, fc.nat(), (shape, choice) => {
        const run = goodRun(shape)
        const chosen = someDelivery(run, choice)
        fc.pre(chosen !== undefined)
        if (chosen === undefined) return
        const n = chosen.membership.received[chosen.index]
        how(chosen.membership.received, chosen.index)
        const verdict = judge(run)
        expect(verdict.pass).toBe(false)
        expect(found(verdict)).toEqual([kind])
        expect(verdict.findings[kind].count).toBe(1)
        expect(verdict.findings[kind].first[0]).toMatch(new RegExp(`message ${n}\\b.*member ${chosen.membership.member}`))
      }),
    )
  })

  test('a confirmed message that is missing in the room log is found', () => {
    const run = goodRun({ members: 2, rooms: 1, messages: 4 })
    run.log.splice(2, 1)
    expect(found(judge(run))).toEqual(['unstored'])
  })

  test('a message that is in the room log twice is found', () => {
    const run = goodRun({ members: 2, rooms: 1, messages: 4 })
    run.log.push({ ...(run.log[1] as LogEntry), seq: 9999 })
    const verdict = judge(run)
    expect(found(verdict)).toEqual(['doubled'])
    expect(verdict.findings.doubled.first[0]).toContain('message 2')
  })

  test('a confirmation with another sequence number than the room log is found', () => {
    const run = goodRun({ members: 2, rooms: 1, messages: 4 })
    ;(run.log[3] as LogEntry).seq += 1
    expect(found(judge(run))).toEqual(['unstored'])
  })

  test('a delivery of a message that no member sent is found', () => {
    const run = goodRun({ members: 2, rooms: 1, messages: 4 })
    run.log.push({ n: 77, seq: 9999, sender: 1, room: 'r0' })
    expect(found(judge(run))).toEqual(['unstored'])
  })

  test('a message without an answer is found, and a refused message is not', () => {
    const run = goodRun({ members: 2, rooms: 1, messages: 4 })
    run.ledger.answer(run.ledger.send(0, 'r0'), 'refused')
    expect(judge(run).pass).toBe(true)
    run.ledger.send(0, 'r0')
    expect(found(judge(run))).toEqual(['unanswered'])
  })

  test('a message that was stored but never answered must be delivered, too', () => {
    const run = goodRun({ members: 2, rooms: 1, messages: 4 })
    run.log.push({ n: run.ledger.send(0, 'r0'), seq: 9999, sender: 0, room: 'r0' })
    const verdict = judge(run)
    expect(found(verdict)).toEqual(['lost', 'unanswered'])
    expect(verdict.findings.lost.count).toBe(2)
  })

  test('a member need not receive messages from before it joined', () => {
    const run = goodRun({ members: 2, rooms: 1, messages: 4 })
    run.ledger.join(9, 'r0', run.log[1]?.seq ?? 0)
    const verdict = judge(run)
    expect(verdict.findings.lost.first).toEqual([
      expect.stringContaining('message 3 of member'),
      expect.stringContaining('message 4 of member'),
    ])
  })
})

describe('while the store is unreachable', () => {
  test('members may receive provisional messages, if the messages of each sender are in order', () => {
    const { ledger, log, ...rest } = goodRun({ members: 2, rooms: 1, messages: 0 })
    const [a, b] = [ledger.send(0, 'r0'), ledger.send(1, 'r0')]
    for (const n of [a, b]) ledger.answer(n, 'stored', 3000 - n)
    log.push({ n: b, seq: 3000 - b, sender: 1, room: 'r0' }, { n: a, seq: 3000 - a, sender: 0, room: 'r0' })
    ledger.deliver(0, 'r0', a, true)
    ledger.deliver(0, 'r0', b, false)
    ledger.deliver(1, 'r0', b, false)
    ledger.deliver(1, 'r0', a, false)
    expect(judge({ ...rest, ledger, log })).toMatchObject({ pass: true, counts: { provisional: 1, delivered: 4 } })
  })

  test('provisional messages of one sender out of order are found', () => {
    const { ledger, log, ...rest } = goodRun({ members: 1, rooms: 1, messages: 0 })
    const [a, b] = [ledger.send(0, 'r0'), ledger.send(0, 'r0')]
    log.push({ n: a, seq: 3000, sender: 0, room: 'r0' }, { n: b, seq: 3001, sender: 0, room: 'r0' })
    for (const { n, seq } of log) ledger.answer(n, 'stored', seq)
    ledger.deliver(0, 'r0', b, true)
    ledger.deliver(0, 'r0', a, true)
    expect(found(judge({ ...rest, ledger, log }))).toEqual(['reordered'])
  })
})

describe('connections and faults', () => {
  const at = Date.parse('2026-01-01T00:00:00Z')
  const drain: FaultRecord = {
    kind: 'drain',
    mayEnd: ['draining', 'replaced', 'moving_on'],
    replica: 'ws-2',
    fromMs: at,
    toMs: at + 9000,
    happened: true,
    detail: 'exit 0',
  }
  const kill: FaultRecord = {
    kind: 'kill',
    mayEnd: ['abnormal', 'heartbeat_lost', 'internal'],
    replica: 'ws-1',
    fromMs: at,
    toMs: at + 5000,
    happened: true,
    detail: 'exit 137',
  }
  const drops = (...given: [replica: string, code: number, afterMs: number, goodbye?: string][]) => {
    const run = goodRun({ members: 2, rooms: 1, messages: 4 })
    for (const [replica, code, afterMs, goodbye] of given)
      run.ledger.drops.push({ member: 0, replica, code, atMs: at + afterMs, backAtMs: undefined, goodbye })
    return { ...run, faults: [drain, kill] }
  }

  test('a fault explains a lost connection if its replica, its period and its close causes match', () => {
    const verdict = judge(
      drops(['ws-2', 1012, 8000], ['ws-2', 4003, 5000, 'draining'], ['ws-1', 1006, 20], ['ws-3', 4004, 90_000, 'rebalancing']),
    )
    expect(verdict).toMatchObject({
      pass: true,
      drops: {
        total: 4,
        explained: { 'drain: draining': 1, 'drain: replaced': 1, 'kill: abnormal': 1, 'rebalance: moving_on': 1 },
        unexplained: {},
      },
    })
  })

  test.each([
    ['another replica', ['ws-3', 1012, 8000]],
    ['too late', ['ws-2', 1012, 10_000]],
    ['too early', ['ws-1', 1006, -1]],
    ['without a close frame in a drain', ['ws-2', 1006, 5000]],
    ['a move without a goodbye', ['ws-3', 4004, 5000]],
  ] as const)('%s: unexplained', (_, drop) => {
    const verdict = judge(drops([...drop]))
    expect(found(verdict)).toEqual(['unexplained'])
    expect(verdict.findings.unexplained.first[0]).toContain(`member 0 lost ${drop[0]} with ${drop[1]}`)
  })

  test('a required kind of fault that never took place fails the run', () => {
    const required = ['drain', 'kill', 'valkey-pause'] as const
    expect(judge({ ...drops(), required }).findings.silent).toEqual({ count: 1, first: ['valkey-pause: never injected'] })
    const failed = { ...drops(), faults: [drain, { ...kill, happened: false, detail: 'no such container' }], required: ['kill'] as const }
    expect(judge(failed).findings.silent.first).toEqual(['kill: no such container'])
  })

  test('a gap that a client reports and a protocol violation of a replica are found', () => {
    const run = drops()
    run.ledger.gaps.push({ member: 1, room: 'r0', detail: 'places 15 to 19' })
    const wire = [
      {
        connection: 'connection c of member 1 to ws-2',
        breach: { kind: 'repeated', room: 'r0', offset: 7, seq: 70, data: { n: 3 } } as const,
      },
    ]
    const verdict = judge({ ...run, wire })
    expect(found(verdict)).toEqual(['repeated', 'gap'])
    expect(verdict.findings.repeated.first[0]).toBe('number 7 of r0, which carried {"n":3}, on connection c of member 1 to ws-2')
  })
})
