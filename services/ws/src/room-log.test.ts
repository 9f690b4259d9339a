import { expect, test } from 'vitest'
import { MemoryRoomLog, type Published, type RoomMessage, seqsPerMs } from './room-log.ts'

test('the in-memory log increases with time, even if the clock stands still, and counts each room separately', async () => {
  let nowMs = 1_000
  const log = new MemoryRoomLog(() => nowMs, 100)
  const seen: RoomMessage[] = []
  await log.start({ onMessage: (message) => void seen.push(message), onProvisional: () => {}, onLost: () => {}, onEnd: () => {} })
  const outcomes: Published[] = []
  const publish = (room: string, key: string) =>
    log.publish({ room, key, head: Buffer.from('{'), publishedAtMs: nowMs }, (o) => outcomes.push(o))
  expect(log.position).toBe(1_000 * seqsPerMs)
  publish('tea', 'a')
  publish('milk', 'b')
  nowMs = 5_000
  publish('tea', 'c')
  publish('tea', 'a')
  expect(seen.map(({ room, seq, offset }) => [room, seq, offset])).toEqual([
    ['tea', 1_000_001, 1],
    ['milk', 1_000_002, 1],
    ['tea', 5_000_000, 2],
  ])
  expect(outcomes.map(({ result }) => result)).toEqual(['stored', 'stored', 'stored', 'duplicate'])
  expect(outcomes.at(-1)).toEqual({ result: 'duplicate', seq: 1_000_001 })
  expect([log.position, log.waiting, log.healthy()]).toEqual([5_000_000, 0, true])
})
